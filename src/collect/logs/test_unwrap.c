#include "base/test.h"

#include "collect/logs/unwrap.h"

#define OUT(text)                                                                                  \
    "{\"log\":\"" text "\",\"stream\":\"stdout\",\"time\":\"2025-03-04T08:00:01.25Z\"}\n"
#define WARN(text)                                                                                 \
    "{\"log\":\"" text "\",\"stream\":\"stderr\",\"time\":\"2025-03-04T08:00:02Z\"}\n"

static void check(const char *raw, enum unwrap_end end, const char *text)
{
    const struct unwrap_at begin = {0};
    struct unwrap u;

    unwrap_init(&u, 20);
    unwrap_read(&u, str_c(raw), &begin, end);
    if (!str_eq(buf_str(&u.text), str_c(text)))
        fail_msg("%s: \"%.*s\"", raw, STR_ARGS(buf_str(&u.text)));
    unwrap_fini(&u);
}

static void lines_come_out_of_every_form(void **state)
{
    (void)state;
    check(OUT("a\\n") WARN("b \\u00e9\\r\\n"), UNWRAP_MORE, "a\nb \xc3\xa9\n");
    check("2025-03-04T08:00:01.2+01:00 stdout F a b\n2025-03-04T08:00:01Z stderr F \n", UNWRAP_MORE,
          "a b\n\n");
    check("2025-03-04T08:00:01Z stdout P a \n2025-03-04T08:00:01Z stdout F b\n", UNWRAP_MORE,
          "a b\n");
    check("torn {\n{\"msg\":1}\nTIME stdout F x\n", UNWRAP_MORE,
          "torn {\n{\"msg\":1}\nTIME stdout F x\n");
}

static void parts_are_joined_by_their_stream(void **state)
{
    (void)state;
    check(OUT("a") WARN("c\\n") OUT("b\\n"), UNWRAP_MORE, "c\nab\n");
    check(OUT("a") "{\"log\":\"b", UNWRAP_MORE, "");
    check(OUT("a") "{\"log\":\"b", UNWRAP_FULL, "a\n");
    check(OUT("a"), UNWRAP_ENDED, "a\n");
}

static void a_line_that_is_too_long_is_cut(void **state)
{
    (void)state;
    check(OUT("0123456789") OUT("0123456789") OUT("0123456789\\n") OUT("next\\n"), UNWRAP_MORE,
          "01234567890123456789\nnext\n");
}

static void a_place_is_where_no_part_is_open(void **state)
{
    const char *raw = OUT("a\\n") OUT("b") WARN("c\\n") OUT("d\\n");
    const struct unwrap_at begin = {0};
    struct unwrap u;

    (void)state;
    unwrap_init(&u, 20);
    unwrap_read(&u, str_c(raw), &begin, UNWRAP_MORE);
    assert_int_equal(u.n, 3);
    assert_int_equal(u.lines[0].raw_end, strlen(OUT("a\\n")));
    assert_int_equal(u.lines[0].time_ms, INT64_C(1741075201250));
    assert_int_equal(u.lines[1].raw_end, strlen(OUT("a\\n")));
    assert_int_equal(u.lines[1].at.ahead, 1);
    assert_int_equal(u.lines[2].raw_end, strlen(raw));
    assert_int_equal(u.lines[2].at.ahead, 0);
    unwrap_fini(&u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_out_of_every_form),
        cmocka_unit_test(parts_are_joined_by_their_stream),
        cmocka_unit_test(a_line_that_is_too_long_is_cut),
        cmocka_unit_test(a_place_is_where_no_part_is_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
