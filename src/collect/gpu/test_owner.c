#include "base/test.h"

#include "collect/gpu/owner.h"

/* `|` stands for the NUL between arguments. */
static void assert_owner(const char *arguments, const char *cgroup, const char *expected)
{
    char text[300], out[OWNER_BYTES];
    size_t n = strlen(arguments);
    struct str name;

    memcpy(text, arguments, n);
    for (size_t i = 0; i < n; i++)
        text[i] = text[i] == '|' ? '\0' : text[i];
    name = owner_of_texts((struct str){text, n}, str_c(cgroup), out);
    if (!str_eq(name, str_c(expected)))
        fail_msg("%s: %.*s instead of %s", arguments, STR_ARGS(name), expected);
}

static void model_servers_are_known_however_they_are_started(void **state)
{
    (void)state;
    assert_owner("/usr/bin/vllm|serve|model|", "", "vllm");
    assert_owner("python3|-m|vllm.entrypoints.openai.api_server|", "", "vllm");
    assert_owner("/venv/bin/python|/venv/bin/vllm|serve|", "0::/system.slice/llm.service", "vllm");
    assert_owner("VLLM::EngineCore", "", "vllm");
    assert_owner("/opt/tritonserver/bin/tritonserver|", "", "triton");
    assert_owner("text-generation-launcher|", "", "tgi");
    assert_owner("/usr/local/bin/ollama|runner|--port|1|", "0::/system.slice/ollama.service",
                 "ollama");
    assert_owner("python3|/opt/ComfyUI/main.py|", "", "comfyui");
}

static void a_unit_is_what_a_person_knows(void **state)
{
    (void)state;
    assert_owner("/usr/bin/python3|server.py|", "0::/system.slice/soundbox.service\n", "soundbox");
    assert_owner("/usr/bin/python3|-u|x.py|",
                 "12:pids:/system.slice/a.service\n0::/system.slice/a.service/worker\n", "a");
    assert_owner("python3|train.py|",
                 "0::/user.slice/user-1000.slice/user@1000.service/session.scope\n", "train");
}

static void a_script_speaks_for_its_interpreter(void **state)
{
    (void)state;
    assert_owner("python3|-u|/home/me/train.py|--lr|", "", "train");
    assert_owner("python3|/srv/separator/main.py|", "", "separator");
    assert_owner("python3|main.py|", "", "main");
    assert_owner("python3|-m|demucs.separate|", "", "demucs");
    assert_owner("python3|-c|import torch|", "", "python3");
    assert_owner("/usr/lib/xorg/Xorg|:0|", "", "Xorg");
}

static void who_does_not_tell_is_unknown(void **state)
{
    (void)state;
    assert_owner("", "", "unknown");
    assert_owner("\xff\xfe|", "", "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(model_servers_are_known_however_they_are_started),
        cmocka_unit_test(a_unit_is_what_a_person_knows),
        cmocka_unit_test(a_script_speaks_for_its_interpreter),
        cmocka_unit_test(who_does_not_tell_is_unknown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
