/* Snapshots: the store as it was at the call, whatever it did since. */
#include <errno.h>
#include <stdio.h>

#include "base/err.h"
#include "base/rng.h"
#include "base/test.h"
#include "model/matcher.h"
#include "model/source.h"
#include "sys/fs.h"
#include "sys/fs_fault.h"
#include "tsdb/db_fixture.h"

#define T0     FIXTURE_T0
#define FOLDER "snapshots"

static void put(struct db_fixture *f, const char *series, ts_ms s, double value)
{
    (void)db_fixture_put(f, series, T0 + s * 1000, value, NULL);
}

static void drop(struct db_fixture *f, const char *name, ts_ms from_s, ts_ms to_s)
{
    struct matcher m;
    struct source_selector selector = {&m, 1};
    struct err err = {0};

    assert_ok(matcher_init(&m, &f->a, MATCH_RE, STR("__name__"), str_c(name), &err), err);
    assert_ok(db_delete(f->db, &selector, 1, T0 + from_s * 1000, T0 + to_s * 1000, &err), err);
    matcher_fini(&m);
}

static void seal(struct db_fixture *f)
{
    struct err err = {0};

    assert_ok(db_compact(f->db, NULL, &err), err);
}

static void copy_files(struct fs *from, const char *folder, struct fs *to, const char *inner,
                       struct arena *a)
{
    struct fs_entry *entries;
    struct err err = {0};
    char source[300], target[300];
    size_t n, bytes;

    (void)snprintf(source, sizeof source, "%s%s%s", folder, inner[0] ? "/" : "", inner);
    assert_ok(from->ops->list(from, source, a, &entries, &n, &err), err);
    for (size_t i = 0; i < n; i++) {
        void *p;

        (void)snprintf(source, sizeof source, "%s%s%s/%s", folder, inner[0] ? "/" : "", inner,
                       entries[i].name);
        (void)snprintf(target, sizeof target, "%s%s%s", inner, inner[0] ? "/" : "",
                       entries[i].name);
        if (entries[i].folder) {
            assert_ok(to->ops->mkdir(to, target, &err), err);
            copy_files(from, folder, to, target, a);
            continue;
        }
        p = fs_fault_bytes(from, source, &bytes);
        fs_fault_put(to, target, p, bytes);
    }
}

/* What stands in a snapshot, as a data directory of its own. */
static struct fs *fs_of(struct db_fixture *f, struct fs *fs, const char *name)
{
    struct fs *out = fs_fault_new();
    char folder[200];

    (void)snprintf(folder, sizeof folder, FOLDER "/%s", name);
    copy_files(fs, folder, out, "", &f->a);
    return out;
}

static struct fs *take_snapshot(struct db_fixture *f, bool skip_head)
{
    char name[DB_SNAPSHOT_NAME];
    struct err err = {0};

    assert_ok(db_snapshot(f->db, skip_head, NULL, name, &err), err);
    return fs_of(f, f->fs, name);
}

/* Goes over to another directory, as a start with it would. */
static void move_to(struct db_fixture *f, struct fs *fs)
{
    db_close(f->db);
    f->db = NULL;
    db_fixture_open(f, fs);
    assert_int_equal(db_stats(f->db).corrupt_records, 0);
    assert_int_equal(db_stats(f->db).corrupt_tombstones, 0);
    assert_int_equal(db_stats(f->db).torn_tails, 0);
}

static void is(struct db_fixture *f, const char *name, const char *expected)
{
    assert_string_equal(db_fixture_read_all(f, name), expected);
}

static void a_snapshot_is_the_store_at_the_call(void **state)
{
    struct db_fixture f = {0};
    struct fs *snapshot;

    (void)state;
    db_fixture_open(&f, NULL);
    for (int i = 0; i < 4; i++) {
        put(&f, "a", i * 10, i);
        put(&f, "b", i * 10, i);
    }
    seal(&f);
    put(&f, "a", 40, 4);
    drop(&f, "a", 10, 10);
    put(&f, "b", 40, 4);
    put(&f, "c", 40, 4);
    snapshot = take_snapshot(&f, false);

    put(&f, "a", 50, 5);
    drop(&f, "b", 0, 40);
    seal(&f);
    is(&f, "a", "a: 0 0, 20 2, 30 3, 40 4, 50 5,\n");
    is(&f, "b", "");

    move_to(&f, snapshot);
    is(&f, "a", "a: 0 0, 20 2, 30 3, 40 4,\n");
    is(&f, "b", "b: 0 0, 10 1, 20 2, 30 3, 40 4,\n");
    is(&f, "c", "c: 40 4,\n");
    /* It goes on as a store of its own. */
    put(&f, "a", 10, 9);
    put(&f, "a", 60, 6);
    seal(&f);
    db_fixture_restart(&f);
    is(&f, "a", "a: 0 0, 10 9, 20 2, 30 3, 40 4, 60 6,\n");
    db_fixture_close(&f);
}

/* The windows that deletes name have numbers that come again where there is no log. */
static void without_the_head_it_is_the_blocks(void **state)
{
    struct db_fixture f = {0};
    struct fs *snapshot;

    (void)state;
    db_fixture_open(&f, NULL);
    for (int i = 0; i < 4; i++)
        put(&f, "a", i * 10, i);
    seal(&f);
    put(&f, "a", 40, 4);
    drop(&f, "a", 20, 90);
    put(&f, "a", 50, 5);
    put(&f, "c", 40, 4);
    snapshot = take_snapshot(&f, true);
    move_to(&f, snapshot);
    is(&f, "a", "a: 0 0, 10 1,\n");
    is(&f, "c", "");
    for (int i = 0; i < 4; i++) {
        put(&f, "a", 60 + i * 10, i);
        seal(&f);
    }
    put(&f, "a", 20, 7);
    is(&f, "a", "a: 0 0, 10 1, 20 7, 60 0, 70 1, 80 2, 90 3,\n");
    db_fixture_close(&f);
}

static void two_in_a_row_and_an_empty_store_are_fine(void **state)
{
    struct db_fixture f = {0};
    struct fs *first, *second, *third;

    (void)state;
    db_fixture_open(&f, NULL);
    first = take_snapshot(&f, false);
    put(&f, "a", 0, 1);
    manual_clock_advance(&f.clock, 1);
    second = take_snapshot(&f, false);
    manual_clock_advance(&f.clock, 1);
    third = take_snapshot(&f, false);
    move_to(&f, first);
    is(&f, "a", "");
    move_to(&f, second);
    is(&f, "a", "a: 0 1,\n");
    move_to(&f, third);
    is(&f, "a", "a: 0 1,\n");
    db_fixture_close(&f);
}

static void what_is_in_memory_only_goes_to_a_block_first(void **state)
{
    static const char *const names[] = {"a"};
    struct db_fixture f = {0};
    struct fixture_pull p;
    struct fs *snapshot;

    (void)state;
    db_fixture_open(&f, NULL);
    db_fixture_pull_open(&f, &p, "group", names, 1);
    (void)db_fixture_pull(&f, &p, T0, (double[]){1});
    fs_fault_arm(f.fs, FS_APPEND, 1, FS_FAIL, EIO);
    assert_int_equal(db_fixture_pull(&f, &p, T0 + 10000, (double[]){2}).verdict, SINK_UNLOGGED);
    fs_fault_disarm(f.fs);
    snapshot = take_snapshot(&f, false);
    db_fixture_pull_close(&f, &p);
    move_to(&f, snapshot);
    is(&f, "a", "a: 0 1, 10 2,\n");
    db_fixture_close(&f);
}

static size_t list(struct db_fixture *f, struct fs *fs, struct fs_entry **out)
{
    struct err err = {0};
    size_t n;

    assert_ok(fs->ops->list(fs, FOLDER, &f->a, out, &n, &err), err);
    return n;
}

static void write_some(struct db_fixture *f)
{
    for (int i = 0; i < 4; i++)
        put(f, "a", i * 10, i);
    seal(f);
    put(f, "a", 40, 4);
    drop(f, "a", 10, 10);
}

#define WRITTEN "a: 0 0, 20 2, 30 3, 40 4,\n"

/* False: the call was not reached. */
static bool fails_at(struct db_fixture *f, enum fs_call call, uint64_t nth)
{
    struct fs *fs = fs_fault_new();
    struct fs_entry *entries;
    char name[DB_SNAPSHOT_NAME];
    struct err err = {0};
    bool fired, made;
    size_t n;

    db_fixture_open(f, fs);
    write_some(f);
    fs_fault_arm(fs, call, nth, FS_FAIL, EIO);
    made = db_snapshot(f->db, false, NULL, name, &err) == 0;
    fired = fs_fault_fired(fs);
    fs_fault_disarm(fs);
    is(f, "a", WRITTEN);
    if (!made)
        assert_string_not_equal(err.text, "");
    db_fixture_restart(f); /* removes what could not be removed then */
    is(f, "a", WRITTEN);
    n = list(f, f->fs, &entries);
    assert_int_equal(n, made ? 1 : 0);
    if (made) {
        assert_string_equal(entries[0].name, name);
        move_to(f, fs_of(f, f->fs, name));
        is(f, "a", WRITTEN);
    }
    db_close(f->db);
    f->db = NULL;
    return fired;
}

static void any_call_may_fail(void **state)
{
    static const enum fs_call calls[] = {FS_CREATE, FS_APPEND, FS_DATASYNC, FS_RENAME, FS_LINK,
                                         FS_MKDIR,  FS_LIST,   FS_SYNC_DIR, FS_RMDIR};
    struct db_fixture f = {0};

    (void)state;
    db_fixture_open(&f, NULL);
    db_close(f.db);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        for (uint64_t nth = 1; nth < 30; nth++)
            if (!fails_at(&f, calls[i], nth))
                break;
    arena_fini(&f.a);
}

static void a_power_cut_leaves_all_of_it_or_nothing(void **state)
{
    struct db_fixture f = {0};
    struct rng rng;
    bool fired = true;

    (void)state;
    rng_seed(&rng, 7);
    db_fixture_open(&f, NULL);
    db_close(f.db);
    for (uint64_t nth = 1; nth < 60 && fired; nth++) {
        struct fs *fs = fs_fault_new(), *copy;
        struct fs_entry *entries;
        char name[DB_SNAPSHOT_NAME];
        struct err err = {0};
        size_t n;
        bool made;

        db_fixture_open(&f, fs);
        write_some(&f);
        fs_fault_arm(fs, FS_ANY, nth, FS_POWER_OFF, EIO);
        made = db_snapshot(f.db, false, NULL, name, &err) == 0;
        fired = fs_fault_fired(fs);
        fs_fault_disarm(fs);
        fs_fault_power_cut(fs, nth % 2 ? &rng : NULL);
        copy = fs_fault_copy(fs);
        db_close(f.db);
        f.db = NULL;
        db_fixture_open(&f, copy);
        n = list(&f, f.fs, &entries);
        assert_true(n <= 1);
        assert_true(n || !made);
        if (n) {
            move_to(&f, fs_of(&f, f.fs, entries[0].name));
            is(&f, "a", WRITTEN);
        }
        db_close(f.db);
        f.db = NULL;
    }
    assert_false(fired);
    arena_fini(&f.a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_snapshot_is_the_store_at_the_call),
        cmocka_unit_test(without_the_head_it_is_the_blocks),
        cmocka_unit_test(two_in_a_row_and_an_empty_store_are_fine),
        cmocka_unit_test(what_is_in_memory_only_goes_to_a_block_first),
        cmocka_unit_test(any_call_may_fail),
        cmocka_unit_test(a_power_cut_leaves_all_of_it_or_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
