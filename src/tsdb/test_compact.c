#include "tsdb/compact.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/test.h"
#include "model/labels.h"
#include "model/source.h"
#include "sys/fs.h"
#include "sys/fs_fault.h"
#include "tsdb/block_fixture.h"
#include "tsdb/cache.h"

#define START INT64_C(1700006400000) /* a midnight */
#define HOUR  INT64_C(3600000)
#define MAX   6u

static struct err err;
static const uint8_t uuid[16] = {99};

/* Several blocks in one directory. */
struct store {
    struct fs *fs;
    struct cache *cache;
    struct block_fixture f[MAX];
    struct block *blocks[MAX];
    size_t n;
};

static void store_init(struct store *s)
{
    *s = (struct store){.fs = fs_fault_new(), .cache = cache_new(1 << 20)};
}

static void store_fini(struct store *s)
{
    for (size_t i = 0; i < s->n; i++) {
        block_unref(s->blocks[i]);
        block_fixture_fini(&s->f[i]);
    }
    cache_free(s->cache);
    fs_free(s->fs);
}

static void store_add(struct store *s, size_t series, size_t groups, size_t positions, ts_ms start,
                      bool side)
{
    struct block_fixture *f = &s->f[s->n];
    struct block_meta meta = {.generation = (uint32_t)s->n + 1, .side = side};

    meta.uuid[0] = (uint8_t)(s->n + 1);
    block_fixture_init_at(f, s->n + 50, series, groups, positions, start);
    assert_ok(block_fixture_try_write(f, s->fs, &meta, f->name, &err), err);
    assert_ok(block_open(s->fs, s->cache, f->name, &s->blocks[s->n], &err), err);
    s->n++;
}

/* The sample the union must have: of the highest generation that has one. NULL: none has. */
static const struct sample *wanted(const struct store *s, const struct labels *ls, ts_ms ts)
{
    for (size_t k = s->n; k-- > 0;)
        for (size_t i = 0; i < s->f[k].series_n; i++) {
            const struct fixture_series *series = &s->f[k].series[i];

            if (!labels_equal(series->labels, ls))
                continue;
            for (size_t j = 0; j < series->samples_n; j++)
                if (series->samples[j].ts == ts)
                    return &series->samples[j];
        }
    return NULL;
}

static size_t distinct_samples(const struct store *s)
{
    size_t n = 0;

    for (size_t k = 0; k < s->n; k++)
        for (size_t i = 0; i < s->f[k].series_n; i++) {
            const struct fixture_series *series = &s->f[k].series[i];

            for (size_t j = 0; j < series->samples_n; j++)
                n += wanted(s, series->labels, series->samples[j].ts) == &series->samples[j];
        }
    return n;
}

static void check_union(struct store *s, struct block *b)
{
    SCOPED(arena_fini) struct arena a, scratch;
    struct block_reader *r;
    size_t n = 0;

    arena_init(&a, NULL);
    arena_init(&scratch, NULL);
    assert_ok(block_verify(b, &err), err);
    assert_ok(block_reader_open(b, &a, &r, &err), err);
    for (uint32_t i = 0; i < block_meta(b)->series; i++) {
        const struct labels *ls;
        struct source_series got;

        arena_reset(&scratch);
        assert_ok(block_labels(b, &scratch, i, &ls, &err), err);
        assert_ok(block_read(r, &scratch, i, INT64_MIN, INT64_MAX, &got, &err), err);
        for (size_t j = 0; j < got.runs_n; j++)
            for (size_t k = 0; k < got.runs[j].n; k++, n++) {
                const struct sample *w = wanted(s, ls, got.runs[j].ts[k]);

                assert_non_null(w);
                assert_true(value_bits(w->value) == value_bits(got.runs[j].values[k]));
            }
    }
    assert_int_equal(n, distinct_samples(s));
    assert_int_equal(n, block_meta(b)->samples);
}

static struct block *compact(struct store *s)
{
    char name[80];
    struct block *b;

    assert_ok(compact_run(s->fs, s->blocks, s->n, NULL, 100, uuid, NULL, name, &err), err);
    assert_ok(block_open(s->fs, s->cache, name, &b, &err), err);
    return b;
}

static void windows_become_one_block_with_their_union(void **state)
{
    struct store s;
    struct block *b;

    (void)state;
    store_init(&s);
    store_add(&s, 40, 3, 100, START, false);
    store_add(&s, 60, 3, 100, START + 2 * HOUR, false);
    store_add(&s, 20, 2, 100, START + 4 * HOUR, false);
    b = compact(&s);
    check_union(&s, b);
    assert_int_equal(block_meta(b)->generation, 100);
    assert_int_equal(block_meta(b)->parents_n, 3);
    assert_memory_equal(block_meta(b)->parents[2], block_meta(s.blocks[2])->uuid, 16);
    block_unref(b);
    store_fini(&s);
}

/* The same series at the same times as the store's first block, with other values. */
static void store_add_rival(struct store *s, double value)
{
    struct block_fixture *f = &s->f[s->n];
    struct block_meta meta = {.generation = (uint32_t)s->n + 1, .side = true, .uuid = {77}};

    block_fixture_init_at(f, 50, 40, 1, 200, START);
    for (size_t i = 0; i < f->series_n; i++) {
        struct fixture_series *series = &f->series[i];

        for (size_t j = 0; j < series->samples_n; j++)
            series->samples[j].value = value;
        for (size_t p = 0; p < series->parts_n; p++)
            for (size_t j = 0; j < series->parts[p].n; j++)
                ((double *)(uintptr_t)series->parts[p].values)[j] = value;
    }
    assert_ok(block_fixture_try_write(f, s->fs, &meta, f->name, &err), err);
    assert_ok(block_open(s->fs, s->cache, f->name, &s->blocks[s->n], &err), err);
    s->n++;
}

static void where_blocks_overlap_the_larger_generation_wins(void **state)
{
    struct store s;
    struct block *b;

    (void)state;
    store_init(&s);
    store_add(&s, 40, 1, 200, START, false);
    store_add(&s, 60, 4, 50, START, true);
    store_add_rival(&s, 4711);
    b = compact(&s);
    check_union(&s, b);
    block_unref(b);
    store_fini(&s);
}

static void windows_of_one_group_become_one_group(void **state)
{
    SCOPED(arena_fini) struct arena a;
    struct store s;
    struct block *b;
    struct block_reader *r;
    struct source_series got;
    uint64_t id = 0;

    (void)state;
    store_init(&s);
    store_add(&s, 30, 1, 100, START, false);
    store_add(&s, 30, 1, 100, START + 2 * HOUR, false);
    b = compact(&s);
    arena_init(&a, NULL);
    assert_ok(block_reader_open(b, &a, &r, &err), err);
    for (uint32_t i = 0; i < block_meta(b)->series; i++) {
        assert_ok(block_read(r, &a, i, INT64_MIN, INT64_MAX, &got, &err), err);
        for (size_t k = 0; k < got.runs_n; k++) {
            if (!got.runs[k].column)
                continue;
            assert_int_equal(got.runs[k].column->n, s.f[0].columns_n[0] + s.f[1].columns_n[0]);
            assert_true(!id || id == got.runs[k].column->id);
            id = got.runs[k].column->id;
        }
    }
    assert_true(id > UINT32_MAX);
    check_union(&s, b);
    block_unref(b);
    store_fini(&s);
}

static void a_cancelled_compaction_writes_nothing(void **state)
{
    struct store s;
    atomic_bool cancelled = true;
    char name[80];
    struct arena a;
    struct fs_entry *entries;
    size_t n;

    (void)state;
    arena_init(&a, NULL);
    store_init(&s);
    store_add(&s, 20, 1, 50, START, false);
    store_add(&s, 20, 1, 50, START + 2 * HOUR, false);
    assert_fails(compact_run(s.fs, s.blocks, 2, NULL, 9, uuid, &cancelled, name, &err), err,
                 ERR_CANCELLED, "told to stop");
    assert_ok(s.fs->ops->list(s.fs, "", &a, &entries, &n, &err), err);
    assert_int_equal(n, 2);
    arena_fini(&a);
    store_fini(&s);
}

static void a_damaged_block_is_not_merged_away(void **state)
{
    struct store s;
    char name[80];
    unsigned char *bytes;
    size_t n, chosen[COMPACT_BLOCKS_MAX];

    (void)state;
    store_init(&s);
    store_add(&s, 20, 1, 50, START, false);
    store_add(&s, 20, 1, 50, START + 2 * HOUR, false);
    assert_int_equal(compact_plan(s.blocks, 2, true, chosen), 2);
    bytes = fs_fault_bytes(s.fs, s.f[0].name, &n);
    bytes[n / 3] ^= 1;
    assert_int_equal(compact_run(s.fs, s.blocks, 2, NULL, 9, uuid, NULL, name, &err), -1);
    assert_int_equal(err.kind, ERR_CORRUPT);
    assert_int_equal(compact_plan(s.blocks, 2, true, chosen), 0);
    store_fini(&s);
}

static void each_failing_call_leaves_the_parents_and_no_half_successor(void **state)
{
    struct store s;
    bool failed = true;

    (void)state;
    store_init(&s);
    store_add(&s, 30, 2, 60, START, false);
    store_add(&s, 30, 2, 60, START + 2 * HOUR, false);
    for (uint64_t nth = 1; failed; nth++) {
        char name[80] = "";
        size_t n;
        struct block *b;

        fs_fault_arm(s.fs, FS_ANY, nth, FS_FAIL, 5);
        failed = compact_run(s.fs, s.blocks, 2, NULL, 9, uuid, NULL, name, &err) < 0;
        fs_fault_disarm(s.fs);
        assert_non_null(fs_fault_bytes(s.fs, s.f[0].name, &n));
        assert_non_null(fs_fault_bytes(s.fs, s.f[1].name, &n));
        assert_null(fs_fault_bytes(s.fs, "b-new-9.ear.tmp", &n));
        if (failed)
            continue;
        assert_ok(block_open(s.fs, s.cache, name, &b, &err), err);
        check_union(&s, b);
        block_unref(b);
    }
    store_fini(&s);
}

static void a_day_is_merged_when_it_is_over(void **state)
{
    struct store s;
    size_t chosen[COMPACT_BLOCKS_MAX];

    (void)state;
    store_init(&s);
    store_add(&s, 5, 1, 20, START, false);
    store_add(&s, 5, 1, 20, START + 2 * HOUR, false);
    assert_int_equal(compact_plan(s.blocks, s.n, false, chosen), 0);
    assert_int_equal(compact_plan(s.blocks, s.n, true, chosen), 2);
    store_add(&s, 5, 1, 20, START + 25 * HOUR, false);
    assert_int_equal(compact_plan(s.blocks, s.n, false, chosen), 2);
    assert_true(chosen[0] == 0 && chosen[1] == 1);
    store_add(&s, 5, 1, 20, START + 3 * HOUR, true);
    assert_int_equal(compact_plan(s.blocks, s.n, false, chosen), 3);
    assert_int_equal(chosen[2], 3);
    assert_int_equal(compact_plan(s.blocks, 1, true, chosen), 0);
    store_fini(&s);
}

/* Merging the newest first keeps the rule that the larger generation wins: of blocks that are left
 * behind none is newer than one that was merged. */
static void of_too_many_blocks_the_newest_are_merged_first(void **state)
{
    struct store s;
    struct block *many[COMPACT_BLOCKS_MAX + 6];
    size_t chosen[COMPACT_BLOCKS_MAX], n;
    bool taken[ARRAY_LEN(many)] = {false};

    (void)state;
    store_init(&s);
    store_add(&s, 5, 1, 20, START, false);
    for (size_t i = 0; i < ARRAY_LEN(many); i++) {
        struct block_meta meta = {.generation = 10 + (uint32_t)(i * 29 % ARRAY_LEN(many))};
        char name[80];

        assert_ok(block_fixture_try_write(&s.f[0], s.fs, &meta, name, &err), err);
        assert_ok(block_open(s.fs, s.cache, name, &many[i], &err), err);
    }
    n = compact_plan(many, ARRAY_LEN(many), true, chosen);
    assert_int_equal(n, COMPACT_BLOCKS_MAX);
    for (size_t i = 0; i < n; i++) {
        assert_false(taken[chosen[i]]);
        taken[chosen[i]] = true;
    }
    for (size_t i = 0; i < ARRAY_LEN(many); i++) {
        assert_int_equal(taken[i], block_meta(many[i])->generation >= 16);
        block_unref(many[i]);
    }
    store_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_become_one_block_with_their_union),
        cmocka_unit_test(where_blocks_overlap_the_larger_generation_wins),
        cmocka_unit_test(windows_of_one_group_become_one_group),
        cmocka_unit_test(a_cancelled_compaction_writes_nothing),
        cmocka_unit_test(a_damaged_block_is_not_merged_away),
        cmocka_unit_test(each_failing_call_leaves_the_parents_and_no_half_successor),
        cmocka_unit_test(a_day_is_merged_when_it_is_over),
        cmocka_unit_test(of_too_many_blocks_the_newest_are_merged_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
