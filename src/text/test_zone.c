#include "base/test.h"

#include <stdio.h>
#include <time.h>

#include "base/arena.h"
#include "base/err.h"
#include "text/iso_time.h"
#include "text/zone.h"

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

static struct str bytes_of(const char *name)
{
    static char bytes[1 << 16];
    char path[128];
    FILE *f;
    size_t n;

    snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name);
    f = fopen(path, "rbe");
    if (!f)
        fail_msg("%s is missing: install tzdata", path);
    n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    return (struct str){bytes, n};
}

static struct zone load(const char *name)
{
    struct err err = {0};
    struct zone z;

    assert_ok(zone_parse(&arena, bytes_of(name), &z, &err), err);
    return z;
}

static int64_t at(const char *text)
{
    struct iso_time t;

    assert_true(iso_time_parse(str_c(text), &t));
    return t.seconds;
}

/* The C library reads the same files. */
static void offsets_are_those_of_the_c_library(void **state)
{
    static const char *const names[] = {"Europe/Berlin",
                                        "America/New_York",
                                        "Australia/Lord_Howe",
                                        "Asia/Kolkata",
                                        "America/Sao_Paulo",
                                        "Africa/Casablanca",
                                        "Europe/Dublin",
                                        "Asia/Gaza",
                                        "Pacific/Apia",
                                        "Etc/GMT+5",
                                        "UTC",
                                        "Antarctica/Troll",
                                        "America/Argentina/San_Luis"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct zone z = load(names[i]);

        assert_int_equal(setenv("TZ", names[i], 1), 0);
        tzset();
        for (int64_t t = INT64_C(-2500000000); t < INT64_C(7000000000); t += 35999) {
            time_t when = (time_t)t;
            struct tm tm;

            assert_non_null(localtime_r(&when, &tm));
            if (zone_offset(&z, t) != tm.tm_gmtoff)
                fail_msg("%s at %lld: %d, not %ld", names[i], (long long)t, zone_offset(&z, t),
                         tm.tm_gmtoff);
        }
        for (size_t k = 0; k < z.n; k++) { /* the second of each change, and the one before */
            for (int64_t t = z.at[k] - 1; t <= z.at[k]; t++) {
                time_t when = (time_t)t;
                struct tm tm;

                if (localtime_r(&when, &tm))
                    assert_int_equal(zone_offset(&z, t), tm.tm_gmtoff);
            }
        }
    }
    unsetenv("TZ");
    tzset();
}

static void a_clock_s_hour_that_is_left_out_or_comes_twice(void **state)
{
    struct zone z = load("Europe/Berlin");

    (void)state;
    assert_int_equal(zone_to_unix(&z, at("2025-01-16T03:00:15")), at("2025-01-16T02:00:15"));
    assert_int_equal(zone_to_unix(&z, at("2025-07-16T03:00:15")), at("2025-07-16T01:00:15"));
    assert_int_equal(zone_to_unix(&z, at("2025-03-30T01:59:59")), at("2025-03-30T00:59:59"));
    assert_int_equal(zone_to_unix(&z, at("2025-03-30T02:30:00")), at("2025-03-30T01:30:00"));
    assert_int_equal(zone_to_unix(&z, at("2025-03-30T03:00:00")), at("2025-03-30T01:00:00"));
    assert_int_equal(zone_to_unix(&z, at("2025-10-26T01:59:59")), at("2025-10-25T23:59:59"));
    assert_int_equal(zone_to_unix(&z, at("2025-10-26T02:30:00")), at("2025-10-26T00:30:00"));
    assert_int_equal(zone_to_unix(&z, at("2025-10-26T03:00:00")), at("2025-10-26T02:00:00"));
    assert_int_equal(zone_to_unix(&zone_utc, 77), 77);
}

/* A file of 64 bits without a single change, and this rule at its end. */
static int parse_rule(const char *rule, struct zone *out, struct err *err)
{
    static const char header[] = "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                 "\0\0\0\0\0\1\0\0\0\1",
                      type[] = "\0\0\0\0\0\0";
    char file[256];
    size_t n = 0;

    for (int i = 0; i < 2; i++) {
        memcpy(file + n, header, 44);
        memcpy(file + n + 44, type, 6);
        file[n + 50] = '\0';
        n += 51;
    }
    n += (size_t)snprintf(file + n, sizeof file - n, "\n%s\n", rule);
    return zone_parse(&arena, (struct str){file, n}, out, err);
}

static void the_rule_of_all_years_to_come(void **state)
{
    static const struct {
        const char *rule, *utc;
        int32_t offset;
    } cases[] = {{"CET-1CEST,M3.5.0,M10.5.0/3", "2025-03-30T00:59:59", 3600},
                 {"CET-1CEST,M3.5.0,M10.5.0/3", "2025-03-30T01:00:00", 7200},
                 {"CET-1CEST,M3.5.0,M10.5.0/3", "2025-10-26T01:00:00", 3600},
                 {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2025-01-01T00:00:00", 39600},
                 {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2025-06-01T00:00:00", 37800},
                 {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2025-03-30T00:59:59", -7200},
                 {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2025-03-30T01:00:00", -3600},
                 {"X00Y", "2025-01-01T00:00:00", 1},
                 {"AAA0BBB,J60,J61", "2024-03-01T02:00:00", 3600},
                 {"AAA0BBB,J60,J61", "2024-02-29T23:00:00", 0},
                 {"AAA0BBB,59,60", "2024-02-29T02:00:00", 3600},
                 {"AAA-5:30", "2025-01-01T00:00:00", 19800},
                 {"", "2025-01-01T00:00:00", 0}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = {0};
        struct zone z;

        if (cases[i].offset == 1) { /* no rule at all */
            assert_fails(parse_rule(cases[i].rule, &z, &err), err, ERR_CORRUPT, "tz database");
            continue;
        }
        assert_ok(parse_rule(cases[i].rule, &z, &err), err);
        if (zone_offset(&z, at(cases[i].utc)) != cases[i].offset)
            fail_msg("%s at %s: %d", cases[i].rule, cases[i].utc,
                     zone_offset(&z, at(cases[i].utc)));
    }
}

static void every_part_of_a_file_is_refused(void **state)
{
    struct str whole = bytes_of("Europe/Berlin");
    struct err err;
    struct zone z;

    (void)state;
    for (size_t n = 0; n < whole.n; n++) {
        err = (struct err){0};
        assert_fails(zone_parse(&arena, (struct str){whole.p, n}, &z, &err), err, ERR_CORRUPT,
                     "tz database");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(offsets_are_those_of_the_c_library, setup, teardown),
        cmocka_unit_test_setup_teardown(a_clock_s_hour_that_is_left_out_or_comes_twice, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_rule_of_all_years_to_come, setup, teardown),
        cmocka_unit_test_setup_teardown(every_part_of_a_file_is_refused, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
