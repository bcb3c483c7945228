#include "base/test.h"

#include "base/err.h"
#include "text/duration.h"

static int64_t parsed(const char *text)
{
    struct err err = {0};
    int64_t ms = -7;

    assert_ok(duration_parse(str_c(text), &ms, &err), err);
    return ms;
}

static void durations_are_read_as_prometheus_writes_them(void **state)
{
    (void)state;
    assert_int_equal(parsed("0"), 0);
    assert_int_equal(parsed("0s"), 0);
    assert_int_equal(parsed("15s"), 15000);
    assert_int_equal(parsed("1m"), 60000);
    assert_int_equal(parsed("5ms"), 5);
    assert_int_equal(parsed("1h30m"), 5400000);
    assert_int_equal(parsed("1y2w3d4h5m6s7ms"), 365 * INT64_C(86400000) + 17 * INT64_C(86400000) +
                                                    4 * 3600000 + 5 * 60000 + 6007);
    assert_int_equal(parsed("292y"), 292 * 365 * INT64_C(86400000));
}

static void what_is_no_duration_says_why(void **state)
{
    static const struct {
        const char *text, *words;
        enum err_kind kind;
    } bad[] = {
        {"", "empty", ERR_SYNTAX},
        {"15", "has no unit", ERR_SYNTAX},
        {"1x", "not a duration", ERR_SYNTAX},
        {"s", "not a duration", ERR_SYNTAX},
        {"1m1h", "not a duration", ERR_SYNTAX},
        {"1s1s", "not a duration", ERR_SYNTAX},
        {"-1s", "not a duration", ERR_SYNTAX},
        {"1.5h", "not a duration", ERR_SYNTAX},
        {" 1s", "not a duration", ERR_SYNTAX},
        {"1h30", "has no unit", ERR_SYNTAX},
        {"300y", "too long", ERR_LIMIT},
        {"99999999999999999999s", "too long", ERR_LIMIT},
    };
    int64_t ms = 7;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err err = {0};

        assert_fails(duration_parse(str_c(bad[i].text), &ms, &err), err, bad[i].kind, bad[i].words);
    }
    assert_int_equal(ms, 7);
}

static void the_shortest_form_is_printed(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {{0, "0s"},
                 {90000, "1m30s"},
                 {5400000, "1h30m"},
                 {86400000, "1d"},
                 {8 * INT64_C(86400000), "8d"},
                 {14 * INT64_C(86400000), "2w"},
                 {365 * INT64_C(86400000), "1y"},
                 {1, "1ms"},
                 {-61000, "-1m1s"}};
    char out[64];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(duration_print(cases[i].ms, out), cases[i].text);
    assert_true(strlen(duration_print(INT64_MIN, out)) < 32);
    assert_true(strlen(duration_print(INT64_MAX, out)) < 32);
}

static void people_get_two_units_at_most(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {0, "0 ms"},      {340, "340 ms"},         {8400, "8.4 s"},
        {8000, "8 s"},    {59600, "1 min"},        {700000, "11 min 40 s"},
        {3600000, "1 h"}, {9960000, "2 h 46 min"}, {6 * INT64_C(86400000) + 4 * 3600000, "6 d 4 h"},
        {-8400, "-8.4 s"}};
    char out[64];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(duration_print_long(cases[i].ms, out), cases[i].text);
    assert_true(strlen(duration_print_long(INT64_MIN, out)) < 32);
}

static void sizes_are_powers_of_1024(void **state)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } cases[] = {{"1024", 1024},
                 {"20GB", UINT64_C(20) << 30},
                 {"512MB", UINT64_C(512) << 20},
                 {"1KiB", 1024},
                 {"1.5KB", 1536},
                 {"0", 0},
                 {"7B", 7}};
    static const char *const bad[] = {"", "GB", "-1GB", "1gb", "1 GB", "20G", "9999EB", "1e3"};
    struct err err = {0};
    uint64_t bytes;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_ok(size_parse(str_c(cases[i].text), &bytes, &err), err);
        assert_true(bytes == cases[i].bytes);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_fails(size_parse(str_c(bad[i]), &bytes, &err), err, ERR_SYNTAX, "size");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_read_as_prometheus_writes_them),
        cmocka_unit_test(what_is_no_duration_says_why),
        cmocka_unit_test(the_shortest_form_is_printed),
        cmocka_unit_test(people_get_two_units_at_most),
        cmocka_unit_test(sizes_are_powers_of_1024),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
