#include "tsdb/block_fixture.h"

#include <math.h>
#include <stdio.h>

#include "base/cursor.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/test.h"
#include "model/labels.h"
#include "model/source.h"
#include "sys/fs_fault.h"
#include "tsdb/block.h"
#include "tsdb/block_layout.h"
#include "tsdb/cache.h"
#include "tsdb/presence.h"

static void *make(struct block_fixture *f, size_t n, size_t size)
{
    struct err err;
    void *p = arena_zalloc_array(&f->arena, n, size, &err);

    assert_non_null(p);
    return p;
}

/* ---- data ---- */

/* What exporters send, and what they do not. */
static double value(struct rng *rng, unsigned kind, size_t i, double before)
{
    static const double odd[] = {0.0, -0.0, INFINITY, -INFINITY, 1e308, 5e-324, -1.5, 1e-9};

    if (rng_below(rng, 200) == 0)
        return value_of_bits(STALE_NAN_BITS);
    switch (kind) {
    case 0:
        return 1;
    case 1:
        return before + (double)rng_below(rng, 50); /* counter */
    case 2:
        return (double)rng_below(rng, 10000) / 100;
    case 3:
        return before + rng_unit(rng); /* sum of seconds */
    case 4:
        return odd[rng_below(rng, ARRAY_LEN(odd))];
    case 5:
        return value_of_bits(rng_next(rng)); /* NaN payloads too */
    case 6:
        return (double)i * 4096;
    default:
        return i % 97 ? before : (double)rng_below(rng, 1000);
    }
}

static void make_columns(struct block_fixture *f, size_t positions, ts_ms start)
{
    f->columns = make(f, f->groups_n, sizeof *f->columns);
    f->columns_n = make(f, f->groups_n, sizeof *f->columns_n);
    for (size_t g = 0; g < f->groups_n; g++) {
        size_t n = 1 + (size_t)rng_below(&f->rng, positions);
        ts_ms at = start + (ts_ms)rng_below(&f->rng, 15000);

        f->columns[g] = make(f, n, sizeof(ts_ms));
        f->columns_n[g] = n;
        for (size_t i = 0; i < n; i++) {
            f->columns[g][i] = at;
            at += g % 2 ? 15000 : 14990 + (ts_ms)rng_below(&f->rng, 20);
            if (rng_below(&f->rng, 300) == 0)
                at += 3600000;
        }
    }
}

static const struct labels *make_labels(struct block_fixture *f, size_t i)
{
    char text[5][48];
    struct label pairs[6];
    size_t n = 0;
    struct err err;
    const struct labels *ls;

    (void)snprintf(text[0], 48, "metric_%zu_total", i / 7);
    (void)snprintf(text[1], 48, "host-%zu", i % 3);
    (void)snprintf(text[2], 48, "%zu", i % 7);
    (void)snprintf(text[3], 48, "label_%zu", i % 20);
    (void)snprintf(text[4], 48, "unique-%zu", i);
    pairs[n++] = (struct label){STR("__name__"), str_c(text[0])};
    pairs[n++] = (struct label){STR("instance"), str_c(text[1])};
    pairs[n++] = (struct label){STR("cpu"), str_c(text[2])};
    if (i % 5 == 0)
        pairs[n++] = (struct label){str_c(text[3]), STR("x")};
    if (i % 11 == 0)
        pairs[n++] = (struct label){STR("id"), str_c(text[4])};
    assert_ok(labels_build(&f->arena, pairs, n, &ls, &err), err);
    return ls;
}

static void make_part(struct block_fixture *f, struct fixture_series *s, uint32_t group,
                      uint32_t first, uint32_t n)
{
    struct block_part *part = &s->parts[s->parts_n++];
    unsigned kind = (unsigned)rng_below(&f->rng, 8);
    uint64_t absent = rng_below(&f->rng, 3) == 0 ? 1 + rng_below(&f->rng, 10) : 0;
    uint64_t *present = make(f, presence_words(n) + 1, 8);
    double *values = make(f, (size_t)n + 1, sizeof(double)), before = 0;
    size_t dense = 0;

    for (size_t i = 0; i < n; i++) {
        if (absent && rng_below(&f->rng, 10) < absent)
            continue;
        presence_set(present, i);
        before = values[dense++] = value(&f->rng, kind, i, before);
        s->samples[s->samples_n++] = (struct sample){f->columns[group][first + i], before};
    }
    *part = (struct block_part){group, first, n, absent ? present : NULL, values};
}

static void make_series(struct block_fixture *f, struct fixture_series *s)
{
    uint32_t group = (uint32_t)rng_below(&f->rng, f->groups_n);
    uint32_t n = (uint32_t)f->columns_n[group];

    s->samples = make(f, n, sizeof *s->samples);
    s->parts = make(f, 2, sizeof *s->parts);
    if (rng_below(&f->rng, 4) == 0 && n > 4) { /* two parts with a hole between */
        make_part(f, s, group, 0, n / 3);
        make_part(f, s, group, n / 2, n - n / 2);
    } else if (rng_below(&f->rng, 4) == 0) {
        make_part(f, s, group, n / 2, n - n / 2);
    } else {
        make_part(f, s, group, 0, n);
    }
}

static int by_labels(const void *a, const void *b)
{
    return labels_compare(((const struct fixture_series *)a)->labels,
                          ((const struct fixture_series *)b)->labels);
}

void block_fixture_init_at(struct block_fixture *f, uint64_t seed, size_t series, size_t groups,
                           size_t positions, ts_ms start)
{
    size_t kept = 0;

    *f = (struct block_fixture){.mint = INT64_MAX, .maxt = INT64_MIN};
    arena_init(&f->arena, NULL);
    rng_seed(&f->rng, seed);
    f->fs = fs_fault_new();
    f->cache = cache_new(1 << 20);
    f->groups_n = groups;
    make_columns(f, positions, start);
    f->series = make(f, series, sizeof *f->series);
    for (size_t i = 0; i < series; i++) {
        f->series[i].labels = make_labels(f, i);
        make_series(f, &f->series[i]);
    }
    qsort(f->series, series, sizeof *f->series, by_labels);
    for (size_t i = 0; i < series; i++) {
        struct fixture_series *s = &f->series[i];

        if (!s->samples_n) /* a block holds no empty series */
            continue;
        f->mint = s->samples[0].ts < f->mint ? s->samples[0].ts : f->mint;
        f->maxt =
            s->samples[s->samples_n - 1].ts > f->maxt ? s->samples[s->samples_n - 1].ts : f->maxt;
        f->series[kept++] = *s;
    }
    f->series_n = kept;
}

void block_fixture_init(struct block_fixture *f, uint64_t seed, size_t series, size_t groups,
                        size_t positions)
{
    block_fixture_init_at(f, seed, series, groups, positions, 1700000000000);
}

void block_fixture_fini(struct block_fixture *f)
{
    block_unref(f->block);
    cache_free(f->cache);
    fs_free(f->fs);
    arena_fini(&f->arena);
}

/* ---- writing ---- */

struct fixture_input {
    struct block_input in; /* first */
    struct block_fixture *f;
    struct block_series_in out;
};

static int give_group(struct block_input *in, size_t group, const ts_ms **ts, size_t *n,
                      struct err *err)
{
    struct block_fixture *f = ((struct fixture_input *)in)->f;

    (void)err;
    *ts = f->columns[group];
    *n = f->columns_n[group];
    return 0;
}

static int give_series(struct block_input *in, size_t i, const struct block_series_in **out,
                       struct err *err)
{
    struct fixture_input *input = (struct fixture_input *)in;
    struct block_fixture *f = input->f;

    (void)err;
    *out = NULL;
    if (i >= f->series_n)
        return 0;
    input->out =
        (struct block_series_in){f->series[i].labels, f->series[i].parts, f->series[i].parts_n};
    *out = &input->out;
    return 0;
}

int block_fixture_try_write(struct block_fixture *f, struct fs *fs, const struct block_meta *meta,
                            char *name, struct err *err)
{
    struct fixture_input input = {
        .in = {.groups_n = f->groups_n, .group = give_group, .series = give_series},
        .f = f,
    };

    return block_write(fs, &input.in, meta, name, err);
}

void block_fixture_write(struct block_fixture *f, uint32_t generation, bool side)
{
    struct block_meta meta = {.generation = generation, .side = side, .uuid = {1, 2, 3}};
    struct err err;

    meta.uuid[15] = (uint8_t)generation;
    assert_ok(block_fixture_try_write(f, f->fs, &meta, f->name, &err), err);
    assert_ok(block_open(f->fs, f->cache, f->name, &f->block, &err), err);
}

size_t block_fixture_post_offset(const unsigned char *bytes, size_t n)
{
    struct cursor c = cursor_of(bytes + n - BLOCK_TAIL_BYTES, BLOCK_TAIL_BYTES);
    uint64_t footer = cursor_u64(&c);
    uint32_t sections;

    c = cursor_of(bytes + footer, n - footer);
    cursor_skip(&c, 32);
    sections = cursor_u32(&c);
    for (uint32_t i = 0; i < sections; i++) {
        uint16_t type = cursor_u16(&c);

        cursor_skip(&c, 6);
        if (type == SECTION_POST)
            return (size_t)cursor_u64(&c);
        cursor_skip(&c, BLOCK_TOC_BYTES - 8);
    }
    fail_msg("no posting lists in the file");
    return 0;
}

/* ---- checking ---- */

static void check_runs(const struct fixture_series *s, const struct source_series *got, ts_ms mint,
                       ts_ms maxt)
{
    size_t at = 0;

    while (at < s->samples_n && s->samples[at].ts < mint)
        at++;
    for (size_t i = 0; i < got->runs_n; i++) {
        const struct source_run *run = &got->runs[i];

        assert_true(run->n > 0);
        if (run->column) {
            assert_ptr_equal(run->ts, run->column->ts + run->first);
            assert_true(run->first + run->n <= run->column->n);
        }
        for (size_t j = 0; j < run->n; j++, at++) {
            assert_true(at < s->samples_n);
            assert_int_equal(run->ts[j], s->samples[at].ts);
            assert_true(value_bits(run->values[j]) == value_bits(s->samples[at].value));
        }
    }
    assert_true(at == s->samples_n || s->samples[at].ts > maxt);
}

void block_fixture_check(const struct block_fixture *f, struct block *b, ts_ms mint, ts_ms maxt)
{
    SCOPED(arena_fini) struct arena a, scratch;
    struct block_reader *r;
    struct err err;

    arena_init(&a, NULL);
    arena_init(&scratch, NULL);
    assert_int_equal(block_meta(b)->series, f->series_n);
    assert_int_equal(block_meta(b)->mint, f->mint);
    assert_int_equal(block_meta(b)->maxt, f->maxt);
    assert_ok(block_reader_open(b, &a, &r, &err), err);
    for (size_t i = 0; i < f->series_n; i++) {
        const struct labels *ls;
        struct source_series got;

        arena_reset(&scratch);
        assert_ok(block_labels(b, &scratch, (uint32_t)i, &ls, &err), err);
        assert_true(labels_equal(ls, f->series[i].labels));
        assert_ok(block_read(r, &scratch, (uint32_t)i, mint, maxt, &got, &err), err);
        check_runs(&f->series[i], &got, mint, maxt);
    }
}
