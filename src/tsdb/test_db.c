/* The store as a whole: what goes in through the sink comes out through the source, also after a
 * restart. Faults have a test of their own (test_db_faults.c). */
#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/test.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "model/metadata.h"
#include "model/source.h"
#include "sys/fs.h"
#include "sys/fs_fault.h"
#include "tsdb/db_fixture.h"
#include "tsdb/db_impl.h"

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

/* As Prometheus sends it once a minute. */
static void metadata_alone_is_taken_whatever_ids_its_sender_knows(void **state)
{
    struct db_fixture *f = *state;
    struct metadata said = {STR("x"), METRIC_GAUGE, STR("What x is."), STR("")}, *known;
    struct sink_batch b = {.metadata = &said, .metadata_n = 1, .generation = 77};
    size_t known_n;

    db_fixture_put(f, "x", T0, 1, NULL);
    db_fixture_commit(f, &b);
    assert_int_equal(b.verdict, SINK_WRITTEN);
    db_fixture_restart(f);
    assert_int_equal(db_metadata(f->db, &f->a, STR("x"), &known, &known_n, NULL), 0);
    assert_int_equal(known_n, 1);
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

/* A clock that stepped back: the column is taken row by row, and the sender's next hint is against
 * it, not against the last column that the group keeps. */
static void a_hint_against_a_column_taken_by_row_is_not_believed(void **state)
{
    static const char *const names[] = {"a", "b"};
    struct db_fixture *f = *state;
    const uint64_t nothing[16] = {0};
    struct fixture_pull p;

    db_fixture_pull_open(f, &p, "key", names, 2);
    db_fixture_pull(f, &p, T0 + 60000, (double[]){1, 2});
    assert_int_equal(db_fixture_pull(f, &p, T0 + 30000, (double[]){5, 6}).outcomes[SINK_OK], 2);
    p.changed = nothing;
    db_fixture_pull(f, &p, T0 + 75000, (double[]){5, 6});
    db_fixture_pull(f, &p, T0 + 90000, (double[]){5, 6});
    db_fixture_pull_close(f, &p);
    assert_string_equal(db_fixture_read_all(f, "~.+"),
                        "a: 30 5, 60 1, 75 5, 90 5,\nb: 30 6, 60 2, 75 6, 90 6,\n");
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

static void rows_of_any_age_are_taken_if_the_batch_says_so(void **state)
{
    struct db_fixture f = {.late_window_ms = 30 * 60000};
    struct fixture_row rows[] = {{"m", T0 - INT64_C(90) * 86400000, 1}, {"m", T0 + 11 * 60000, 1}};
    struct sink_batch b;

    (void)state;
    db_fixture_open(&f, NULL);
    db_fixture_put(&f, "m", T0, 1, NULL);
    f.any_age = true;
    b = db_fixture_push(&f, rows, ARRAY_LEN(rows));
    assert_int_equal(b.outcomes[SINK_OK], 1);
    assert_int_equal(b.outcomes[SINK_FUTURE], 1);
    rows[0].ts = INT64_MIN;
    b = db_fixture_push(&f, rows, 1);
    assert_int_equal(b.outcomes[SINK_LATE], 1);
    db_fixture_close(&f);
}

static void a_time_no_query_can_name_is_refused_even_without_a_late_window(void **state)
{
    struct db_fixture f = {.late_window_ms = -1};
    enum sink_outcome o;

    (void)state;
    db_fixture_open(&f, NULL);
    db_fixture_put(&f, "m", INT64_MIN, 1, &o);
    assert_int_equal(o, SINK_LATE);
    db_fixture_put(&f, "m", INT64_MAX, 1, &o);
    assert_int_equal(o, SINK_FUTURE);
    db_fixture_put(&f, "m", -TS_MS_MAX, 1, &o);
    assert_int_equal(o, SINK_OK);
    db_fixture_put(&f, "m", TS_MS_MAX, 1, &o);
    assert_int_equal(o, SINK_OK);
    db_fixture_restart(&f);
    db_fixture_close(&f);
}

static void who_asks_for_labels_only_gets_them_from_the_head_alone(void **state)
{
    struct db_fixture *f = *state;
    struct source_hints hints = {.labels_only = true};
    struct source *src = db_source(f->db);
    struct source_set *set;
    struct matcher m;
    struct err err;

    db_fixture_put(f, "m", T0, 1, NULL);
    assert_ok(matcher_init(&m, &f->a, MATCH_EQ, STR("__name__"), STR("m"), &err), err);
    assert_ok(src->select(src, &f->a, &m, 1, T0, T0, &hints, &set, &err), err);
    assert_int_equal(set->n, 1);
    src->set_free(src, set);
    matcher_fini(&m);
}

/* "m c" came before "m a": who takes any order gets them so. */
static void series_are_sorted_but_for_those_who_take_any_order(void **state)
{
    struct db_fixture *f = *state;
    struct source_hints hints = {.any_order = true};
    struct source *src = db_source(f->db);
    const struct labels *first, *second;
    struct source_set *set;
    struct matcher m;
    struct err err;

    db_fixture_put(f, "m c", T0, 1, NULL);
    db_fixture_put(f, "m a", T0, 1, NULL);
    assert_ok(matcher_init(&m, &f->a, MATCH_RE, STR("__name__"), STR("m .*"), &err), err);
    assert_ok(src->select(src, &f->a, &m, 1, T0, T0, NULL, &set, &err), err);
    assert_int_equal(set->n, 2);
    first = set->labels[0];
    second = set->labels[1];
    assert_true(labels_compare(first, second) < 0);
    src->set_free(src, set);
    assert_ok(src->select(src, &f->a, &m, 1, T0, T0, &hints, &set, &err), err);
    assert_int_equal(set->n, 2);
    assert_true(labels_equal(set->labels[0], second));
    assert_true(labels_equal(set->labels[1], first));
    src->set_free(src, set);
    matcher_fini(&m);
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

static void compact(struct db_fixture *f)
{
    struct err err = {0};

    assert_ok(db_compact(f->db, NULL, &err), err);
}

static void blocks_say_what_they_hold(void **state)
{
    struct db_fixture *f = *state;
    struct db_block *blocks;
    struct err err;
    size_t n;

    assert_ok(db_blocks(f->db, &f->a, &blocks, &n, &err), err);
    assert_int_equal(n, 0);
    db_fixture_put(f, "m", T0, 1, NULL);
    db_fixture_put(f, "m", T0 + 5000, 2, NULL);
    db_fixture_put(f, "n", T0 + 5000, 3, NULL);
    compact(f);
    assert_ok(db_blocks(f->db, &f->a, &blocks, &n, &err), err);
    assert_int_equal(n, 1);
    assert_int_equal(blocks[0].mint, T0);
    assert_int_equal(blocks[0].maxt, T0 + 5000);
    assert_int_equal(blocks[0].samples, 3);
    assert_int_equal(blocks[0].series, 2);
    assert_int_equal(strspn(blocks[0].ulid, "0123456789ABCDEFGHJKMNPQRSTVWXYZ"), 26);
}

static void what_was_cut_reads_as_before_and_the_log_shrinks(void **state)
{
    struct db_fixture *f = *state;
    const char *wanted =
        "m{i=\"1\"}: -30 9, 0 1, 15 1, 60 2, 10000 3,\nm{i=\"2\"}: 0 5, 30 6, 60 stale,\n";

    db_fixture_put(f, "m{i=\"1\"}", T0, 1, NULL);
    db_fixture_put(f, "m{i=\"2\"}", T0, 5, NULL);
    db_fixture_put(f, "m{i=\"1\"}", T0 + 15000, 1, NULL);
    db_fixture_put(f, "m{i=\"2\"}", T0 + 30000, 6, NULL);
    db_fixture_put(f, "m{i=\"1\"}", T0 + 60000, 2, NULL);
    db_fixture_put(f, "m{i=\"2\"}", T0 + 60000, stale(), NULL);
    db_fixture_put(f, "m{i=\"1\"}", T0 - 30000, 9, NULL);
    db_fixture_put(f, "m{i=\"1\"}", T0 + 10000000, 3, NULL);
    assert_string_equal(db_fixture_read_all(f, "m"), wanted);
    compact(f);
    assert_true(db_stats(f->db).blocks >= 1);
    assert_int_equal(db_stats(f->db).head_samples, 0);
    assert_int_equal(db_stats(f->db).head_series, 0);
    assert_string_equal(db_fixture_read_all(f, "m"), wanted);
    db_fixture_restart(f);
    assert_string_equal(db_fixture_read_all(f, "m"), wanted);
    assert_int_equal(db_stats(f->db).head_samples, 0);
    /* Beside blocks: late ones, new ones, equal ones. */
    db_fixture_put(f, "m{i=\"1\"}", T0 + 7000, 4, NULL);
    db_fixture_put(f, "m{i=\"1\"}", T0, 1, NULL);
    db_fixture_put(f, "m{i=\"1\"}", T0 + 10015000, 3, NULL);
    wanted = "m{i=\"1\"}: -30 9, 0 1, 7 4, 15 1, 60 2, 10000 3, 10015 3,\n"
             "m{i=\"2\"}: 0 5, 30 6, 60 stale,\n";
    assert_string_equal(db_fixture_read_all(f, "m"), wanted);
    compact(f);
    assert_string_equal(db_fixture_read_all(f, "m"), wanted);
    db_fixture_restart(f);
    assert_string_equal(db_fixture_read_all(f, "m"), wanted);
}

static void a_cut_makes_refs_stale_and_staleness_goes_on_over_it(void **state)
{
    static const char *const names[] = {"a", "b"};
    struct db_fixture *f = *state;
    struct fixture_pull p;
    uint32_t generation;

    db_fixture_pull_open(f, &p, "key", names, 2);
    db_fixture_pull(f, &p, T0, (double[]){1, 2});
    generation = p.refs[0].generation;
    compact(f);
    db_fixture_pull(f, &p, T0 + 15000, (double[]){1, stale()});
    assert_true(p.refs[0].generation > generation);
    db_fixture_pull(f, &p, T0 + 30000, (double[]){1, stale()});
    db_fixture_pull_close(f, &p);
    assert_string_equal(db_fixture_read_all(f, "~.+"), "a: 0 1, 15 1, 30 1,\nb: 0 2, 15 stale,\n");
    db_fixture_restart(f);
    assert_string_equal(db_fixture_read_all(f, "~.+"), "a: 0 1, 15 1, 30 1,\nb: 0 2, 15 stale,\n");
}

static void a_set_sees_the_same_samples_whatever_is_cut_meanwhile(void **state)
{
    struct db_fixture *f = *state;
    struct source *src = db_source(f->db);
    struct source_set *set;
    struct source_reader *r;
    struct source_series s;
    struct matcher m;
    struct err err;

    for (int i = 0; i < 100; i++)
        db_fixture_put(f, "m", T0 + i * 1000, i, NULL);
    assert_ok(matcher_init(&m, &f->a, MATCH_EQ, STR("__name__"), STR("m"), &err), err);
    assert_ok(src->select(src, &f->a, &m, 1, T0, T0 + 1000000, NULL, &set, &err), err);
    for (int i = 100; i < 200; i++)
        db_fixture_put(f, "m", T0 + i * 1000, i, NULL);
    compact(f);
    for (int i = 200; i < 300; i++)
        db_fixture_put(f, "m", T0 + i * 1000, i, NULL);
    assert_ok(src->reader_open(src, set, &f->a, &r, &err), err);
    assert_ok(src->read(r, 0, &s, &err), err);
    assert_int_equal(s.runs_n, 1);
    assert_int_equal(s.runs[0].n, 100);
    assert_true(s.runs[0].values[99] == 99);
    src->reader_close(r);
    src->set_free(src, set);
    matcher_fini(&m);
}

static void a_series_with_two_writers_is_one_series(void **state)
{
    static const char *const names[] = {"a", "b"};
    struct db_fixture *f = *state;
    struct fixture_pull p, q;
    const char *wanted = "a: 0 1, 10 1, 15 1, 20 7, 30 2, 35 8, 45 2,\n";

    db_fixture_pull_open(f, &p, "first", names, 2);
    db_fixture_pull_open(f, &q, "second", names, 1);
    db_fixture_pull(f, &p, T0, (double[]){1, 2});
    db_fixture_put(f, "a", T0 + 10000, 1, NULL);
    db_fixture_pull(f, &p, T0 + 15000, (double[]){1, 2});
    db_fixture_pull(f, &q, T0 + 20000, (double[]){7});
    db_fixture_pull(f, &p, T0 + 30000, (double[]){2, 2});
    db_fixture_pull(f, &q, T0 + 35000, (double[]){8});
    db_fixture_pull(f, &p, T0 + 45000, (double[]){2, 2});
    assert_string_equal(db_fixture_read_all(f, "a"), wanted);
    db_fixture_pull_close(f, &p);
    db_fixture_pull_close(f, &q);
    db_fixture_restart(f);
    assert_string_equal(db_fixture_read_all(f, "a"), wanted);
    assert_string_equal(db_fixture_read_all(f, "b"), "b: 0 2, 15 2, 30 2, 45 2,\n");
    compact(f);
    assert_string_equal(db_fixture_read_all(f, "a"), wanted);
}

static uint32_t resolve_one(struct db_fixture *f, struct sink_group *group, const char *series)
{
    const struct labels *labels = db_fixture_labels(f, series);
    struct sink *sink = db_sink(f->db);
    struct sink_ref ref;
    struct err err;

    assert_ok(sink->resolve(sink, group, &labels, 1, &ref, &err), err);
    return ref.id;
}

static void past_the_limit_new_series_are_refused_and_old_ones_go_on(void **state)
{
    struct db_fixture *f = *state;

    db_fixture_put(f, "a", T0, 1, NULL);
    db_fixture_put(f, "b", T0, 1, NULL);
    db_fixture_put(f, "c", T0, 1, NULL);
    f->series_max = 2;
    db_fixture_restart(f);
    assert_string_equal(db_fixture_read_all(f, "c"), "c: 0 1,\n"); /* what was kept is kept */
    assert_int_equal(resolve_one(f, NULL, "d"), SINK_NO_ID);
    db_fixture_put(f, "c", T0 + 1000, 2, NULL);
    assert_int_equal(db_stats(f->db).samples_limit, 1);
    assert_int_equal(db_stats(f->db).head_series, 3);
    assert_int_equal(db_stats(f->db).head_series_max, 2);
}

static void a_group_past_its_own_limit_keeps_its_series_and_harms_no_other(void **state)
{
    struct db_fixture *f = *state;
    struct sink *sink = db_sink(f->db);
    struct sink_group *bounded, *other;
    struct err err;

    assert_ok(sink->group_open(sink, db_fixture_labels(f, "one"), 2, &bounded, &err), err);
    assert_ok(sink->group_open(sink, db_fixture_labels(f, "two"), 0, &other, &err), err);
    assert_int_equal(resolve_one(f, bounded, "a"), 0);
    assert_int_equal(resolve_one(f, bounded, "b"), 1);
    assert_int_equal(resolve_one(f, bounded, "c"), SINK_NO_ID);
    assert_int_equal(resolve_one(f, other, "c"), 0);
    assert_int_equal(resolve_one(f, bounded, "c"), SINK_NO_ID); /* the store has it by now */
    assert_int_equal(resolve_one(f, bounded, "a"), 0);
    assert_int_equal(db_stats(f->db).samples_limit, 2);
    assert_int_equal(db_stats(f->db).head_series, 3);
    sink->group_close(sink, bounded);
    assert_ok(sink->group_open(sink, db_fixture_labels(f, "one"), 2, &bounded, &err), err);
    assert_int_equal(resolve_one(f, bounded, "d"), SINK_NO_ID); /* nor by being opened anew */
    sink->group_close(sink, bounded);
    sink->group_close(sink, other);
}

static void a_shorter_retention_is_in_use_at_once(void **state)
{
    const int64_t day_ms = 86400000;
    struct db_fixture *f = *state;

    db_fixture_put(f, "m", T0, 1, NULL);
    compact(f);
    manual_clock_advance(&f->clock, 10 * day_ms);
    db_fixture_put(f, "m", T0 + 10 * day_ms, 2, NULL);
    compact(f);
    db_set_retention(f->db, 11 * day_ms, 0);
    db_retention_tick(f->db);
    assert_string_equal(db_fixture_read_all(f, "m"), "m: 0 1, 864000 2,\n");
    db_set_retention(f->db, 9 * day_ms, 0);
    db_retention_tick(f->db);
    assert_string_equal(db_fixture_read_all(f, "m"), "m: 864000 2,\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(metadata_alone_is_taken_whatever_ids_its_sender_knows,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(pushed_samples_are_there_and_after_a_restart_too, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_series_that_vanishes_from_a_scrape_gets_a_marker, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_hint_against_a_column_taken_by_row_is_not_believed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_failed_scrape_marks_all_and_is_one_record, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_equal_sample_is_taken_once_and_another_value_is_refused,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(the_same_sample_twice_in_one_batch_counts_once, setup,
                                        teardown),
        cmocka_unit_test(what_is_too_late_or_in_the_future_is_refused),
        cmocka_unit_test(rows_of_any_age_are_taken_if_the_batch_says_so),
        cmocka_unit_test(a_time_no_query_can_name_is_refused_even_without_a_late_window),
        cmocka_unit_test_setup_teardown(a_backfill_in_any_order_comes_back_in_order, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(blocks_say_what_they_hold, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_cut_reads_as_before_and_the_log_shrinks, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_shorter_retention_is_in_use_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cut_makes_refs_stale_and_staleness_goes_on_over_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_set_sees_the_same_samples_whatever_is_cut_meanwhile,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_series_with_two_writers_is_one_series, setup, teardown),
        cmocka_unit_test_setup_teardown(past_the_limit_new_series_are_refused_and_old_ones_go_on,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_group_past_its_own_limit_keeps_its_series_and_harms_no_other, setup, teardown),
        cmocka_unit_test_setup_teardown(series_are_sorted_but_for_those_who_take_any_order, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(who_asks_for_labels_only_gets_them_from_the_head_alone,
                                        setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
