/* Deletes: what was there is gone for good, what comes later stays. */
#include <errno.h>
#include <stdio.h>

#include "base/cursor.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/test.h"
#include "model/matcher.h"
#include "model/source.h"
#include "sys/fs.h"
#include "sys/fs_fault.h"
#include "tsdb/db_fixture.h"
#include "tsdb/inspect.h"
#include "tsdb/tomb_log.h"
#include "tsdb/wal.h"
#include "tsdb/wal_record.h"

#define T0 FIXTURE_T0
#define H  INT64_C(3600000)

static int try_delete(struct db_fixture *f, const char *name, ts_ms mint, ts_ms maxt,
                      struct err *err)
{
    struct matcher m;
    struct source_selector selector = {&m, 1};
    int rc;

    assert_ok(matcher_init(&m, &f->a, MATCH_RE, STR("__name__"), str_c(name), err), *err);
    rc = db_delete(f->db, &selector, 1, mint, maxt, err);
    matcher_fini(&m);
    return rc;
}

static void drop(struct db_fixture *f, const char *name, ts_ms from_s, ts_ms to_s)
{
    struct err err = {0};

    assert_ok(try_delete(f, name, T0 + from_s * 1000, T0 + to_s * 1000, &err), err);
}

static void put(struct db_fixture *f, const char *series, ts_ms s, double value)
{
    (void)db_fixture_put(f, series, T0 + s * 1000, value, NULL);
}

static void is(struct db_fixture *f, const char *name, const char *expected)
{
    assert_string_equal(db_fixture_read_all(f, name), expected);
}

static void seal(struct db_fixture *f)
{
    struct err err = {0};

    assert_ok(db_compact(f->db, NULL, &err), err);
}

static void clean(struct db_fixture *f)
{
    struct err err = {0};

    assert_ok(db_clean_tombstones(f->db, NULL, &err), err);
}

static void what_is_deleted_is_not_read_whatever_becomes_of_the_head(void **state)
{
    struct db_fixture f = {0};

    (void)state;
    db_fixture_open(&f, NULL);
    for (int i = 0; i < 6; i++) {
        put(&f, "a", i * 10, i);
        put(&f, "b", i * 10, i);
    }
    drop(&f, "a", 10, 30);
    is(&f, "a", "a: 0 0, 40 4, 50 5,\n");
    is(&f, "b", "b: 0 0, 10 1, 20 2, 30 3, 40 4, 50 5,\n");
    db_fixture_restart(&f);
    is(&f, "a", "a: 0 0, 40 4, 50 5,\n");
    seal(&f);
    is(&f, "a", "a: 0 0, 40 4, 50 5,\n");
    is(&f, "b", "b: 0 0, 10 1, 20 2, 30 3, 40 4, 50 5,\n");
    db_fixture_restart(&f);
    is(&f, "a", "a: 0 0, 40 4, 50 5,\n");
    drop(&f, "a|b", 0, 40);
    is(&f, "a", "a: 50 5,\n");
    is(&f, "b", "b: 50 5,\n");
    db_fixture_restart(&f);
    is(&f, "b", "b: 50 5,\n");
    clean(&f);
    is(&f, "a", "a: 50 5,\n");
    is(&f, "b", "b: 50 5,\n");
    db_fixture_restart(&f);
    is(&f, "b", "b: 50 5,\n");
    assert_int_equal(db_stats(f.db).corrupt_tombstones, 0);
    db_fixture_close(&f);
}

static void a_series_that_is_written_again_lives_on(void **state)
{
    static const char *const names[] = {"a"};
    struct db_fixture f = {0};
    struct fixture_pull p;
    enum sink_outcome outcome;

    (void)state;
    db_fixture_open(&f, NULL);
    db_fixture_pull_open(&f, &p, "group", names, 1);
    (void)db_fixture_pull(&f, &p, T0, (double[]){1});
    (void)db_fixture_pull(&f, &p, T0 + 10000, (double[]){1});
    drop(&f, "a", -3600, 3600);
    is(&f, "a", "");
    /* The same value: it did not change, and is nowhere but in the group's column. */
    (void)db_fixture_pull(&f, &p, T0 + 20000, (double[]){1});
    is(&f, "a", "a: 20 1,\n");
    /* At a time that was deleted, while the deleted one is still in a window or a block. */
    assert_int_equal(db_fixture_put(&f, "a", T0 + 10000, 7, &outcome), SINK_WRITTEN);
    assert_int_equal(outcome, SINK_OK);
    is(&f, "a", "a: 10 7, 20 1,\n");
    db_fixture_pull_close(&f, &p);
    db_fixture_restart(&f);
    is(&f, "a", "a: 10 7, 20 1,\n");
    seal(&f);
    is(&f, "a", "a: 10 7, 20 1,\n");
    clean(&f);
    db_fixture_restart(&f);
    is(&f, "a", "a: 10 7, 20 1,\n");
    db_fixture_close(&f);
}

static void late_samples_are_deleted_like_others(void **state)
{
    struct db_fixture f = {0};

    (void)state;
    db_fixture_open(&f, NULL);
    put(&f, "a", 60, 6);
    put(&f, "a", 20, 2); /* late: beside the stream */
    put(&f, "a", 30, 3);
    drop(&f, "a", 20, 20);
    is(&f, "a", "a: 30 3, 60 6,\n");
    seal(&f);
    is(&f, "a", "a: 30 3, 60 6,\n");
    put(&f, "b", 60, 6);
    put(&f, "b", 20, 2);
    drop(&f, "b", 0, 100);
    seal(&f);
    is(&f, "b", "");
    is(&f, "a", "a: 30 3, 60 6,\n");
    db_fixture_close(&f);
}

static void a_series_without_samples_left_is_not_listed(void **state)
{
    struct db_fixture f = {0};
    struct source_hints hints = {.labels_only = true};
    struct source *src;
    struct source_set *set;
    struct matcher m;
    struct err err = {0};

    (void)state;
    db_fixture_open(&f, NULL);
    src = db_source(f.db);
    assert_ok(matcher_init(&m, &f.a, MATCH_EQ, STR("__name__"), STR("a"), &err), err);
    for (int sealed = 0; sealed < 2; sealed++) {
        put(&f, "a", sealed * 100, 1);
        put(&f, "b", sealed * 100, 1);
        if (sealed)
            seal(&f);
        drop(&f, "a", -1000, 1000);
        assert_ok(src->select(src, &f.a, &m, 1, 0, INT64_MAX, &hints, &set, &err), err);
        assert_int_equal(set->n, 0);
        src->set_free(src, set);
    }
    matcher_fini(&m);
    db_fixture_close(&f);
}

static void a_delete_without_a_match_leaves_nothing_behind(void **state)
{
    struct db_fixture f = {0};

    (void)state;
    db_fixture_open(&f, NULL);
    put(&f, "a", 0, 1);
    drop(&f, "nothing", 0, 1000);
    drop(&f, "a", 100, 1000);
    assert_int_equal(db_stats(f.db).tombstones, 0);
    assert_int_equal(db_stats(f.db).deletes, 0);
    is(&f, "a", "a: 0 1,\n");
    db_fixture_close(&f);
}

/* Upkeep drops them within a second or so of the block that holds no deleted samples. */
static void tombstones_go_when_nothing_they_mean_is_left(void **state)
{
    struct db_fixture f = {0};

    (void)state;
    db_fixture_open(&f, NULL);
    for (int i = 0; i < 20; i++) {
        put(&f, "a", i, i);
        put(&f, "b", i, i);
        drop(&f, "a", 0, i);
    }
    assert_true(db_stats(f.db).tombstones < 20); /* a later one of the same takes its place */
    seal(&f);
    put(&f, "b", 30, 1);
    clean(&f);
    seal(&f);
    clean(&f);
    for (int i = 0; db_stats(f.db).tombstones && i < 1000; i++)
        clean(&f);
    assert_int_equal(db_stats(f.db).tombstones, 0);
    is(&f, "a", "");
    db_fixture_restart(&f);
    is(&f, "a", "");
    assert_int_equal(db_stats(f.db).tombstones, 0);
    db_fixture_close(&f);
}

static void cleaning_keeps_which_of_two_blocks_wins(void **state)
{
    struct db_fixture f = {.late_window_ms = -1};

    (void)state;
    db_fixture_open(&f, NULL);
    put(&f, "a", 0, 1);
    put(&f, "a", 10, 1);
    put(&f, "old", 0, 1);
    seal(&f);
    put(&f, "a", 0, 2); /* the older block holds another value of this time */
    is(&f, "a", "a: 0 2, 10 1,\n");
    drop(&f, "old", 0, 100);
    clean(&f);
    is(&f, "a", "a: 0 2, 10 1,\n");
    is(&f, "old", "");
    seal(&f);
    is(&f, "a", "a: 0 2, 10 1,\n");
    db_fixture_close(&f);
}

/* ---- damage and faults ---- */

static struct fs *store_with_a_delete_in_its_file(struct db_fixture *f)
{
    struct fs *fs;

    db_fixture_open(f, NULL);
    put(f, "a", 0, 1);
    put(f, "b", 0, 1);
    seal(f);
    drop(f, "a", 0, 100);
    drop(f, "b", 500, 1000);
    drop(f, "b", 0, 0);
    /* The log that holds them goes with the window. */
    put(f, "c", 0, 1);
    seal(f);
    put(f, "c", 10, 1);
    seal(f);
    fs = db_fixture_copy(f);
    db_fixture_close(f);
    return fs;
}

static size_t how_many_are_gone(struct db_fixture *f)
{
    size_t n = *db_fixture_read_all(f, "a") == '\0';

    return *db_fixture_read_all(f, "b") ? n : n + 1;
}

static void damage_to_the_file_is_found_kept_and_never_refuses_a_start(void **state)
{
    struct db_fixture f = {0};
    struct fs *fs = store_with_a_delete_in_its_file(&f);
    size_t n, flips = 0, damaged = 0;

    (void)state;
    assert_non_null(fs_fault_bytes(fs, TOMB_LOG, &n));
    for (size_t bit = 0; bit < n * 8; bit += 3) {
        struct fs *copy = fs_fault_copy(fs);
        struct inspect_report report;
        unsigned char *p = fs_fault_bytes(copy, TOMB_LOG, &n);
        struct err err = {0};
        size_t gone;

        p[bit / 8] ^= (unsigned char)(1 << bit % 8);
        assert_ok(inspect_stat(copy, &f.a, &report, &err), err);
        damaged += report.damaged != 0;
        flips++;
        assert_int_equal(db_fixture_try_open(&f, copy, &err), 0);
        /* Either all is as it was, or it is said that some may be lost. */
        gone = how_many_are_gone(&f);
        if (!db_stats(f.db).corrupt_tombstones)
            assert_int_equal(gone, 2);
        else
            assert_non_null(fs_fault_bytes(copy, "bad/" TOMB_LOG, &n));
        assert_string_equal(db_fixture_read_all(&f, "c"), "c: 0 1, 10 1,\n");
        /* It is whole again. */
        db_fixture_restart(&f);
        assert_int_equal(how_many_are_gone(&f), gone);
        db_fixture_close(&f);
        assert_non_null(fs_fault_bytes(fs, TOMB_LOG, &n));
    }
    assert_true(damaged > flips * 9 / 10); /* the rest looks like an end that is not whole */
    fs_free(fs);
}

static void the_file_may_end_anywhere(void **state)
{
    struct db_fixture f = {0};
    struct fs *fs = store_with_a_delete_in_its_file(&f);
    unsigned char *whole;
    size_t n;

    (void)state;
    whole = fs_fault_bytes(fs, TOMB_LOG, &n);
    for (size_t end = 0; end < n; end++) {
        struct fs *copy = fs_fault_copy(fs);
        struct err err = {0};

        fs_fault_put(copy, TOMB_LOG, whole, end);
        assert_int_equal(db_fixture_try_open(&f, copy, &err), 0);
        assert_string_equal(db_fixture_read_all(&f, "c"), "c: 0 1, 10 1,\n");
        db_fixture_close(&f);
    }
    fs_free(fs);
}

static void a_newer_format_of_the_file_is_refused(void **state)
{
    struct fs *fs = fs_fault_new();
    SCOPED(buf_fini) struct buf b = {0};
    struct db_fixture f = {0};
    struct err err = {0};

    (void)state;
    buf_adds(&b, "earshotT");
    put_u32(&b, 255);
    put_u32(&b, crc32c(0, b.p, b.n));
    fs_fault_put(fs, TOMB_LOG, b.p, b.n);
    db_fixture_open(&f, NULL);
    db_close(f.db);
    assert_fails(db_fixture_try_open(&f, fs, &err), err, ERR_TYPE, "tombstones has format 255");
    arena_fini(&f.a);
}

/* What the log knows, and what the file knows, is enough: one of both may be gone. */
static void a_delete_in_the_log_alone_is_found(void **state)
{
    struct db_fixture f = {0};
    struct fs *copy;
    struct err err = {0};

    (void)state;
    db_fixture_open(&f, NULL);
    put(&f, "a", 0, 1);
    put(&f, "a", 10, 1);
    drop(&f, "a", 0, 5);
    copy = db_fixture_copy(&f);
    db_fixture_close(&f);
    assert_int_equal(copy->ops->unlink(copy, TOMB_LOG, &err), 0);
    db_fixture_open(&f, copy);
    is(&f, "a", "a: 10 1,\n");
    seal(&f);
    is(&f, "a", "a: 10 1,\n");
    db_fixture_close(&f);
}

/* Flips a bit in each DELETE of the log; how many there were. */
static size_t damage_deletes(struct db_fixture *f, struct fs *fs)
{
    struct fs_entry *entries;
    struct err err = {0};
    size_t n, bytes, damaged = 0;

    assert_ok(fs->ops->list(fs, WAL_FOLDER, &f->a, &entries, &n, &err), err);
    for (size_t e = 0; e < n; e++) {
        char name[128];
        unsigned char *p;

        (void)snprintf(name, sizeof name, WAL_FOLDER "/%s", entries[e].name);
        p = fs_fault_bytes(fs, name, &bytes);
        for (size_t i = 0; i < bytes; i += 8) {
            struct wal_header h;

            if (wal_header_read(p + i, bytes - i, &h) && h.type == WAL_DELETE &&
                wal_record_bytes(h.payload_bytes) <= bytes - i && wal_record_intact(p + i, &h)) {
                p[i + WAL_HEADER_BYTES] ^= 1;
                damaged++;
            }
        }
    }
    return damaged;
}

static void a_delete_whose_record_is_damaged_stays(void **state)
{
    size_t damaged = 0;

    (void)state;
    /* A cut on the side may have made the log unneeded already: then once more. */
    for (int tries = 0; tries < 50 && !damaged; tries++) {
        struct db_fixture f = {0};
        struct fs *copy;

        db_fixture_open(&f, NULL);
        put(&f, "a", 0, 1);
        put(&f, "a", 10, 1);
        drop(&f, "a", 0, 5);
        put(&f, "a", 2, 9);
        copy = db_fixture_copy(&f);
        damaged = damage_deletes(&f, copy);
        db_fixture_close(&f);
        db_fixture_open(&f, copy);
        is(&f, "a", "a: 2 9, 10 1,\n");
        db_fixture_close(&f);
    }
    assert_int_equal(damaged, 1);
}

/* Deletes, a cut and a clean with a fault at any call; then a kill, and a start without. */
static bool run_with_fault(struct db_fixture *f, enum fs_call call, uint64_t nth,
                           enum fs_fault fault, int os)
{
    struct fs *fs = fs_fault_new(), *copy;
    bool acked[2], fired;
    enum sink_outcome outcome;
    struct err err = {0};

    db_fixture_open(f, fs);
    for (int i = 0; i < 4; i++) {
        put(f, "a", i * 10, i);
        put(f, "b", i * 10, i);
    }
    fs_fault_arm(fs, call, nth, fault, os);
    acked[0] = try_delete(f, "a", T0, T0 + 10000, &err) == 0;
    (void)db_fixture_put(f, "c", T0, 1, &outcome);
    if (db_compact(f->db, NULL, &err) < 0)
        assert_string_not_equal(err.text, "");
    acked[1] = try_delete(f, "b", T0 + 20000, T0 + 30000, &err) == 0;
    if (db_clean_tombstones(f->db, NULL, &err) < 0)
        assert_string_not_equal(err.text, "");
    fired = fs_fault_fired(fs);
    fs_fault_disarm(fs);
    for (int round = 0; round < 2; round++) {
        const char *a = db_fixture_read_all(f, "a"), *b = db_fixture_read_all(f, "b");

        /* An acknowledged one is gone; one that failed is there whole or gone whole. */
        if (acked[0] || strcmp(a, "a: 0 0, 10 1, 20 2, 30 3,\n") != 0)
            assert_string_equal(a, "a: 20 2, 30 3,\n");
        if (acked[1] || strcmp(b, "b: 0 0, 10 1, 20 2, 30 3,\n") != 0)
            assert_string_equal(b, "b: 0 0, 10 1,\n");
        if (round)
            break;
        copy = db_fixture_copy(f);
        db_close(f->db);
        f->db = NULL;
        db_fixture_open(f, copy);
    }
    assert_int_equal(db_stats(f->db).corrupt_tombstones, 0);
    db_close(f->db);
    f->db = NULL;
    return fired;
}

static void any_call_may_fail(void **state)
{
    static const struct {
        enum fs_call call;
        enum fs_fault fault;
        int os;
    } cases[] = {
        {FS_APPEND, FS_FAIL, EIO},      {FS_APPEND, FS_SHORT, ENOSPC}, {FS_DATASYNC, FS_FAIL, EIO},
        {FS_RENAME, FS_FAIL, EIO},      {FS_CREATE, FS_FAIL, EIO},     {FS_TRUNCATE, FS_FAIL, EIO},
        {FS_UNLINK, FS_FAIL, EIO},      {FS_SYNC_DIR, FS_FAIL, EIO},   {FS_OPEN, FS_FAIL, EMFILE},
        {FS_APPEND, FS_FAIL_FROM, EIO},
    };
    struct db_fixture f = {0};

    (void)state;
    db_fixture_open(&f, NULL);
    db_close(f.db);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (uint64_t nth = 1; nth < 40; nth++)
            if (!run_with_fault(&f, cases[i].call, nth, cases[i].fault, cases[i].os))
                break;
    arena_fini(&f.a);
}

static void a_power_cut_brings_nothing_back(void **state)
{
    (void)state;
    for (int round = 0; round < 20; round++) {
        struct db_fixture f = {0};
        struct fs *copy;

        db_fixture_open(&f, NULL);
        put(&f, "a", 0, 1);
        put(&f, "a", 10, 1);
        if (round % 2)
            seal(&f);
        drop(&f, "a", 0, 5);
        if (round % 3 == 0)
            clean(&f);
        fs_fault_power_cut(f.fs, NULL);
        copy = db_fixture_copy(&f);
        db_close(f.db);
        f.db = NULL;
        db_fixture_open(&f, copy);
        is(&f, "a", "a: 10 1,\n");
        db_fixture_close(&f);
    }
}

/* Each names a stretch of its own, so that none makes another needless. */
static void at_the_bound_a_delete_cleans_up_before_it_adds_to_them(void **state)
{
    struct db_fixture f = {0};
    const int bound = 1000;

    (void)state;
    db_fixture_open(&f, NULL);
    for (int i = 0; i < bound + 2; i++)
        put(&f, "a", i * 2, i);
    put(&f, "b", 0, 1);
    seal(&f);
    for (int i = 0; i < bound; i++)
        drop(&f, "a", i * 2, i * 2);
    assert_int_equal(db_stats(f.db).tombstones, bound);
    is(&f, "a", "a: 2000 1000, 2002 1001,\n");
    drop(&f, "a", 2000, 2000);
    assert_int_equal(db_stats(f.db).tombstones, 1);
    is(&f, "a", "a: 2002 1001,\n");
    is(&f, "b", "b: 0 1,\n");
    db_fixture_restart(&f);
    is(&f, "a", "a: 2002 1001,\n");
    db_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_deleted_is_not_read_whatever_becomes_of_the_head),
        cmocka_unit_test(a_series_that_is_written_again_lives_on),
        cmocka_unit_test(late_samples_are_deleted_like_others),
        cmocka_unit_test(a_series_without_samples_left_is_not_listed),
        cmocka_unit_test(a_delete_without_a_match_leaves_nothing_behind),
        cmocka_unit_test(tombstones_go_when_nothing_they_mean_is_left),
        cmocka_unit_test(cleaning_keeps_which_of_two_blocks_wins),
        cmocka_unit_test(damage_to_the_file_is_found_kept_and_never_refuses_a_start),
        cmocka_unit_test(the_file_may_end_anywhere),
        cmocka_unit_test(a_newer_format_of_the_file_is_refused),
        cmocka_unit_test(a_delete_in_the_log_alone_is_found),
        cmocka_unit_test(a_delete_whose_record_is_damaged_stays),
        cmocka_unit_test(at_the_bound_a_delete_cleans_up_before_it_adds_to_them),
        cmocka_unit_test(any_call_may_fail),
        cmocka_unit_test(a_power_cut_brings_nothing_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
