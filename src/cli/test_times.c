#include "base/test.h"

#include <time.h>

#include "base/attr.h"
#include "base/err.h"
#include "cli/times.h"

static double read_at(const char *text)
{
    struct err err = {0};
    double seconds = 0;

    assert_ok(times_read("at", text, 1000000, &seconds, &err), err);
    return seconds;
}

static void seconds_dates_and_durations_back_are_times(void **state)
{
    (void)state;
    assert_true(read_at("0") == 0);
    assert_true(read_at("1795305531.767") == 1795305531.767);
    assert_true(read_at("-30") == -30); /* 30 s before 1970 */
    assert_true(read_at("-1h") == 1000000 - 3600);
    assert_true(read_at("-1500ms") == 1000000 - 1.5);
    assert_true(read_at("1970-01-02T00:00:01Z") == 86401);
    assert_true(read_at("1 hour ago") == 1000000 - 3600);
    assert_true(read_at("1.5 hours ago") == 1000000 - 5400);
    assert_true(read_at("20 min ago") == 1000000 - 1200);
    assert_true(read_at("2 days  ago") == 1000000 - 172800);
}

static void without_a_zone_a_date_is_local(void **state)
{
    (void)state;
    assert_int_equal(setenv("TZ", "CET-1", 1), 0);
    tzset();
    assert_true(read_at("1970-01-02T00:00:00") == 86400 - 3600);
}

static void what_is_no_time_says_how_to_write_one(void **state)
{
    static const char *const bad[] = {"",           "now",
                                      "-1x",        "1h",
                                      "NaN",        "1e300",
                                      "1970-01-02", "1970-01-02T00:00:00Zx",
                                      "1 hour",     "1 fortnight ago",
                                      "inf h ago",  "1 hour ago, or two",
                                      "1 s ago",    "nan hours ago"};
    double seconds = 7;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err err = {0};

        assert_fails(times_read("at", bad[i], 0, &seconds, &err), err, ERR_SYNTAX, "--at: \"");
    }
    assert_true(seconds == 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seconds_dates_and_durations_back_are_times),
        cmocka_unit_test(without_a_zone_a_date_is_local),
        cmocka_unit_test(what_is_no_time_says_how_to_write_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
