/* The store as a whole: what goes in through the sink comes out through the source, also after a
 * restart. Faults have a test of their own (test_db_faults.c). */
#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/test.h"
#include "sys/fs.h"
#include "sys/fs_fault.h"
#include "tsdb/db_fixture.h"

#define T0 FIXTURE_T0

static int setup(void **state)
{
    static struct db_fixture f;

    f = (struct db_fixture){0};
    db_fixture_open(&f, NULL);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    db_fixture_close(*state);
    return 0;
}

static double stale(void)
{
    return value_of_bits(STALE_NAN_BITS);
}

static void pushed_samples_are_there_and_after_a_restart_too(void **state)
{
    struct db_fixture *f = *state;
    const char *wanted = "up{job=\"a\"}: 0 1, 15 1, 30 0,\nup{job=\"b\"}: 0 2.5,\n";

    db_fixture_put(f, "up{job=\"a\"}", T0, 1, NULL);
    db_fixture_put(f, "up{job=\"b\"}", T0, 2.5, NULL);
    db_fixture_put(f, "up{job=\"a\"}", T0 + 15000, 1, NULL);
    db_fixture_put(f, "up{job=\"a\"}", T0 + 30000, 0, NULL);
    assert_string_equal(db_fixture_read_all(f, "up"), wanted);
    db_fixture_restart(f);
    assert_string_equal(db_fixture_read_all(f, "up"), wanted);
    assert_string_equal(db_fixture_read(f, "up", T0 + 1, T0 + 20000), "up{job=\"a\"}: 15 1,\n");
    db_fixture_put(f, "up{job=\"a\"}", T0 + 45000, 3, NULL);
    db_fixture_restart(f);
    db_fixture_restart(f);
    assert_string_equal(db_fixture_read_all(f, "up"),
                        "up{job=\"a\"}: 0 1, 15 1, 30 0, 45 3,\nup{job=\"b\"}: 0 2.5,\n");
}

static void a_series_that_vanishes_from_a_scrape_gets_a_marker(void **state)
{
    static const char *const names[] = {"a", "b", "c"};
    struct db_fixture *f = *state;
    struct fixture_pull p;
    const char *wanted =
        "a: 0 1, 15 1, 30 1, 60 5,\nb: 0 2, 15 stale, 60 6,\nc: 0 3, 15 4, 30 stale,\n";

    db_fixture_pull_open(f, &p, "key", names, 3);
    db_fixture_pull(f, &p, T0, (double[]){1, 2, 3});
    db_fixture_pull(f, &p, T0 + 15000, (double[]){1, stale(), 4});
    db_fixture_pull(f, &p, T0 + 30000, (double[]){1, stale(), stale()});
    db_fixture_pull(f, &p, T0 + 60000, (double[]){5, 6, stale()});
    db_fixture_pull_close(f, &p);
    assert_string_equal(db_fixture_read_all(f, "~.+"), wanted);
    db_fixture_restart(f);
    assert_string_equal(db_fixture_read_all(f, "~.+"), wanted);
    /* The state of the group survives: what is there now vanishes now. */
    db_fixture_pull_open(f, &p, "key", names, 3);
    db_fixture_pull(f, &p, T0 + 75000, (double[]){stale(), 6, stale()});
    db_fixture_pull_close(f, &p);
    assert_string_equal(db_fixture_read(f, "a", T0 + 60000, INT64_MAX), "a: 60 5, 75 stale,\n");
}

static void a_failed_scrape_marks_all_and_is_one_record(void **state)
{
    static const char *const names[] = {"a", "b", "c"};
    struct db_fixture *f = *state;
    struct fixture_pull p;

    db_fixture_pull_open(f, &p, "key", names, 3);
    db_fixture_pull(f, &p, T0, (double[]){1, 2, 3});
    db_fixture_pull(f, &p, T0 + 15000, (double[]){stale(), stale(), stale()});
    db_fixture_pull(f, &p, T0 + 30000, (double[]){stale(), stale(), stale()});
    db_fixture_pull(f, &p, T0 + 45000, (double[]){1, stale(), stale()});
    db_fixture_pull_close(f, &p);
    db_fixture_restart(f);
    assert_string_equal(db_fixture_read_all(f, "~.+"),
                        "a: 0 1, 15 stale, 45 1,\nb: 0 2, 15 stale,\nc: 0 3, 15 stale,\n");
}

static void an_equal_sample_is_taken_once_and_another_value_is_refused(void **state)
{
    struct db_fixture *f = *state;
    enum sink_outcome o;

    for (int round = 0; round < 2; round++) {
        if (!round) {
            db_fixture_put(f, "m", T0, 1, NULL);
            db_fixture_put(f, "m", T0 + 10000, 2, NULL);
            db_fixture_put(f, "m", T0 + 5000, 7, NULL); /* late */
        }
        db_fixture_put(f, "m", T0 + 10000, 2, &o);
        assert_int_equal(o, SINK_DUPLICATE);
        db_fixture_put(f, "m", T0 + 10000, 3, &o);
        assert_int_equal(o, SINK_CONFLICT);
        db_fixture_put(f, "m", T0, 1, &o);
        assert_int_equal(o, SINK_DUPLICATE);
        db_fixture_put(f, "m", T0, 9, &o);
        assert_int_equal(o, SINK_CONFLICT);
        db_fixture_put(f, "m", T0 + 5000, 7, &o);
        assert_int_equal(o, SINK_DUPLICATE);
        db_fixture_put(f, "m", T0 + 5000, 8, &o);
        assert_int_equal(o, SINK_CONFLICT);
        assert_string_equal(db_fixture_read_all(f, "m"), "m: 0 1, 5 7, 10 2,\n");
        db_fixture_restart(f);
    }
}

static void the_same_sample_twice_in_one_batch_counts_once(void **state)
{
    struct db_fixture *f = *state;
    struct fixture_row rows[] = {{"m", T0, 1}, {"n", T0, 1}, {"m", T0, 1}, {"m", T0, 2}};
    struct sink_batch b = db_fixture_push(f, rows, 4);

    assert_int_equal(b.outcomes[SINK_OK], 2);
    assert_int_equal(b.outcomes[SINK_DUPLICATE], 1);
    assert_int_equal(b.outcomes[SINK_CONFLICT], 1);
    db_fixture_restart(f);
    assert_string_equal(db_fixture_read_all(f, "m"), "m: 0 1,\n");
}

static void what_is_too_late_or_in_the_future_is_refused(void **state)
{
    struct db_fixture f = {.late_window_ms = 30 * 60000};
    enum sink_outcome o;

    (void)state;
    db_fixture_open(&f, NULL);
    db_fixture_put(&f, "m", T0, 1, NULL);
    db_fixture_put(&f, "m", T0 - 29 * 60000, 1, NULL);
    db_fixture_put(&f, "m", T0 - 31 * 60000, 1, &o);
    assert_int_equal(o, SINK_LATE);
    db_fixture_put(&f, "m", T0 + 11 * 60000, 1, &o);
    assert_int_equal(o, SINK_FUTURE);
    db_fixture_put(&f, "m", T0 + 9 * 60000, 1, NULL);
    assert_int_equal(db_stats(f.db).samples_late, 1);
    assert_int_equal(db_stats(f.db).samples_future, 1);
    db_fixture_close(&f);
}

/* Any order of series and times, many windows: the store against a plain list. */
static void a_backfill_in_any_order_comes_back_in_order(void **state)
{
    struct db_fixture *f = *state;
    struct fixture_row rows[400];
    char wanted[20000];
    size_t n = 0, at = 0;

    for (int block = 3; block >= 0; block--)
        for (int i = 0; i < 100; i++)
            rows[n++] = (struct fixture_row){"m", T0 + (block * 100 + i) * 600000,
                                             (double)(block * 100 + i)};
    for (int block = 0; block < 4; block++)
        assert_int_equal(db_fixture_push(f, rows + 100 * block, 100).outcomes[SINK_OK], 100);
    at = (size_t)snprintf(wanted, sizeof wanted, "m:");
    for (int i = 0; i < 400; i++)
        at += (size_t)snprintf(wanted + at, sizeof wanted - at, " %g %d,", i * 600.0, i);
    (void)snprintf(wanted + at, sizeof wanted - at, "\n");
    assert_string_equal(db_fixture_read_all(f, "m"), wanted);
    db_fixture_restart(f);
    assert_string_equal(db_fixture_read_all(f, "m"), wanted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pushed_samples_are_there_and_after_a_restart_too, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_series_that_vanishes_from_a_scrape_gets_a_marker, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_failed_scrape_marks_all_and_is_one_record, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_equal_sample_is_taken_once_and_another_value_is_refused,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(the_same_sample_twice_in_one_batch_counts_once, setup,
                                        teardown),
        cmocka_unit_test(what_is_too_late_or_in_the_future_is_refused),
        cmocka_unit_test_setup_teardown(a_backfill_in_any_order_comes_back_in_order, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
