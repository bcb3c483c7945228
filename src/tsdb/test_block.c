#include "tsdb/block.h"

#include <pthread.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/test.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "model/sample.h"
#include "model/source.h"
#include "sys/fs.h"
#include "sys/fs_fault.h"
#include "tsdb/block_fixture.h"
#include "tsdb/cache.h"

static struct err err;

static void random_data_comes_back_bit_for_bit(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct block_fixture f;

        block_fixture_init(&f, seed, 1 + seed * 20, 1 + seed % 5, seed * 37 % 5000 + 1);
        block_fixture_write(&f, 1, false);
        block_fixture_check(&f, f.block, INT64_MIN, INT64_MAX);
        block_fixture_check(&f, f.block, f.mint + (f.maxt - f.mint) / 3,
                            f.maxt - (f.maxt - f.mint) / 3);
        assert_ok(block_verify(f.block, &err), err);
        block_fixture_fini(&f);
    }
}

static void labels_are_listed_in_order(void **state)
{
    struct block_fixture f;
    struct str *list;
    size_t n;

    (void)state;
    block_fixture_init(&f, 3, 100, 2, 50);
    block_fixture_write(&f, 1, false);
    assert_ok(block_label_names(f.block, &f.arena, &list, &n, &err), err);
    assert_int_equal(n, 8); /* __name__ cpu id instance label_0 _5 _10 _15 */
    for (size_t i = 1; i < n; i++)
        assert_true(str_cmp(list[i - 1], list[i]) < 0);
    assert_ok(block_label_values(f.block, &f.arena, STR("instance"), &list, &n, &err), err);
    assert_int_equal(n, 3);
    assert_true(str_eq(list[0], STR("host-0")) && str_eq(list[2], STR("host-2")));
    assert_ok(block_label_values(f.block, &f.arena, STR("none"), &list, &n, &err), err);
    assert_int_equal(n, 0);
    block_fixture_fini(&f);
}

static void an_input_without_samples_writes_nothing(void **state)
{
    struct block_fixture f;
    struct block_meta meta = {.generation = 1};
    size_t n;

    (void)state;
    block_fixture_init(&f, 3, 3, 1, 10);
    f.series_n = 0;
    assert_ok(block_fixture_try_write(&f, f.fs, &meta, f.name, &err), err);
    assert_string_equal(f.name, "");
    assert_null(fs_fault_bytes(f.fs, "b-new-1.ear.tmp", &n));
    block_fixture_fini(&f);
}

static void meta_and_parents_come_back(void **state)
{
    static const uint8_t parents[2][16] = {{1}, {2}};
    struct block_fixture f;
    struct block_meta meta = {
        .generation = 9, .side = true, .uuid = {7}, .parents = parents, .parents_n = 2};
    const struct block_meta *got;

    (void)state;
    block_fixture_init(&f, 3, 5, 1, 10);
    assert_ok(block_fixture_try_write(&f, f.fs, &meta, f.name, &err), err);
    assert_ok(block_open(f.fs, f.cache, f.name, &f.block, &err), err);
    got = block_meta(f.block);
    assert_int_equal(got->generation, 9);
    assert_true(got->side);
    assert_memory_equal(got->uuid, meta.uuid, 16);
    assert_int_equal(got->parents_n, 2);
    assert_memory_equal(got->parents, parents, sizeof parents);
    block_fixture_fini(&f);
}

/* Opens the (changed) file and reads all of it: whatever can be read must be right. Returns whether
 * anything was reported. */
static bool damage_is_seen(struct block_fixture *f)
{
    SCOPED(arena_fini) struct arena a, scratch;
    struct block *b;
    struct block_reader *r;
    struct err mine = {0};
    bool seen = false;

    arena_init(&a, NULL);
    arena_init(&scratch, NULL);
    if (block_open(f->fs, f->cache, f->name, &b, &mine) < 0) {
        assert_true(mine.kind == ERR_CORRUPT || mine.kind == ERR_EVAL || mine.kind == ERR_TYPE);
        return true;
    }
    assert_int_equal(block_meta(b)->series, f->series_n);
    assert_ok(block_reader_open(b, &a, &r, &mine), mine);
    for (uint32_t i = 0; i < f->series_n; i++) {
        const struct fixture_series *s = &f->series[i];
        const struct labels *ls;
        struct source_series got;
        size_t at = 0;

        arena_reset(&scratch);
        if (block_labels(b, &scratch, i, &ls, &mine) < 0)
            seen = true;
        else
            assert_true(labels_equal(ls, s->labels));
        if (block_read(r, &scratch, i, INT64_MIN, INT64_MAX, &got, &mine) < 0) {
            assert_int_equal(mine.kind, ERR_CORRUPT);
            assert_non_null(strstr(mine.text, f->name));
            seen = true;
            continue;
        }
        for (size_t j = 0; j < got.runs_n; j++)
            for (size_t k = 0; k < got.runs[j].n; k++, at++) {
                assert_int_equal(got.runs[j].ts[k], s->samples[at].ts);
                assert_true(value_bits(got.runs[j].values[k]) == value_bits(s->samples[at].value));
            }
        assert_int_equal(at, s->samples_n);
    }
    if (seen)
        assert_true(block_bad_pages(b) > 0);
    if (block_verify(b, &mine) < 0)
        seen = true;
    block_unref(b);
    return seen;
}

static void each_flipped_bit_is_seen_and_no_value_is_wrong(void **state)
{
    struct block_fixture f;
    unsigned char *bytes;
    size_t n;

    (void)state;
    block_fixture_init(&f, 5, 6, 2, 20);
    block_fixture_write(&f, 1, false);
    bytes = fs_fault_bytes(f.fs, f.name, &n);
    for (size_t bit = 0; bit < n * 8; bit++) {
        bytes[bit / 8] ^= (unsigned char)(1u << (bit % 8));
        if (!damage_is_seen(&f))
            fail_msg("bit %zu of byte %zu of %zu", bit % 8, bit / 8, n);
        bytes[bit / 8] ^= (unsigned char)(1u << (bit % 8));
    }
    assert_false(damage_is_seen(&f));
    block_fixture_fini(&f);
}

static void a_file_cut_at_any_byte_is_refused(void **state)
{
    struct block_fixture f;
    struct block *b;
    unsigned char *bytes;
    size_t n;

    (void)state;
    block_fixture_init(&f, 5, 6, 2, 20);
    block_fixture_write(&f, 1, false);
    bytes = fs_fault_bytes(f.fs, f.name, &n);
    for (size_t cut = 0; cut < n; cut++) {
        fs_fault_put(f.fs, "cut", bytes, cut);
        assert_int_equal(block_open(f.fs, f.cache, "cut", &b, &err), -1);
        assert_int_equal(err.kind, ERR_CORRUPT);
    }
    block_fixture_fini(&f);
}

static void a_newer_format_is_refused_and_a_flipped_version_is_told_apart(void **state)
{
    struct block_fixture f;
    struct block *b;
    unsigned char *bytes;
    uint32_t crc;
    size_t n, header_n;

    (void)state;
    block_fixture_init(&f, 5, 6, 2, 20);
    block_fixture_write(&f, 1, false);
    bytes = fs_fault_bytes(f.fs, f.name, &n);
    bytes[8] = 9;
    assert_fails(block_open(f.fs, f.cache, f.name, &b, &err), err, ERR_EVAL, "format 9");
    header_n = bytes[12] | (size_t)bytes[13] << 8;
    crc = crc32c(0, bytes, header_n - 4);
    memcpy(bytes + header_n - 4, &crc, 4);
    assert_fails(block_open(f.fs, f.cache, f.name, &b, &err), err, ERR_TYPE, "format 9 is newer");
    block_fixture_fini(&f);
}

static bool is_there(struct fs *fs, const char *name)
{
    size_t n;

    return fs_fault_bytes(fs, name, &n) != NULL;
}

static void the_nth_failing_call_leaves_no_half_block(void **state)
{
    static const enum fs_fault kinds[] = {FS_FAIL, FS_SHORT, FS_FAIL_FROM};
    struct block_fixture f;
    struct block_meta meta = {.generation = 1};
    bool failed = true;

    (void)state;
    block_fixture_init(&f, 5, 300, 2, 300);
    for (size_t kind = 0; kind < ARRAY_LEN(kinds); kind++) {
        failed = true;
        for (uint64_t nth = 1; failed; nth++) {
            struct fs *fs = fs_fault_new();
            struct fs_entry *entries;
            size_t n;
            char name[80] = "none";

            fs_fault_arm(fs, FS_ANY, nth, kinds[kind], 28);
            failed = block_fixture_try_write(&f, fs, &meta, name, &err) < 0;
            assert_true(failed || !fs_fault_fired(fs));
            fs_fault_disarm(fs);
            assert_ok(fs->ops->list(fs, "", &f.arena, &entries, &n, &err), err);
            for (size_t i = 0; i < n; i++) {
                /* Only the .tmp may be left, and only when it could not be deleted. */
                if (failed && kinds[kind] != FS_FAIL_FROM)
                    fail_msg("call %lu failed and left %s", (unsigned long)nth, entries[i].name);
            }
            if (!failed)
                assert_true(is_there(fs, name));
            fs_free(fs);
        }
    }
    block_fixture_fini(&f);
}

static void after_a_power_cut_there_is_the_whole_block_or_none(void **state)
{
    struct block_fixture f;
    struct block_meta meta = {.generation = 1};
    bool failed = true;

    (void)state;
    block_fixture_init(&f, 6, 40, 2, 300);
    block_fixture_write(&f, 1, false);
    for (uint64_t nth = 1; failed; nth++) {
        for (int round = 0; round < 6; round++) {
            struct fs *fs = fs_fault_new();
            struct block *b;
            char name[80] = "";

            fs_fault_arm(fs, FS_ANY, nth, FS_POWER_OFF, 5);
            failed = block_fixture_try_write(&f, fs, &meta, name, &err) < 0;
            fs_fault_power_cut(fs, &f.rng);
            if (!failed)
                assert_true(is_there(fs, f.name));
            if (is_there(fs, f.name)) {
                assert_ok(block_open(fs, f.cache, f.name, &b, &err), err);
                assert_ok(block_verify(b, &err), err);
                block_unref(b);
            }
            fs_free(fs);
        }
    }
    block_fixture_fini(&f);
}

static void only_the_series_on_a_bad_page_fail(void **state)
{
    SCOPED(arena_fini) struct arena a;
    struct block_fixture f;
    struct block_reader *r;
    struct source_series got;
    unsigned char *bytes;
    size_t n, failed = 0;

    (void)state;
    arena_init(&a, NULL);
    block_fixture_init(&f, 8, 120, 1, 4000);
    block_fixture_write(&f, 1, false);
    bytes = fs_fault_bytes(f.fs, f.name, &n);
    assert_true(n > 300000);
    bytes[n / 2] ^= 1; /* in DATA */
    assert_ok(block_reader_open(f.block, &a, &r, &err), err);
    for (uint32_t i = 0; i < f.series_n; i++)
        if (block_read(r, &f.arena, i, INT64_MIN, INT64_MAX, &got, &err) < 0) {
            assert_int_equal(err.kind, ERR_CORRUPT);
            failed++;
        }
    assert_true(failed > 0 && failed < f.series_n / 2);
    assert_int_equal(block_bad_pages(f.block), 1);
    block_fixture_fini(&f);
}

static void reading_needs_memory_of_the_order_of_one_series(void **state)
{
    SCOPED(arena_fini) struct arena a, scratch;
    struct block_fixture f;
    struct block_reader *r;
    struct source_series got;

    (void)state;
    arena_init(&a, NULL);
    arena_init(&scratch, NULL);
    block_fixture_init(&f, 8, 300, 40, 2000);
    block_fixture_write(&f, 1, false);
    assert_ok(block_reader_open(f.block, &a, &r, &err), err);
    for (uint32_t i = 0; i < f.series_n; i++) {
        arena_reset(&scratch);
        assert_ok(block_read(r, &scratch, i, INT64_MIN, INT64_MAX, &got, &err), err);
    }
    assert_true(a.total_bytes < (1u << 20));
    block_fixture_fini(&f);
}

static int by_labels(const void *a, const void *b)
{
    return labels_compare(((const struct fixture_series *)a)->labels,
                          ((const struct fixture_series *)b)->labels);
}

/* No label at all, 200 labels, a value of 300 kB, thousands of long distinct values. */
static void label_sets_of_any_size_come_back(void **state)
{
    static char names[200][8], text[4000][80];
    struct block_fixture f;
    struct label pairs[200];
    struct matcher m;
    uint32_t *found;
    size_t n;
    char *long_text;

    (void)state;
    block_fixture_init(&f, 9, 4000, 3, 4);
    long_text = arena_zalloc_array(&f.arena, 1, 300000, &err);
    memset(long_text, 'x', 300000);
    for (size_t i = 0; i < 200; i++)
        (void)snprintf(names[i], sizeof names[i], "l%03zu", i);
    for (size_t i = 0; i < f.series_n; i++) {
        (void)snprintf(text[i], sizeof text[i], "%08lx-%060zu",
                       (unsigned long)(rng_next(&f.rng) >> 32), i);
        n = i == 0 ? 0 : i == 1 ? 200 : 1;
        for (size_t k = 0; k < n; k++)
            pairs[k] = (struct label){str_c(names[k]), str_c(text[i])};
        if (i == 2)
            pairs[0].value = (struct str){long_text, 300000};
        assert_ok(labels_build(&f.arena, pairs, n, &f.series[i].labels, &err), err);
    }
    qsort(f.series, f.series_n, sizeof *f.series, by_labels);
    block_fixture_write(&f, 1, false);
    block_fixture_check(&f, f.block, INT64_MIN, INT64_MAX);
    assert_ok(block_verify(f.block, &err), err);
    for (size_t i = 0; i < f.series_n; i += 97) {
        struct str value = labels_get(f.series[i].labels, STR("l000"));

        assert_ok(matcher_init(&m, &f.arena, MATCH_EQ, STR("l000"), value, &err), err);
        assert_ok(block_select(f.block, &f.arena, &m, 1, &found, &n, &err), err);
        assert_int_equal(n, 1);
        assert_int_equal(found[0], i);
        matcher_fini(&m);
    }
    block_fixture_fini(&f);
}

struct reading {
    const struct block_fixture *f;
    pthread_t thread;
};

static void *read_all(void *arg)
{
    const struct reading *r = arg;

    block_fixture_check(r->f, r->f->block, r->f->mint, r->f->maxt);
    return NULL;
}

/* For TSan; and with a cache so small that pages come and go meanwhile. */
static void threads_read_one_block_at_once(void **state)
{
    struct block_fixture f;
    struct reading readings[4];

    (void)state;
    block_fixture_init(&f, 9, 200, 3, 600);
    cache_free(f.cache);
    f.cache = cache_new(1);
    block_fixture_write(&f, 1, false);
    for (size_t i = 0; i < ARRAY_LEN(readings); i++) {
        readings[i].f = &f;
        assert_int_equal(pthread_create(&readings[i].thread, NULL, read_all, &readings[i]), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(readings); i++)
        (void)pthread_join(readings[i].thread, NULL);
    block_fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_data_comes_back_bit_for_bit),
        cmocka_unit_test(labels_are_listed_in_order),
        cmocka_unit_test(an_input_without_samples_writes_nothing),
        cmocka_unit_test(meta_and_parents_come_back),
        cmocka_unit_test(each_flipped_bit_is_seen_and_no_value_is_wrong),
        cmocka_unit_test(a_file_cut_at_any_byte_is_refused),
        cmocka_unit_test(a_newer_format_is_refused_and_a_flipped_version_is_told_apart),
        cmocka_unit_test(the_nth_failing_call_leaves_no_half_block),
        cmocka_unit_test(after_a_power_cut_there_is_the_whole_block_or_none),
        cmocka_unit_test(only_the_series_on_a_bad_page_fail),
        cmocka_unit_test(reading_needs_memory_of_the_order_of_one_series),
        cmocka_unit_test(label_sets_of_any_size_come_back),
        cmocka_unit_test(threads_read_one_block_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
