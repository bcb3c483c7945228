#include "base/test.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "text/url.h"

/* The parts with | between; "-" for one that is not given. */
static const char *parts(const char *text)
{
    static char out[500];
    struct err err;
    struct url u;

    if (url_split(str_c(text), &u, &err) < 0)
        (void)snprintf(out, sizeof out, "%s", err.text);
    else
        (void)snprintf(out, sizeof out, "%.*s|%.*s|%.*s|%.*s|%u|%.*s|%.*s", STR_ARGS(u.scheme),
                       STR_ARGS(u.user.p ? u.user : STR("-")),
                       STR_ARGS(u.password.p ? u.password : STR("-")), STR_ARGS(u.host), u.port,
                       STR_ARGS(u.path), STR_ARGS(u.query));
    return out;
}

static void a_url_comes_apart(void **state)
{
    (void)state;
    assert_string_equal(parts("postgresql://mon:pa%40ss@db.lan:5433/shop?sslmode=disable"),
                        "postgresql|mon|pa%40ss|db.lan|5433|shop|sslmode=disable");
    assert_string_equal(parts("redis://127.0.0.1"), "redis|-|-|127.0.0.1|0||");
    assert_string_equal(parts("redis://:secret@[::1]:6380/2"), "redis||secret|::1|6380|2|");
    assert_string_equal(parts("postgresql:///shop?host=/run/x"),
                        "postgresql|-|-||0|shop|host=/run/x");
    assert_string_equal(parts("a+b://user@h?x"), "a+b|user|-|h|0||x");
    assert_string_equal(parts("x://a:b@c@h:1/d/e"), "x|a|b@c|h|1|d/e|");
}

static void what_is_no_url_is_refused_without_being_quoted(void **state)
{
    static const char *const bad[] = {"",
                                      "db:5432",
                                      "//h",
                                      "x:/h",
                                      "x://h:secret",
                                      "x://h:0",
                                      "x://h:65536",
                                      "x://[secret",
                                      "x://[::1]secret",
                                      "x://h:99999999999"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err err = {.kind = ERR_NONE};
        struct url u;

        assert_int_equal(url_split(str_c(bad[i]), &u, &err), -1);
        assert_int_equal(err.kind, ERR_SYNTAX);
        assert_null(strstr(err.text, "secret"));
    }
}

static void percent_signs_are_decoded_or_refused(void **state)
{
    static const char *const bad[] = {"%", "%4", "%4g", "a%zz", "%00"};
    SCOPED(arena_fini) struct arena a;
    const char *out;
    struct err err;

    (void)state;
    arena_init(&a, NULL);
    assert_ok(url_decode(&a, STR("p%40s%2Fs%25"), &out, &err), err);
    assert_string_equal(out, "p@s/s%");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_fails(url_decode(&a, str_c(bad[i]), &out, &err), err, ERR_SYNTAX, "%25");
}

static void parameters_come_one_by_one(void **state)
{
    struct str query = STR("sslmode=disable&&x&host=/run/a=b"), key, value;

    (void)state;
    assert_true(url_next_param(&query, &key, &value));
    assert_true(str_eq(key, STR("sslmode")) && str_eq(value, STR("disable")));
    assert_true(url_next_param(&query, &key, &value));
    assert_true(str_eq(key, STR("x")) && value.n == 0);
    assert_true(url_next_param(&query, &key, &value));
    assert_true(str_eq(key, STR("host")) && str_eq(value, STR("/run/a=b")));
    assert_false(url_next_param(&query, &key, &value));
}

static void the_place_is_completed(void **state)
{
    static const char *const cases[][2] = {{"x://h:1/", "h:1"},
                                           {"x://h", "h:5432"},
                                           {"x:///d", "localhost:5432"},
                                           {"x://[fe80::1]", "[fe80::1]:5432"}};
    SCOPED(arena_fini) struct arena a;

    (void)state;
    arena_init(&a, NULL);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err;
        struct url u;

        assert_ok(url_split(str_c(cases[i][0]), &u, &err), err);
        assert_string_equal(url_place(&a, &u, "localhost", 5432, &err), cases[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_comes_apart),
        cmocka_unit_test(what_is_no_url_is_refused_without_being_quoted),
        cmocka_unit_test(percent_signs_are_decoded_or_refused),
        cmocka_unit_test(parameters_come_one_by_one),
        cmocka_unit_test(the_place_is_completed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
