/* The examples in FORMAT.md are read: what the page says and what the code does agree. */
#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/test.h"
#include "model/labels.h"
#include "model/source.h"
#include "sys/fs_fault.h"
#include "tsdb/block.h"
#include "tsdb/cache.h"
#include "tsdb/head.h"
#include "tsdb/replay.h"
#include "tsdb/tomb.h"
#include "tsdb/tomb_log.h"

/* Lines of four blanks, an offset, a colon and bytes, in the section of that heading. */
static size_t read_example(const char *heading, unsigned char *out, size_t max)
{
    char line[512];
    size_t n = 0;
    bool reached = false;
    FILE *f = fopen(FORMAT_MD, "r");

    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        unsigned offset, byte;
        int at = 0, used;

        if (strncmp(line, "## ", 3) == 0)
            reached = strncmp(line, heading, strlen(heading)) == 0;
        if (!reached || strncmp(line, "    ", 4) != 0 ||
            sscanf(line, "    %4x:%n", &offset, &at) != 1 || !at)
            continue;
        assert_int_equal(offset, n);
        while (sscanf(line + at, "%2x%n", &byte, &used) == 1) {
            assert_true(n < max);
            out[n++] = (unsigned char)byte;
            at += used;
        }
    }
    (void)fclose(f);
    return n;
}

static void the_example_of_a_block_is_one(void **state)
{
    static const ts_ms ts[] = {1000, 2000, 3000};
    static const double values[] = {1, 1, 0};
    SCOPED(arena_fini) struct arena a;
    struct fs *fs = fs_fault_new();
    struct cache *cache = cache_new(1 << 20);
    unsigned char bytes[4096];
    struct block *b;
    struct block_reader *r;
    const struct labels *ls;
    struct source_series got;
    struct err err;

    (void)state;
    arena_init(&a, NULL);
    fs_fault_put(fs, "b", bytes, read_example("## Block", bytes, sizeof bytes));
    assert_ok(block_open(fs, cache, "b", &b, &err), err);
    assert_ok(block_verify(b, &err), err);
    assert_int_equal(block_meta(b)->generation, 1);
    assert_int_equal(block_meta(b)->uuid[15], 15);
    assert_ok(block_labels(b, &a, 0, &ls, &err), err);
    assert_true(str_eq(labels_get(ls, STR("__name__")), STR("up")));
    assert_true(str_eq(labels_get(ls, STR("job")), STR("a")));
    assert_ok(block_reader_open(b, &a, &r, &err), err);
    assert_ok(block_read(r, &a, 0, INT64_MIN, INT64_MAX, &got, &err), err);
    assert_int_equal(got.runs_n, 1);
    assert_int_equal(got.runs[0].n, 3);
    assert_memory_equal(got.runs[0].ts, ts, sizeof ts);
    assert_memory_equal(got.runs[0].values, values, sizeof values);
    block_unref(b);
    cache_free(cache);
    fs_free(fs);
}

static void the_example_of_a_log_is_one(void **state)
{
    static const double values[] = {1, 0};
    unsigned char bytes[4096];
    struct fs *fs = fs_fault_new();
    struct wal_found found;
    struct replay r;
    struct head h;
    struct window_part part;
    struct stream_runs runs = {0};
    double got[2];
    struct err err;

    (void)state;
    fs_fault_put(fs, "wal/1699999200-00000001.log", bytes,
                 read_example("## Write-ahead log", bytes, sizeof bytes));
    head_init(&h, 10);
    replay_init(&r, &h, NULL);
    assert_ok(wal_read(fs, NULL, &r.handler, &found, &err), err);
    assert_int_equal(found.records, 6);
    assert_int_equal(found.corrupt + found.torn_tails + r.malformed, 0);
    assert_int_equal(h.active_n, 1);
    assert_int_equal(h.series_n, 2);
    assert_true(str_eq(labels_get(h.series[0].labels, STR("job")), STR("a")));
    assert_int_equal(window_parts(h.active[0], 0, &part, 1), 1);
    assert_int_equal(stream_decode(&part.view, 0, 2, got, &runs), 2);
    assert_memory_equal(got, values, sizeof values);
    assert_int_equal(h.active[0]->columns[part.column]->ts[1], 1700000015000);
    assert_int_equal(window_parts(h.active[0], 1, &part, 1), 1);
    assert_int_equal(stream_decode(&part.view, 0, 2, got, &runs), 1);
    assert_true(got[0] == 2.5);
    mem_free(runs.items);
    replay_fini(&r);
    head_fini(&h);
    fs_free(fs);
}

static void the_example_of_a_tombstone_is_one(void **state)
{
    unsigned char bytes[4096];
    struct fs *fs = fs_fault_new();
    struct tomb_log_found found;
    const struct tombstone *t;
    struct err err;

    (void)state;
    fs_fault_put(fs, TOMB_LOG, bytes, read_example("## Tombstones", bytes, sizeof bytes));
    assert_ok(tomb_log_read(fs, &found, &err), err);
    assert_int_equal(found.records, 1);
    assert_int_equal(found.corrupt + found.torn, 0);
    t = found.tombs->items[0];
    assert_int_equal(t->seq, 42);
    assert_int_equal(t->generation, 5);
    assert_int_equal(t->segment, 3);
    assert_true(t->mint == INT64_MIN && t->maxt == 2000);
    assert_int_equal(t->windows_n, 1);
    assert_true(tombstone_has_window(t, 4294967297));
    assert_true(t->windows[0].froze);
    assert_int_equal(t->matchers_n, 1);
    assert_true(str_eq(t->matchers[0].value, STR("up")));
    tombs_unref(found.tombs);
    fs_free(fs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_a_block_is_one),
        cmocka_unit_test(the_example_of_a_log_is_one),
        cmocka_unit_test(the_example_of_a_tombstone_is_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
