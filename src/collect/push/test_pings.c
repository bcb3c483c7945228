#include "base/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"
#include "collect/push/pings.h"
#include "collect/push/push_settings.h"
#include "collect/push/wanted.h"

#define DAY  INT64_C(86400000)
#define NOW  INT64_C(1780000000000)
#define NONE (-12345.0)

static double value(struct pings *p, const char *name, const char *instance, ts_ms now)
{
    struct wanted w = wanted_value(name, instance, NONE);
    struct err err;

    assert_int_equal(pings_emit(p, now, &w.emit, &err), 0);
    return w.value;
}

#define LATE(p, now)     value(p, "earshot_ping_late", "job", now)
#define EXPECTED(p, now) value(p, "earshot_ping_expected_timestamp_seconds", "job", now)

static void one_that_is_due_every_so_often_is_late_after_its_grace(void **state)
{
    const struct ping_settings settings = {.name = "job", .every_ms = DAY, .grace_ms = 60000};
    struct pings *p = pings_new();

    (void)state;
    pings_configure(p, &settings, 1, NOW);
    assert_true(LATE(p, NOW + DAY + 60000) == 0); /* it never came: counted from the start */
    assert_true(LATE(p, NOW + DAY + 60001) == 1);
    assert_true(pings_take(p, STR("job"), PING_START, NOW + DAY)); /* a start is no end */
    assert_true(LATE(p, NOW + DAY + 60001) == 1);
    assert_true(pings_take(p, STR("job"), PING_FAIL, NOW + DAY + 70000)); /* late no more, failed */
    assert_true(LATE(p, NOW + DAY + 80000) == 0);
    assert_true(value(p, "earshot_ping_failed", "job", NOW) == 1);
    assert_true(value(p, "earshot_ping_duration_seconds", "job", NOW) == 70);
    assert_true(pings_take(p, STR("job"), PING_END, NOW + DAY + 90000));
    assert_true(value(p, "earshot_ping_failed", "job", NOW) == 0);
    assert_true(value(p, "earshot_ping_duration_seconds", "job", NOW) ==
                NONE); /* no start before */
    pings_free(p);
}

static void a_line_of_cron_says_when_the_next_end_is_due(void **state)
{
    struct ping_settings settings = {.name = "job", .grace_ms = 60000};
    struct pings *p = pings_new();
    struct err err;

    (void)state;
    assert_int_equal(setenv("TZ", "UTC", 1), 0);
    tzset();
    assert_int_equal(cron_parse(STR("*/10 * * * *"), &settings.cron, &err), 0);
    pings_configure(p, &settings, 1, NOW - NOW % 600000 + 5000);
    assert_true(EXPECTED(p, NOW) == (double)(NOW - NOW % 600000 + 660000) / 1e3);
    assert_true(pings_take(p, STR("job"), PING_END, NOW - NOW % 600000 + 600000));
    assert_true(EXPECTED(p, NOW) == (double)(NOW - NOW % 600000 + 1260000) / 1e3);
    pings_free(p);
}

static void an_unknown_name_is_judged_once_it_has_a_rhythm(void **state)
{
    struct pings *p = pings_new();

    (void)state;
    for (int i = 0; i < 4; i++) {
        assert_true(LATE(p, NOW + i * DAY) == NONE);
        assert_true(pings_take(p, STR("job"), PING_END, NOW + i * DAY));
    }
    assert_true(LATE(p, NOW + 3 * DAY) == 0);
    assert_true(LATE(p, NOW + 3 * DAY + DAY * 3 / 2 + 300000) == 0);
    assert_true(LATE(p, NOW + 3 * DAY + DAY * 3 / 2 + 300001) == 1);
    assert_true(pings_take(p, STR("job"), PING_END, NOW + 3 * DAY + 1000)); /* by hand: no rhythm */
    assert_true(LATE(p, NOW + 30 * DAY) == NONE);
    pings_free(p);
}

static void names_are_checked_and_bounded(void **state)
{
    const struct ping_settings settings = {.name = "known", .every_ms = DAY};
    struct pings *p = pings_new();
    char name[PINGS_NAME_MAX + 2];

    (void)state;
    assert_true(pings_is_name(STR("db.backup_2-x")));
    assert_false(pings_is_name(STR("")));
    assert_false(pings_is_name(STR("a/b")));
    assert_false(pings_is_name(STR("a b")));
    memset(name, 'x', sizeof name);
    assert_true(pings_is_name((struct str){name, PINGS_NAME_MAX}));
    assert_false(pings_is_name((struct str){name, PINGS_NAME_MAX + 1}));
    pings_configure(p, &settings, 1, NOW);
    for (int i = 0; i < PINGS_MAX; i++) {
        (void)snprintf(name, sizeof name, "n%d", i);
        assert_true(pings_take(p, str_c(name), PING_END, NOW));
    }
    assert_false(pings_take(p, STR("one-more"), PING_END, NOW));
    assert_true(pings_take(p, STR("n7"), PING_END, NOW));
    assert_true(pings_take(p, STR("known"), PING_END, NOW));
    assert_int_equal(pings_count(p).names, PINGS_MAX + 1);
    assert_true(pings_forget(p, STR("n7"), NOW));
    assert_true(pings_take(p, STR("one-more"), PING_END, NOW));
    pings_free(p);
}

static void one_that_is_forgotten_begins_anew(void **state)
{
    const struct ping_settings settings = {.name = "job", .every_ms = DAY};
    struct pings *p = pings_new();

    (void)state;
    pings_configure(p, &settings, 1, NOW);
    assert_true(pings_take(p, STR("job"), PING_FAIL, NOW));
    assert_true(pings_forget(p, STR("job"), NOW + DAY));
    assert_true(value(p, "earshot_ping_failed", "job", NOW) == 0);
    assert_true(EXPECTED(p, NOW) == (double)(NOW + 2 * DAY) / 1e3);
    assert_false(pings_forget(p, STR("other"), NOW));
    pings_configure(p, NULL, 0, NOW); /* it never came: nobody's any more */
    assert_int_equal(pings_count(p).names, 0);
    pings_free(p);
}

static void what_was_told_is_kept_as_bytes(void **state)
{
    struct pings *p = pings_new(), *again = pings_new();
    SCOPED(buf_fini) struct buf bytes = {.max_bytes = 1u << 20};
    struct err err;

    (void)state;
    for (int i = 0; i < 10; i++)
        assert_true(pings_take(p, STR("job"), PING_END, NOW + i * DAY));
    assert_true(pings_take(p, STR("job"), PING_START, NOW + 10 * DAY));
    assert_true(pings_take(p, STR("other"), PING_FAIL, NOW));
    pings_write(p, &bytes);
    assert_int_equal(pings_read(again, buf_str(&bytes), &err), 0);
    assert_true(EXPECTED(again, NOW) == EXPECTED(p, NOW));
    assert_true(value(again, "earshot_ping_running", "job", NOW) == 1);
    assert_true(value(again, "earshot_ping_failed", "other", NOW) == 1);
    pings_free(again);
    for (size_t n = 0; n < bytes.n; n++) {
        again = pings_new();
        assert_int_equal(pings_read(again, (struct str){bytes.p, n}, &err), -1);
        assert_int_equal(err.kind, ERR_CORRUPT);
        pings_free(again);
    }
    pings_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_is_due_every_so_often_is_late_after_its_grace),
        cmocka_unit_test(a_line_of_cron_says_when_the_next_end_is_due),
        cmocka_unit_test(an_unknown_name_is_judged_once_it_has_a_rhythm),
        cmocka_unit_test(names_are_checked_and_bounded),
        cmocka_unit_test(one_that_is_forgotten_begins_anew),
        cmocka_unit_test(what_was_told_is_kept_as_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
