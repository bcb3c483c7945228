#include "base/test.h"

#include <stdlib.h>
#include <time.h>

#include "collect/logs/when.h"
#include "text/zone.h"

#define NOW_MS INT64_C(1741075200000) /* 2025-03-04T08:00:00Z, a Tuesday */

static int64_t read_at(const struct zone *zone, const char *text)
{
    struct when w = {.zone = zone};

    when_begin(&w, NOW_MS);
    return when_read(&w, str_c(text));
}

static int64_t utc(const char *text)
{
    return read_at(&zone_utc, text);
}

static void times_are_read_as_programs_write_them(void **state)
{
    (void)state;
    assert_int_equal(utc("2025-03-04 07:59:01,204"), NOW_MS - 59000 + 204);
    assert_int_equal(utc("2025-03-04T08:59:01.204+01:00"), NOW_MS - 59000 + 204);
    assert_int_equal(utc("2025/03/04 - 07:59:01"), NOW_MS - 59000);
    assert_int_equal(utc("2025/03/04 07:59:01"), NOW_MS - 59000);
    assert_int_equal(utc("07:59:01.5"), NOW_MS - 59000 + 500);
    assert_int_equal(utc("Mar  4 07:59:01"), NOW_MS - 59000);
    assert_int_equal(utc("Tue Mar 4 07:59:01 2025"), NOW_MS - 59000);
    assert_int_equal(utc("03-04 07:59:01"), NOW_MS - 59000);
    assert_int_equal(utc("0304 07:59:01.204123"), NOW_MS - 59000 + 204);
    assert_int_equal(utc("13-04 07:59:01"), NOW_MS);
}

static void a_zone_by_name_and_the_time_of_access_logs_are_read(void **state)
{
    (void)state;
    (void)setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    tzset();
    assert_int_equal(read_at(NULL, "2025-03-04 07:59:01.204 UTC"), NOW_MS - 59000 + 204);
    assert_int_equal(read_at(NULL, "2025-03-04 07:59:01 GMT"), NOW_MS - 59000);
    assert_int_equal(read_at(NULL, "04/Mar/2025:09:59:01 +0200"), NOW_MS - 59000);
    assert_int_equal(read_at(NULL, "04/Foo/2025:09:59:01 +0200"), NOW_MS);
}

static int64_t given(const struct zone *zone, int64_t given_ms, const char *text)
{
    struct when w = {.zone = zone};

    when_begin(&w, NOW_MS);
    return when_of(&w, given_ms, str_c(text));
}

static void a_container_s_clock_without_a_zone_is_known_by_that_of_its_engine(void **state)
{
    const int64_t at = NOW_MS - 59000;

    (void)state;
    (void)setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    tzset();
    assert_int_equal(given(NULL, at + 20, "2025-03-04 07:59:01"), at + 20);
    assert_int_equal(given(NULL, at + 20, "07:59:01"), at + 20);
    assert_int_equal(given(NULL, at + 20, "2025-03-04 08:59:01"), at);
    assert_int_equal(given(NULL, at + 20, "2025-03-04 08:59:01Z"), at + 3600000);
    assert_int_equal(given(NULL, at + 20, "2025-03-04 07:52:01"), at - 3600000 - 420000);
    assert_int_equal(given(&zone_utc, at + 20, "2025-03-04 08:59:01"), at + 3600000);
    assert_int_equal(given(NULL, at, ""), at);
    assert_int_equal(given(NULL, at, "soon"), at);
    assert_int_equal(given(NULL, 0, "soon"), NOW_MS);
}

static void numbers_are_times_by_their_size(void **state)
{
    (void)state;
    assert_int_equal(utc("1741075141.204"), NOW_MS - 59000 + 204);
    assert_int_equal(utc("1741075141204"), NOW_MS - 59000 + 204);
    assert_int_equal(utc("1741075141204000"), NOW_MS - 59000 + 204);
    assert_in_range(utc("1741075141204000000"), NOW_MS - 59000 + 203, NOW_MS - 59000 + 205);
    assert_int_equal(utc("17"), NOW_MS);
}

static void a_time_without_a_day_or_year_is_the_last_such(void **state)
{
    (void)state;
    assert_int_equal(utc("23:59:00"), NOW_MS - 28860000);
    assert_int_equal(utc("Dec 31 23:59:00"), INT64_C(1735689540000));
    assert_int_equal(utc("Mar  4 08:30:00"), NOW_MS + 1800000); /* a clock that is ahead */
}

static void what_is_no_time_is_from_now(void **state)
{
    (void)state;
    assert_int_equal(utc(""), NOW_MS);
    assert_int_equal(utc("soon"), NOW_MS);
    assert_int_equal(utc("25:00:00"), NOW_MS);
    assert_int_equal(utc("Foo Mar"), NOW_MS);
    assert_int_equal(utc("Mar"), NOW_MS);
}

static void times_without_a_zone_are_on_the_clock_of_theirs(void **state)
{
    (void)state;
    (void)setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    tzset();
    assert_int_equal(read_at(NULL, "2025-03-04 08:59:01"), NOW_MS - 59000);
    assert_int_equal(read_at(NULL, "2024-07-04 09:59:01"), INT64_C(1720079941000));
    assert_int_equal(read_at(NULL, "2025-03-04T07:59:01Z"), NOW_MS - 59000);
}

static void a_day_without_a_year_is_the_nearest_also_ahead_of_now(void **state)
{
    struct when w = {.zone = &zone_utc};

    (void)state;
    when_begin(&w, INT64_C(1735776000000)); /* 2025-01-02 00:00 */
    assert_int_equal(when_read_nearest(&w, STR("Jan  2 02:00:00")), INT64_C(1735783200000));
    assert_int_equal(when_read_nearest(&w, STR("Dec 31 00:00:00")), INT64_C(1735603200000));
    when_begin(&w, INT64_C(1735603200000)); /* 2024-12-31 00:00 */
    assert_int_equal(when_read_nearest(&w, STR("Jan  2 02:00:00")), INT64_C(1735783200000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read_as_programs_write_them),
        cmocka_unit_test(a_zone_by_name_and_the_time_of_access_logs_are_read),
        cmocka_unit_test(a_container_s_clock_without_a_zone_is_known_by_that_of_its_engine),
        cmocka_unit_test(numbers_are_times_by_their_size),
        cmocka_unit_test(a_time_without_a_day_or_year_is_the_last_such),
        cmocka_unit_test(a_day_without_a_year_is_the_nearest_also_ahead_of_now),
        cmocka_unit_test(what_is_no_time_is_from_now),
        cmocka_unit_test(times_without_a_zone_are_on_the_clock_of_theirs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
