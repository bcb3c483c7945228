#include "base/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"
#include "text/cron.h"

/* When the line is next due after a time, in UTC. */
static const char *next(const char *line, const char *after)
{
    static char out[80];
    struct cron c;
    struct err err;
    struct tm tm = {.tm_isdst = -1};
    int64_t t;
    time_t shown;

    if (cron_parse(str_c(line), &c, &err) < 0)
        return "no cron";
    assert_non_null(strptime(after, "%Y-%m-%d %H:%M:%S", &tm));
    t = cron_next(&c, (int64_t)timegm(&tm));
    if (t < 0)
        return "never";
    shown = (time_t)t;
    (void)gmtime_r(&shown, &tm);
    (void)strftime(out, sizeof out, "%Y-%m-%d %H:%M", &tm);
    return out;
}

static void in_zone(const char *zone)
{
    assert_int_equal(setenv("TZ", zone, 1), 0);
    tzset();
}

static void each_field_is_honoured(void **state)
{
    (void)state;
    in_zone("UTC");
    assert_string_equal(next("* * * * *", "2026-03-04 05:06:07"), "2026-03-04 05:07");
    assert_string_equal(next("30 3 * * *", "2026-03-04 05:06:07"), "2026-03-05 03:30");
    assert_string_equal(next("30 3 * * *", "2026-03-04 03:30:00"), "2026-03-05 03:30");
    assert_string_equal(next("*/15 * * * *", "2026-03-04 05:46:00"), "2026-03-04 06:00");
    assert_string_equal(next("5/20 1,13 * * *", "2026-03-04 01:26:00"), "2026-03-04 01:45");
    assert_string_equal(next("0 0 1 * *", "2026-12-04 00:00:00"), "2027-01-01 00:00");
    assert_string_equal(next("0 9 * * mon-fri", "2026-03-06 10:00:00"), "2026-03-09 09:00");
    assert_string_equal(next("0 9 * * 7", "2026-03-04 10:00:00"), "2026-03-08 09:00");
    assert_string_equal(next("0 0 29 2 *", "2026-03-04 00:00:00"), "2028-02-29 00:00");
    assert_string_equal(next("0 0 30 feb *", "2026-03-04 00:00:00"), "never");
    assert_string_equal(next("@weekly", "2026-03-04 00:00:00"), "2026-03-08 00:00");
}

static void a_day_of_month_or_a_day_of_week_will_do(void **state)
{
    (void)state;
    in_zone("UTC");
    assert_string_equal(next("0 0 13 * fri", "2026-03-04 00:00:00"), "2026-03-06 00:00");
    assert_string_equal(next("0 0 13 * fri", "2026-03-06 00:00:00"), "2026-03-13 00:00");
    assert_string_equal(next("0 0 */2 * fri", "2026-03-04 00:00:00"), "2026-03-13 00:00");
}

static void times_are_those_of_this_machine_s_clocks(void **state)
{
    (void)state;
    in_zone("Europe/Berlin");
    assert_string_equal(next("30 3 * * *", "2026-01-04 00:00:00"), "2026-01-04 02:30");
    assert_string_equal(next("30 3 * * *", "2026-07-04 00:00:00"), "2026-07-04 01:30");
    /* 02:30 is left out on that day */
    assert_string_equal(next("30 2 * * *", "2026-03-28 12:00:00"), "2026-03-29 01:30");
    in_zone("UTC");
}

static void what_is_no_line_of_a_crontab_is_told(void **state)
{
    static const char *const bad[] = {
        "",           "* * * *",     "* * * * * *",  "60 * * * *", "5-1 * * * *",
        "a * * * *",  "*/0 * * * *", "1,,2 * * * *", "* * 0 * *",  "* * * 13 *",
        "@sometimes", "* * * * 8"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct cron c;
        struct err err = {.kind = ERR_NONE};

        assert_int_equal(cron_parse(str_c(bad[i]), &c, &err), -1);
        assert_int_equal(err.kind, ERR_SYNTAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_field_is_honoured),
        cmocka_unit_test(a_day_of_month_or_a_day_of_week_will_do),
        cmocka_unit_test(times_are_those_of_this_machine_s_clocks),
        cmocka_unit_test(what_is_no_line_of_a_crontab_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
