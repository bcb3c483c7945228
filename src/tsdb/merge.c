#include "tsdb/merge.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "model/labels.h"
#include "model/source.h"

#define CACHE_BYTES (2u << 20)

/* ---- series ---- */

static int load_labels(struct merge_input *in, struct err *err)
{
    in->now = NULL;
    in->here = false;
    arena_reset(&in->labels);
    if (in->series >= block_meta(in->block)->series)
        return 0;
    return block_walk_labels(in->walk, &in->labels, in->series, &in->now, err);
}

static int open_input(struct merge *m, struct fs *fs, const char *name, const struct tombs *tombs,
                      struct err *err)
{
    struct merge_input *in = &m->inputs[m->inputs_n];
    const struct block_meta *meta;

    if (block_open(fs, m->cache, name, &in->block, err) < 0)
        return -1;
    m->inputs_n++;
    meta = block_meta(in->block);
    in->deletes = tombs_of_block(tombs, meta->generation, meta->mint, meta->maxt);
    arena_init(&in->keep, &m->budget);
    arena_init(&in->labels, &m->budget);
    dir_walk_init(&in->dir, in->block, &in->keep);
    if (block_walk_open(in->block, &in->keep, &in->walk, err) < 0)
        return -1;
    return block_reader_open(in->block, &in->keep, &in->reader, err);
}

int merge_open(struct merge *m, struct fs *fs, const char *const names[], size_t n,
               const struct tombs *tombs, struct err *err)
{
    memset(m, 0, sizeof *m);
    m->cache = cache_new(CACHE_BYTES);
    m->inputs = mem_new_array(struct merge_input, n + 1);
    budget_init(&m->budget, "merging of blocks", SIZE_MAX, NULL);
    for (size_t i = 0; i < n; i++)
        if (open_input(m, fs, names[i], tombs, err) < 0)
            return -1;
    return merge_rewind(m, err);
}

void merge_close(struct merge *m)
{
    for (size_t i = 0; i < m->inputs_n; i++) {
        struct merge_input *in = &m->inputs[i];

        arena_fini(&in->keep);
        arena_fini(&in->labels);
        tomb_list_fini(&in->deletes);
        block_unref(in->block);
    }
    cache_free(m->cache);
    mem_free(m->inputs);
    tomb_spans_fini(&m->spans);
    memset(m, 0, sizeof *m);
}

int merge_rewind(struct merge *m, struct err *err)
{
    m->labels = NULL;
    for (size_t i = 0; i < m->inputs_n; i++) {
        m->inputs[i].series = 0;
        if (load_labels(&m->inputs[i], err) < 0)
            return -1;
    }
    return 0;
}

int merge_next(struct merge *m, struct err *err)
{
    const struct labels *least = NULL;

    m->labels = NULL;
    for (size_t i = 0; i < m->inputs_n; i++) {
        struct merge_input *in = &m->inputs[i];

        if (!in->here)
            continue;
        in->series++;
        if (load_labels(in, err) < 0)
            return -1;
    }
    for (size_t i = 0; i < m->inputs_n; i++) {
        const struct labels *now = m->inputs[i].now;

        if (now && (!least || labels_compare(now, least) < 0))
            least = now;
    }
    for (size_t i = 0; least && i < m->inputs_n; i++)
        m->inputs[i].here = m->inputs[i].now && labels_equal(m->inputs[i].now, least);
    m->labels = least;
    return 0;
}

/* ---- samples ---- */

/* Samples of one series from one block. */
struct strand {
    ts_ms *ts;
    double *values;
    size_t n;
    uint32_t generation;
};

static int read_strand(struct merge_input *in, struct arena *a, ts_ms mint, ts_ms maxt,
                       struct strand *out, struct err *err)
{
    struct source_series got;
    size_t n = 0;

    if (block_read(in->reader, a, in->series, mint, maxt, &got, err) < 0)
        return -1;
    for (size_t i = 0; i < got.runs_n; i++)
        n += got.runs[i].n;
    out->generation = block_meta(in->block)->generation;
    out->ts = arena_alloc(a, n * sizeof *out->ts, err);
    out->values = arena_alloc(a, n * sizeof *out->values, err);
    if (!out->ts || !out->values)
        return -1;
    out->n = 0;
    for (size_t i = 0; i < got.runs_n; i++) {
        memcpy(out->ts + out->n, got.runs[i].ts, got.runs[i].n * sizeof *out->ts);
        memcpy(out->values + out->n, got.runs[i].values, got.runs[i].n * sizeof *out->values);
        out->n += got.runs[i].n;
    }
    return 0;
}

/* Where both have a time, the larger generation wins. */
static int merge(struct arena *arena, const struct strand *a, const struct strand *b,
                 struct strand *out, struct err *err)
{
    size_t i = 0, j = 0;

    out->ts = arena_alloc(arena, (a->n + b->n) * sizeof *out->ts, err);
    out->values = arena_alloc(arena, (a->n + b->n) * sizeof *out->values, err);
    if (!out->ts || !out->values)
        return -1;
    out->n = 0;
    while (i < a->n || j < b->n) {
        bool has_a = i < a->n && (j == b->n || a->ts[i] <= b->ts[j]);
        bool has_b = j < b->n && (i == a->n || b->ts[j] <= a->ts[i]);
        bool from_a = has_a && (!has_b || a->generation > b->generation);

        out->ts[out->n] = has_a ? a->ts[i] : b->ts[j];
        out->values[out->n++] = from_a ? a->values[i] : b->values[j];
        i += has_a;
        j += has_b;
    }
    return 0;
}

/* Merges in ascending generation, so that the merged strand always carries the larger one. */
static int by_generation(const void *a, const void *b)
{
    const struct strand *x = a, *y = b;

    return (x->generation > y->generation) - (x->generation < y->generation);
}

static int by_time(const void *a, const void *b)
{
    const struct strand *x = a, *y = b;

    return (x->ts[0] > y->ts[0]) - (x->ts[0] < y->ts[0]);
}

static bool are_apart(const struct strand *strands, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (strands[i].ts[0] <= strands[i - 1].ts[strands[i - 1].n - 1])
            return false;
    return true;
}

static int concatenate(struct arena *arena, const struct strand *strands, size_t n,
                       struct strand *out, struct err *err)
{
    size_t total = 0;

    for (size_t i = 0; i < n; i++)
        total += strands[i].n;
    out->ts = arena_alloc(arena, total * sizeof *out->ts, err);
    out->values = arena_alloc(arena, total * sizeof *out->values, err);
    if (!out->ts || !out->values)
        return -1;
    out->n = 0;
    for (size_t i = 0; i < n; i++) {
        memcpy(out->ts + out->n, strands[i].ts, strands[i].n * sizeof *out->ts);
        memcpy(out->values + out->n, strands[i].values, strands[i].n * sizeof *out->values);
        out->n += strands[i].n;
    }
    return 0;
}

static int join_strands(struct arena *arena, struct strand *strands, size_t n, struct strand *out,
                        struct err *err)
{
    qsort(strands, n, sizeof *strands, by_time);
    if (are_apart(strands, n))
        return concatenate(arena, strands, n, out, err);
    qsort(strands, n, sizeof *strands, by_generation);
    *out = strands[0];
    for (size_t i = 1; i < n; i++) {
        struct strand both = {.generation = strands[i].generation};

        if (merge(arena, out, &strands[i], &both, err) < 0)
            return -1;
        *out = both;
    }
    return 0;
}

static void leave_out(struct strand *s, const struct tomb_spans *spans)
{
    size_t n = 0, span = 0;

    for (size_t at = 0; at < s->n;) {
        size_t lo = tomb_spans_next(spans->items, spans->n, s->ts, s->n, at, false, &span);
        size_t hi = tomb_spans_next(spans->items, spans->n, s->ts, s->n, lo, true, &span);

        memmove(s->ts + n, s->ts + lo, (hi - lo) * sizeof *s->ts);
        memmove(s->values + n, s->values + lo, (hi - lo) * sizeof *s->values);
        n += hi - lo;
        at = hi;
    }
    s->n = n;
}

int merge_read(struct merge *m, struct arena *a, ts_ms mint, ts_ms maxt, struct merge_samples *out,
               struct err *err)
{
    struct strand *strands = arena_new_array(a, struct strand, m->inputs_n, err), all = {0};
    size_t n = 0;

    if (!strands)
        return -1;
    for (size_t i = 0; i < m->inputs_n; i++) {
        if (!m->inputs[i].here)
            continue;
        if (read_strand(&m->inputs[i], a, mint, maxt, &strands[n], err) < 0)
            return -1;
        if (tomb_list_spans(&m->inputs[i].deletes, m->labels, &m->spans))
            leave_out(&strands[n], &m->spans);
        n += strands[n].n > 0;
    }
    if (n && join_strands(a, strands, n, &all, err) < 0)
        return -1;
    *out = (struct merge_samples){all.ts, all.values, all.n};
    return 0;
}
