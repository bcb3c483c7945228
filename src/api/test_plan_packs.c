#include "api/plan_packs.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/test.h"
#include "collect/recognise/recognise.h"
#include "pack/pack.h"

static int setup(void **state)
{
    static struct arena a;

    arena_init(&a, NULL);
    *state = &a;
    return 0;
}

static int teardown(void **state)
{
    arena_fini(*state);
    return 0;
}

static void an_entry_holds_the_address_whatever_signs_are_in_it(void **state)
{
    const struct pack_parameter url = {.name = "url"};
    const struct pack redis = {.name = "redis", .address = &url}, host = {.name = "host"};
    const struct found plain = {.url = "redis://127.0.0.1:6379"};
    const struct found quote = {.url = "unix:///run/it's.sock", .options = "queues: ['a']"};
    struct err err;

    assert_string_equal(plan_pack_entry(*state, &redis, &plain, &err),
                        "redis: {url: 'redis://127.0.0.1:6379'}");
    assert_string_equal(plan_pack_entry(*state, &redis, &quote, &err),
                        "redis: {url: 'unix:///run/it''s.sock', queues: ['a']}");
    assert_string_equal(plan_pack_entry(*state, &host, &plain, &err), "host");
    assert_string_equal(plan_pack_entry(*state, &host, &quote, &err), "host: {queues: ['a']}");
}

static void an_alert_of_two_levels_is_one_rule(void **state)
{
    const struct pack pack = {.rules = STR("groups:\n- name: pack:redis\n  rules:\n"
                                           "  - alert: RedisDown\n    expr: up == 0\n"
                                           "  - alert: RedisMemoryHigh\n"
                                           "  - alert: RedisMemoryHigh\n"
                                           "  - record: a:b\n")};
    const char *const *names;
    struct err err;
    size_t n;

    assert_ok(plan_pack_rules(*state, &pack, &names, &n, &err), err);
    assert_int_equal(n, 2);
    assert_string_equal(names[0], "RedisDown");
    assert_string_equal(names[1], "RedisMemoryHigh");
}

static void every_pack_with_an_address_is_a_recogniser(void **state)
{
    struct recogniser *made;
    struct packs packs;
    struct err err = {0};
    size_t n, redis = 0;

    assert_ok(packs_load(*state, &packs, &err), err);
    assert_ok(plan_recognisers(*state, &packs, &made, &n, &err), err);
    assert_true(n > 0 && n < packs.n); /* host and gpu have none */
    for (size_t i = 0; i < n; i++) {
        assert_true(*made[i].title && *made[i].watched);
        assert_non_null(packs_find(&packs, str_c(made[i].pack))->address);
        redis += strcmp(made[i].pack, "redis") == 0 && made[i].exes_n > 0;
    }
    assert_int_equal(redis, 1);
}

#define cmocka_pack_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_pack_test(an_entry_holds_the_address_whatever_signs_are_in_it),
        cmocka_pack_test(an_alert_of_two_levels_is_one_rule),
        cmocka_pack_test(every_pack_with_an_address_is_a_recogniser),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
