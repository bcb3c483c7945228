#include "collect/recognise/program.h"

#include "base/test.h"
#include "collect/recognise/survey.h"

#define RUNS(text) ((struct survey_process){.name = STR("comm"), .words = STR(text "\0")})

static void check(struct survey_process p, const char *name, const char *job)
{
    char out[PROGRAM_NAME_MAX];

    program_name(&p, out);
    assert_string_equal(out, name);
    program_job(&p, 8000, out);
    assert_string_equal(out, job);
}

static void a_program_is_called_by_its_base_name(void **state)
{
    (void)state;
    check(RUNS("/usr/bin/redis-server\0*:6379"), "redis-server", "redis-server");
    check(RUNS("./Odd Exporter\0--port"), "comm", "comm");
    check(RUNS("/opt/x/MyService.sh"), "MyService", "myservice");
}

static void an_interpreter_is_called_by_what_it_runs(void **state)
{
    (void)state;
    check(RUNS("/usr/bin/python3.11\0-u\0/srv/queue_exporter.py\0--port\0"
               "8000"),
          "queue_exporter", "queue_exporter");
    check(RUNS("python3\0-m\0vllm.entrypoints.openai.api_server"),
          "vllm.entrypoints.openai.api_server", "vllm-entrypoints-openai-api_server");
    check(RUNS("/usr/bin/python3\0/usr/bin/uvicorn\0hub.main:app\0--port\0"
               "8000"),
          "hub.main", "hub-main");
    check(RUNS("node\0server.js"), "server", "server");
    check(RUNS("python3"), "python3", "python3");
}

static void code_and_the_passwords_in_it_are_no_name(void **state)
{
    (void)state;
    check(RUNS("bash\0-c\0PASSWORD=hunter2 exec serve"), "bash", "bash");
    check(RUNS("python3\0-c\0KEY='sk-secret';run()"), "python3", "python3");
    check(RUNS("sh\0-c\0curl -u me:secret http://h"), "sh", "sh");
    check(RUNS("python3\0/srv/My Apps/serve.py"), "serve", "serve");
}

static void no_name_ends_a_line_of_yaml(void **state)
{
    (void)state;
    check(RUNS("/opt/x\u2028y\xc2\x85z\u00e4\ufeff"), "x   y  z\u00e4   ", "x-y-z");
    assert_int_equal(program_odd(STR("\u2029")), 3);
    assert_int_equal(program_odd(STR("\u2030")), 0);
    assert_int_equal(program_odd(STR("")), 0);
}

static void nobody_known_has_the_port_as_job(void **state)
{
    char out[PROGRAM_NAME_MAX];

    (void)state;
    program_job(NULL, 8000, out);
    assert_string_equal(out, "port-8000");
    check(RUNS("/opt/null"), "null", "port-8000");
    check((struct survey_process){.name = STR("\x1b[2J\xff")}, " [2J?", "2j");
}

static void options_are_found_in_each_of_their_forms(void **state)
{
    const struct survey_process forms[] = {
        RUNS("celery\0worker\0-Q\0a,b"), RUNS("celery\0worker\0-Qa,b"),
        RUNS("celery\0worker\0--queues\0a,b"), RUNS("celery\0worker\0--queues=a,b")};
    struct survey_process last = RUNS("celery\0-Q");

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(forms); i++)
        assert_true(str_eq(program_option(&forms[i], "-Q", "--queues"), STR("a,b")));
    assert_false(program_option(&last, "-B", "--broker").p);
    assert_true(program_has_word(&forms[0], STR("worker")));
    assert_false(program_has_word(&forms[0], STR("work")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_is_called_by_its_base_name),
        cmocka_unit_test(an_interpreter_is_called_by_what_it_runs),
        cmocka_unit_test(code_and_the_passwords_in_it_are_no_name),
        cmocka_unit_test(no_name_ends_a_line_of_yaml),
        cmocka_unit_test(nobody_known_has_the_port_as_job),
        cmocka_unit_test(options_are_found_in_each_of_their_forms),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
