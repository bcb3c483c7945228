/* Entries of a real file into a real store, with a data directory that fails on command. */
#include "base/test.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "collect/collect.h"
#include "collect/logs/collector.h"
#include "collect/logs/logs_settings.h"
#include "logstore/logstore.h"
#include "logstore/search.h"
#include "model/emit.h"
#include "sys/clock.h"
#include "sys/fs_fault.h"

struct fixture {
    char folder[64], log[80], lines[80];
    struct manual_clock clock;
    int64_t step_ms; /* how far the clock goes each time that it is asked while a log is read */
    struct logs_shared shared;
    struct logs_settings settings;
    struct collector collector;
    struct buf found;
};

static int no_family(struct emit *e, const struct metadata *family, struct err *err)
{
    (void)e, (void)family, (void)err;
    return 0;
}

static int no_sample(struct emit *e, const struct emit_sample *sample, struct err *err)
{
    (void)e, (void)sample, (void)err;
    return 0;
}

/* Time that passes while it reads. */
static int64_t passing_ns(const struct clock *clock)
{
    struct fixture *f = CONTAINER_OF((const struct manual_clock *)clock, struct fixture, clock);

    f->clock.mono_ns += f->step_ms * 1000000;
    return f->clock.mono_ns;
}

static void open_store(struct fixture *f)
{
    f->shared.store =
        logstore_new(&(struct logstore_context){.folder = f->lines, .clock = &f->clock.clock});
}

static void make(struct fixture *f)
{
    struct err err;

    assert_ok(logs_collector_make(&f->settings, 10000, &f->shared, &f->clock.clock, NULL,
                                  &f->collector, &err),
              err);
}

/* One reading, two seconds after the last. */
static void pass(struct fixture *f)
{
    struct emit emit = {.family = no_family, .sample = no_sample};
    struct arena scratch;
    struct err err;

    manual_clock_advance(&f->clock, 2000);
    arena_init(&scratch, NULL);
    assert_ok(f->collector.collect(f->collector.arg, &emit, &scratch, &err), err);
    arena_fini(&scratch);
}

static void write_log(struct fixture *f, const char *text)
{
    FILE *log = fopen(f->log, "a");

    assert_non_null(log);
    (void)fputs(text, log);
    (void)fclose(log);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    (void)snprintf(f->folder, sizeof f->folder, "/tmp/test_keep.XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    (void)snprintf(f->log, sizeof f->log, "%s/a.log", f->folder);
    (void)snprintf(f->lines, sizeof f->lines, "%s/lines", f->folder);
    manual_clock_init(&f->clock, clock_real()->wall_ms(clock_real()));
    f->clock.clock.mono_ns = passing_ns;
    f->shared.fs = fs_fault_new();
    (void)pthread_mutex_init(&f->shared.lock, NULL);
    f->settings = (struct logs_settings){.name = "a",
                                         .path = str_c(f->log),
                                         .from_beginning = true,
                                         .store = true,
                                         .line_max = 65536};
    open_store(f);
    write_log(f, "");
    make(f);
    pass(f); /* takes note of the file */
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    struct dirent *e;
    char path[400];
    DIR *dir;

    f->collector.free(f->collector.arg);
    logstore_close(f->shared.store);
    fs_free(f->shared.fs);
    (void)pthread_mutex_destroy(&f->shared.lock);
    dir = opendir(f->lines);
    while (dir && (e = readdir(dir))) {
        (void)snprintf(path, sizeof path, "%s/%s", f->lines, e->d_name);
        (void)unlink(path);
    }
    if (dir)
        (void)closedir(dir);
    (void)rmdir(f->lines);
    (void)unlink(f->log);
    (void)rmdir(f->folder);
    buf_fini(&f->found);
    free(f);
    return 0;
}

static bool on_row(void *arg, const struct logstore_row *row)
{
    struct fixture *f = arg;

    buf_add(&f->found, row->message);
    buf_addc(&f->found, '|');
    return true;
}

/* All that is stored, oldest first. */
static const char *stored(struct fixture *f)
{
    const struct logstore_query q = {.end_ms = INT64_MAX, .forward = true};
    const struct logstore_bounds bounds = {.clock = &f->clock.clock};
    struct logstore_at at = {0};
    struct err err;

    buf_reset(&f->found);
    assert_ok(logstore_search(f->shared.store, &q, &bounds, &at, on_row, f, &err), err);
    return f->found.n ? f->found.p : "";
}

/* The program is gone before it could write its positions. */
static void restart(struct fixture *f)
{
    f->collector.free(f->collector.arg);
    logstore_close(f->shared.store);
    fs_fault_disarm(f->shared.fs);
    open_store(f);
    make(f);
}

static void entries_are_kept_with_what_belongs_to_them(void **state)
{
    struct fixture *f = *state;

    write_log(f, "one\nTraceback (most recent call last):\n  File x\nValueError: y\n{\"message\": "
                 "\"two\", \"a\": 1}\n");
    pass(f);
    assert_string_equal(stored(f),
                        "one\nTraceback (most recent call last):\n  File x\nValueError: y|two|");
}

static void a_kill_before_the_positions_are_written_stores_no_line_twice(void **state)
{
    struct fixture *f = *state;

    write_log(f, "one\n");
    pass(f);
    fs_fault_arm(f->shared.fs, FS_RENAME, 1, FS_FAIL_FROM, EIO);
    write_log(f, "two\n");
    pass(f);
    assert_int_equal(f->shared.counts.state_failures, 1);
    restart(f);
    write_log(f, "three\n");
    pass(f);
    assert_string_equal(stored(f), "one|two|three|");
    restart(f);
    pass(f);
    assert_string_equal(stored(f), "one|two|three|");
}

static void a_state_that_was_deleted_is_not_taken_from_the_store(void **state)
{
    struct fixture *f = *state;
    struct fs *fs = f->shared.fs;

    write_log(f, "one\n");
    pass(f);
    f->shared.fs = fs_fault_new();
    restart(f);
    fs_free(fs);
    pass(f); /* takes note of the file, as at the first start */
    pass(f);
    assert_string_equal(stored(f), "one|one|");
}

#define LINES 20000 /* of 200 bytes: a pass takes some of them, and several batches */

static void write_many(struct fixture *f)
{
    FILE *log = fopen(f->log, "a");

    assert_non_null(log);
    for (int i = 0; i < LINES; i++)
        (void)fprintf(log, "%0199d\n", i);
    (void)fclose(log);
}

struct order {
    int n;
    bool wrong;
};

static bool on_numbered(void *arg, const struct logstore_row *row)
{
    struct order *o = arg;
    char want[200];

    (void)snprintf(want, sizeof want, "%0199d", o->n++);
    o->wrong |= !str_eq(row->message, str_c(want));
    return !o->wrong;
}

/* How many there are; each of them once, and in their order. */
static int numbered(struct fixture *f)
{
    const struct logstore_query q = {.end_ms = INT64_MAX, .forward = true};
    const struct logstore_bounds bounds = {.clock = clock_real()};
    struct logstore_at at = {0};
    struct order order = {0};
    struct err err;

    assert_ok(logstore_search(f->shared.store, &q, &bounds, &at, on_numbered, &order, &err), err);
    assert_false(order.wrong);
    return order.n;
}

static bool catch_up(struct fixture *f, bool stopped)
{
    atomic_bool stop = stopped;

    f->collector.catch_up(f->collector.arg, &stop);
    return f->collector.is_behind(f->collector.arg);
}

static void what_a_pass_leaves_is_read_between_the_intervals(void **state)
{
    struct fixture *f = *state;
    int n;

    assert_false(f->collector.is_behind(f->collector.arg));
    write_many(f);
    f->step_ms = 200;
    pass(f);
    assert_true(f->collector.is_behind(f->collector.arg));
    n = numbered(f);
    assert_true(n > 0 && n < LINES / 4);
    assert_true(catch_up(f, true)); /* called back: it reads nothing more */
    assert_int_equal(numbered(f), n);
    f->step_ms = 10;
    while (catch_up(f, false)) {
    }
    assert_int_equal(f->shared.counts.entries, LINES);
    pass(f);
    assert_int_equal(numbered(f), LINES);
    assert_int_equal(f->shared.counts.entries, LINES);
}

static void a_kill_while_it_catches_up_neither_loses_a_line_nor_stores_one_twice(void **state)
{
    struct fixture *f = *state;

    write_many(f);
    f->step_ms = 200;
    for (int i = 0; i < 3; i++) {
        pass(f);
        fs_fault_arm(f->shared.fs, FS_RENAME, 1, FS_FAIL_FROM, EIO);
        assert_true(catch_up(f, false));
        restart(f);
    }
    f->step_ms = 0;
    pass(f);
    assert_int_equal(numbered(f), LINES);
}

static void a_changed_entry_goes_on_behind_what_is_on_its_way_into_the_store(void **state)
{
    struct fixture *f = *state;
    struct collector before = f->collector;

    write_many(f);
    f->step_ms = 200;
    pass(f);
    f->step_ms = 1;
    (void)catch_up(f, false); /* and nobody waits for its lines */
    make(f);
    pass(f);
    before.free(before.arg);
    assert_int_equal(numbered(f), LINES);
}

static void without_store_what_it_catches_up_with_is_counted_once(void **state)
{
    struct fixture *f = *state;

    f->settings.store = false;
    restart(f);
    write_many(f);
    f->step_ms = 200;
    pass(f);
    f->step_ms = 10;
    (void)catch_up(f, false);
    restart(f); /* its positions are saved */
    f->step_ms = 0;
    pass(f);
    assert_int_equal(f->shared.counts.entries, LINES);
}

static void without_store_nothing_is_kept(void **state)
{
    struct fixture *f = *state;

    f->settings.store = false;
    restart(f);
    write_log(f, "one\n");
    pass(f);
    assert_int_equal(f->shared.counts.entries, 1);
    assert_string_equal(stored(f), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(entries_are_kept_with_what_belongs_to_them, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            a_kill_before_the_positions_are_written_stores_no_line_twice, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_state_that_was_deleted_is_not_taken_from_the_store,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_a_pass_leaves_is_read_between_the_intervals, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            a_kill_while_it_catches_up_neither_loses_a_line_nor_stores_one_twice, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(
            a_changed_entry_goes_on_behind_what_is_on_its_way_into_the_store, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_store_what_it_catches_up_with_is_counted_once,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_store_nothing_is_kept, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
