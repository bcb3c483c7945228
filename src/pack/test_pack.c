#include "base/arena.h"
#include "base/err.h"
#include "base/test.h"
#include "pack/files.h"
#include "pack/pack.h"
#include "text/json_path.h"
#include "text/regex.h"
#include "text/yaml.h"

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

static struct packs all(void)
{
    struct packs packs;
    struct err err;

    assert_ok(packs_load(&arena, &packs, &err), err);
    return packs;
}

static void the_packs_that_the_program_carries_are_sound(void **state)
{
    struct packs packs = all();
    struct err err;

    (void)state;
    assert_true(packs.n > 3);
    for (size_t i = 0; i < packs.n; i++) {
        const struct pack_recognise *r = &packs.items[i].recognise;

        assert_ptr_equal(packs_find(&packs, str_c(packs.items[i].name)), &packs.items[i]);
        for (size_t k = 0; k < r->processes_n; k++) {
            struct regex *regex;

            assert_ok(regex_new(str_c(r->processes[k]), false, &regex, &err), err);
            regex_free(regex);
        }
        for (size_t k = 0; k < r->http_n; k++) {
            struct json_path path;

            if (r->http[k].json)
                assert_ok(json_path_parse(&arena, str_c(r->http[k].json), &path, &err), err);
            assert_int_equal(r->http[k].path[0], '/');
        }
    }
}

static void a_pack_says_how_its_service_is_recognised(void **state)
{
    struct packs packs = all();
    const struct pack *soundbox = packs_find(&packs, STR("soundbox"));
    const struct pack *redis = packs_find(&packs, STR("redis"));

    (void)state;
    assert_string_equal(soundbox->title, "Sound Box");
    assert_string_equal(soundbox->address->name, "url");
    assert_true(str_eq(soundbox->address->value->text, STR("http://127.0.0.1:5309")));
    assert_int_equal(soundbox->recognise.ports[0], 5309);
    assert_string_equal(soundbox->recognise.http[0].path, "/status");
    assert_string_equal(soundbox->recognise.http[0].json, "models.music");
    assert_string_equal(redis->recognise.exes[0], "redis-server");
    assert_true(packs_find(&packs, STR("host"))->recognise.always);
    assert_null(packs_find(&packs, STR("nope")));
}

/* What is written and does nothing would be believed to do something. */
static void every_parameter_has_an_effect_or_says_that_it_has_none_yet(void **state)
{
    (void)state;
    for (size_t i = 0; i < pack_files_n; i++) {
        const struct pack_file *file = &pack_files[i];
        struct packs packs = all();
        const struct pack *pack = packs_find(&packs, str_c(file->name));

        for (size_t k = 0; k < pack->parameters_n; k++) {
            const struct pack_parameter *p = &pack->parameters[k];
            const char *use = arena_printf(&arena, NULL, "${%s}", p->name);
            bool used = p->tunes || memmem(file->pack.p, file->pack.n, use, strlen(use)) ||
                        (file->rules.n && memmem(file->rules.p, file->rules.n, use, strlen(use)));

            if (used == (p->later != NULL))
                fail_msg("%s of the pack %s: %s", p->name, pack->name,
                         used ? "has an effect, though it says later" : "has no effect");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_packs_that_the_program_carries_are_sound, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_pack_says_how_its_service_is_recognised, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(every_parameter_has_an_effect_or_says_that_it_has_none_yet,
                                        set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
