#include "base/test.h"

#include "text/iso_time.h"

static void times_are_read_as_people_write_them(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds;
        int32_t nanos, offset;
        bool has_zone;
    } good[] = {{"1970-01-01", 0, 0, 0, false},
                {"2024-01-16T03:00:15", 1705374015, 0, 0, false},
                {"2024-01-16 03:00", 1705374000, 0, 0, false},
                {"2024-02-29T23:59:60Z", 1709251200, 0, 0, true},
                {"2025-03-04T08:00:01.199126", 1741075201, 199126000, 0, false},
                {"2025-03-04T14:11:52.371904921+01:00", 1741097512, 371904921, 3600, true},
                {"2025-03-04T14:11:52,5-0330", 1741097512, 500000000, -12600, true},
                {"2025-03-04 14:11:52 +01", 1741097512, 0, 3600, true},
                {"2318-06-13T04:37:12.5128711049999Z", INT64_C(10995885432), 512871104, 0, true},
                {"0001-01-01T00:00:00Z", INT64_C(-62135596800), 0, 0, true},
                {"1969-12-31T23:59:59Z", -1, 0, 0, true}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct iso_time t;

        assert_true(iso_time_parse(str_c(good[i].text), &t));
        assert_int_equal(t.seconds, good[i].seconds);
        assert_int_equal(t.nanos, good[i].nanos);
        assert_int_equal(t.has_zone, good[i].has_zone);
        assert_int_equal(t.offset, good[i].offset);
    }
}

static void what_is_no_time_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "2024",
                                      "2024-1-16",
                                      "2024-13-01",
                                      "2024-00-01",
                                      "2024-02-30",
                                      "2023-02-29",
                                      "2024-01-16T",
                                      "2024-01-16T24:00:00",
                                      "2024-01-16T03",
                                      "2024-01-16T03:60",
                                      "2024-01-16T03:00:15.",
                                      "2024-01-16T03:00:15+1",
                                      "2024-01-16T03:00:15Zx",
                                      "2024-01-16x03:00:15",
                                      "1705374015",
                                      "2024-01-16T03:00:15+01:",
                                      "2024-01-00"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct iso_time t;

        if (iso_time_parse(str_c(bad[i]), &t))
            fail_msg("\"%s\" was taken", bad[i]);
    }
}

static void each_day_is_one_more_than_the_one_before(void **state)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t days = -719162 - 366; /* the year 0 is a leap year */

    (void)state;
    for (int year = 0; year < 2500; year++) {
        bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

        for (int month = 1; month <= 12; month++) {
            assert_int_equal(iso_days(year, month, 1), days);
            days += lengths[month - 1] + (month == 2 && leap);
        }
        assert_int_equal(iso_days(year, 13, 1), days);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read_as_people_write_them),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(each_day_is_one_more_than_the_one_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
