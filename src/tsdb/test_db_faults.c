/* The store under faults: what was acknowledged is there, what is there was sent. */
#include <errno.h>

#include "base/err.h"
#include "base/rng.h"
#include "base/test.h"
#include "sys/fs.h"
#include "sys/fs_fault.h"
#include "tsdb/db_fixture.h"

#define T0      FIXTURE_T0
#define COMMITS 24

/* Commit n holds a sample of each of these at T0 + n * 15 s; its value follows from both. */
static const char *const names[] = {"a", "b{i=\"1\"}", "c", "p", "q{i=\"2\"}"};
#define PULLED 3 /* the first ones by a pull group, the others pushed */

static double value_of(size_t series, size_t n)
{
    size_t third = n / 3, fifth = n / 5;

    switch (series) {
    case 0:
        return (double)n * 7;
    case 1:
        return (double)fifth;
    case 2:
        return (double)(n * 40503 % 977) / 7;
    case 3:
        return (double)third;
    default:
        return (double)n + .125;
    }
}

struct truth {
    bool acked[COMMITS][2]; /* pulled, pushed */
};

static void commit_one(struct db_fixture *f, struct fixture_pull *p, size_t n, struct truth *t)
{
    ts_ms ts = T0 + (ts_ms)n * 15000;
    struct fixture_row rows[] = {{names[3], ts, value_of(3, n)}, {names[4], ts, value_of(4, n)}};
    double values[PULLED];
    struct sink_batch b;

    for (size_t s = 0; s < PULLED; s++)
        values[s] = value_of(s, n);
    b = db_fixture_pull(f, p, ts, values);
    t->acked[n][0] = b.verdict == SINK_WRITTEN && b.outcomes[SINK_OK] == PULLED;
    for (int tries = 0; tries < 3 && !t->acked[n][1]; tries++) {
        b = db_fixture_push(f, rows, 2);
        t->acked[n][1] = b.verdict == SINK_WRITTEN;
    }
}

static void commit_some(struct db_fixture *f, size_t from, size_t to, struct truth *t)
{
    struct fixture_pull p;

    db_fixture_pull_open(f, &p, "group", names, PULLED);
    for (size_t n = from; n < to; n++)
        commit_one(f, &p, n, t);
    db_fixture_pull_close(f, &p);
}

/* Nothing but what was sent is there; returns how many acknowledged samples are missing. */
static size_t check(struct db_fixture *f, const struct truth *t)
{
    bool there[COMMITS][5] = {0};
    struct fixture_row *rows;
    size_t n = db_fixture_samples(f, &rows), missing = 0;

    for (size_t i = 0; i < n; i++) {
        size_t series = 0, commit = (size_t)(rows[i].ts - T0) / 15000;

        while (series < 5 && strcmp(names[series], rows[i].series) != 0)
            series++;
        assert_true(series < 5 && commit < COMMITS && (rows[i].ts - T0) % 15000 == 0);
        assert_false(there[commit][series]);
        there[commit][series] = true;
        if (value_is_stale(rows[i].value))
            continue;
        if (value_bits(rows[i].value) != value_bits(value_of(series, commit)))
            fail_msg("%s at commit %zu: %g", names[series], commit, rows[i].value);
    }
    for (size_t c = 0; c < COMMITS; c++)
        for (size_t s = 0; s < 5; s++)
            missing += t->acked[c][s >= PULLED] && !there[c][s];
    return missing;
}

/* One run of the store with a fault in it, then a kill and a start without. */
static bool run_with_fault(struct db_fixture *f, enum fs_call call, uint64_t nth,
                           enum fs_fault fault, int os)
{
    struct truth t = {0};
    struct fs *fs = fs_fault_new(), *copy;
    struct err err = {0};
    bool fired;

    fs_fault_arm(fs, call, nth, fault, os);
    if (db_fixture_try_open(f, fs, &err) < 0)
        return true;
    commit_some(f, 0, COMMITS / 2, &t);
    if (db_compact(f->db, NULL, &err) < 0)
        assert_string_not_equal(err.text, "");
    commit_some(f, COMMITS / 2, COMMITS, &t);
    fired = fs_fault_fired(fs);
    fs_fault_disarm(fs);
    assert_int_equal(check(f, &t), 0);
    copy = db_fixture_copy(f);
    db_close(f->db);
    db_fixture_open(f, copy);
    assert_int_equal(check(f, &t), 0);
    db_close(f->db);
    f->db = NULL;
    return fired;
}

static void any_call_may_fail_once_or_for_ever(void **state)
{
    static const struct {
        enum fs_call call;
        enum fs_fault fault;
        int os;
    } cases[] = {
        {FS_APPEND, FS_FAIL, EIO},   {FS_APPEND, FS_SHORT, ENOSPC}, {FS_APPEND, FS_FAIL_FROM, EIO},
        {FS_DATASYNC, FS_FAIL, EIO}, {FS_RENAME, FS_FAIL, EIO},     {FS_CREATE, FS_FAIL, EIO},
        {FS_TRUNCATE, FS_FAIL, EIO}, {FS_UNLINK, FS_FAIL, EIO},     {FS_SYNC_DIR, FS_FAIL, EIO},
        {FS_ANY, FS_SHORT, EIO},     {FS_OPEN, FS_FAIL, EMFILE},    {FS_ANY, FS_FAIL_FROM, ENOSPC},
    };
    struct db_fixture f = {0};

    (void)state;
    db_fixture_open(&f, NULL);
    db_close(f.db);
    for (int each = 0; each < 2; each++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            f.sync_each_commit = each;
            for (uint64_t nth = 1;; nth++)
                if (!run_with_fault(&f, cases[i].call, nth, cases[i].fault, cases[i].os))
                    break;
            arena_reset(&f.a);
        }
    arena_fini(&f.a);
}

static void a_power_cut_keeps_what_was_synced(void **state)
{
    struct rng rng;

    (void)state;
    rng_seed(&rng, 3);
    for (int round = 0; round < 60; round++) {
        struct db_fixture f = {.sync_each_commit = round % 3 != 0};
        struct truth t = {0};
        struct fs *copy;
        size_t missing;

        db_fixture_open(&f, NULL);
        commit_some(&f, 0, COMMITS / 2, &t);
        if (round % 2) {
            struct err err;

            assert_ok(db_compact(f.db, NULL, &err), err);
        }
        commit_some(&f, COMMITS / 2, COMMITS, &t);
        fs_fault_power_cut(f.fs, round % 5 ? &rng : NULL);
        copy = db_fixture_copy(&f);
        db_close(f.db);
        db_fixture_open(&f, copy);
        missing = check(&f, &t);
        if (f.sync_each_commit)
            assert_int_equal(missing, 0);
        assert_int_equal(db_stats(f.db).corrupt_records, 0);
        db_fixture_close(&f);
    }
}

static void a_failed_sync_is_written_again_to_a_new_segment(void **state)
{
    struct db_fixture f = {.sync_each_commit = true};
    struct truth t = {0};
    struct fs *copy;

    (void)state;
    db_fixture_open(&f, NULL);
    commit_some(&f, 0, 4, &t);
    fs_fault_arm(f.fs, FS_DATASYNC, 1, FS_FAIL, EIO);
    commit_some(&f, 4, COMMITS, &t);
    assert_true(fs_fault_fired(f.fs));
    assert_int_equal(db_stats(f.db).wal_sync_failures, 1);
    fs_fault_power_cut(f.fs, NULL);
    copy = db_fixture_copy(&f);
    db_close(f.db);
    db_fixture_open(&f, copy);
    assert_int_equal(check(&f, &t), 0);
    assert_int_equal(db_stats(f.db).corrupt_records, 0);
    db_fixture_close(&f);
}

static void a_full_disk_refuses_pushes_and_keeps_columns_in_memory(void **state)
{
    static const char *const pulled[] = {"x"};
    struct db_fixture f = {0};
    struct fixture_pull p;
    struct fixture_row row = {"y", T0, 1};
    struct metadata said = {STR("x"), METRIC_GAUGE, STR("What x is."), STR("")}, *known;
    struct sink_batch b;
    int written = 0;
    size_t known_n;

    (void)state;
    db_fixture_open(&f, NULL);
    assert_int_equal(db_stats(f.db).disk_size_bytes, FIXTURE_DISK_BYTES);
    assert_in_range(db_stats(f.db).disk_avail_bytes, 1, FIXTURE_DISK_BYTES);
    db_fixture_pull_open(&f, &p, "group", pulled, 1);
    db_fixture_pull(&f, &p, T0, (double[]){1});
    fs_fault_capacity(f.fs, 3000);
    while ((b = db_fixture_push(&f, &row, 1)).verdict == SINK_WRITTEN) {
        row.ts += 1000;
        row.value++;
        assert_true(++written < 100);
    }
    assert_int_equal(b.verdict, SINK_REFUSED);
    assert_int_equal(b.reason, SINK_DISK_FULL);
    assert_true(db_stats(f.db).disk_full);
    p.metadata = &said;
    p.metadata_n = 1;
    assert_int_equal(db_fixture_pull(&f, &p, T0 + 15000, (double[]){2}).verdict, SINK_UNLOGGED);
    assert_int_equal(db_metadata(f.db, &f.a, STR("x"), &known, &known_n, NULL), 0);
    assert_int_equal(known_n, 1);
    assert_string_equal(db_fixture_read_all(&f, "x"), "x: 0 1, 15 2,\n");
    assert_int_equal(db_fixture_warnings(&f), 1);
    fs_fault_capacity(f.fs, FIXTURE_DISK_BYTES);
    while (db_fixture_push(&f, &row, 1).verdict != SINK_WRITTEN)
        ; /* the store looks for room once a second */
    assert_false(db_stats(f.db).disk_full);
    db_fixture_pull(&f, &p, T0 + 30000, (double[]){2});
    db_fixture_pull_close(&f, &p);
    db_fixture_restart(&f);
    assert_non_null(strstr(db_fixture_read_all(&f, "x"), "30 2,"));
    db_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_call_may_fail_once_or_for_ever),
        cmocka_unit_test(a_power_cut_keeps_what_was_synced),
        cmocka_unit_test(a_failed_sync_is_written_again_to_a_new_segment),
        cmocka_unit_test(a_full_disk_refuses_pushes_and_keeps_columns_in_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
