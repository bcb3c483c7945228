#include "http/params.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/test.h"

static void assert_param(struct http_param p, const char *name, const char *value)
{
    assert_true(str_eq(p.name, str_c(name)));
    assert_true(str_eq(p.value, str_c(value)));
}

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

static void a_query_comes_apart_in_order(void **state)
{
    struct http_request r = {.arena = &arena,
                             .raw_query = STR("query=up%7Bjob%3D%22a+b%22%7D&&match[]=x&match[]="
                                              "y=z&empty=&bare&=v")};
    struct http_param *p;
    struct err err;
    size_t n;

    (void)state;
    assert_ok(http_params(&r, &p, &n, &err), err);
    assert_int_equal(n, 6);
    assert_param(p[0], "query", "up{job=\"a b\"}");
    assert_param(p[1], "match[]", "x");
    assert_param(p[2], "match[]", "y=z");
    assert_param(p[3], "empty", "");
    assert_param(p[4], "bare", "");
    assert_param(p[5], "", "v");
}

static void the_body_of_a_form_counts_before_the_query(void **state)
{
    struct http_header header = {STR("content-type"),
                                 STR("application/x-www-form-urlencoded; charset=UTF-8")};
    struct http_request r = {.arena = &arena,
                             .raw_query = STR("a=query"),
                             .body = STR("a=body"),
                             .headers = &header,
                             .headers_n = 1};
    struct http_param *p;
    struct err err;
    size_t n;

    (void)state;
    assert_ok(http_params(&r, &p, &n, &err), err);
    assert_int_equal(n, 2);
    assert_param(p[0], "a", "body");
    assert_param(p[1], "a", "query");
    header.value = STR("application/json");
    assert_ok(http_params(&r, &p, &n, &err), err);
    assert_int_equal(n, 1);
}

static void broken_escapes_and_too_many_are_refused(void **state)
{
    static const char *const bad[] = {"a=%", "a=%4", "a=%zz", "%g0=1", "a=1&b=%f"};
    struct http_request r = {.arena = &arena};
    struct http_param *p;
    struct buf many;
    struct err err;
    size_t n;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        r.raw_query = str_c(bad[i]);
        assert_fails(http_params(&r, &p, &n, &err), err, ERR_SYNTAX, "two hex digits");
    }
    buf_init(&many, 0);
    for (int i = 0; i < 10001; i++)
        buf_adds(&many, "a&");
    r.raw_query = buf_str(&many);
    assert_fails(http_params(&r, &p, &n, &err), err, ERR_LIMIT, "more than 10000 parameters");
    buf_fini(&many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_query_comes_apart_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_body_of_a_form_counts_before_the_query, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(broken_escapes_and_too_many_are_refused, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
