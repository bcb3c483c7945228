#include "tsdb/cut_input.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "model/labels.h"
#include "tsdb/head.h"
#include "tsdb/tomb.h"
#include "tsdb/window.h"

#define LOOK_EVERY 1024u

struct cut_series {
    const struct labels *labels;
    uint32_t id;
};

/* A group that is not a column of a window: one series with late samples in one window. */
struct own_group {
    uint32_t window, series; /* index, id */
    const struct labels *labels;
};

/* Where the values of a part are, before the buffers stop moving. */
struct part_at {
    size_t values, present; /* present SIZE_MAX: all are there */
};

/* Columns whose series have one sample each there (events that were written as series, in no order
 * of time) become one group: a column each would cost more than the samples. */
struct singles {
    ts_ms *ts; /* owned, ascending */
    size_t n;
};

struct group {
    uint32_t window, column; /* column STREAM_NONE: the window's singles */
};

struct cut_input {
    struct block_input input; /* first */
    struct window *const *windows;
    size_t windows_n;
    const atomic_bool *cancelled;
    struct cut_series *series; /* by labels */
    size_t series_n;
    uint32_t **group_of;     /* by window and column */
    struct singles *singles; /* by window */
    struct group *groups;
    size_t groups_n, groups_cap;
    struct own_group *own; /* by window and series */
    size_t own_n, own_cap;
    struct tomb_list *deletes; /* owned; by window */
    struct tomb_spans spans;   /* of the series in the window at hand */

    struct block_series_in current;
    struct block_part *parts;
    struct part_at *at;
    size_t parts_n, parts_cap, at_cap;
    double *values;
    size_t values_n, values_cap;
    uint64_t *present;
    size_t present_n, present_cap;
    struct stream_runs runs;
    struct window_part *streams;
    size_t streams_cap;
    struct sample *merged;
    size_t merged_n, merged_cap;
    ts_ms *own_ts;
    size_t own_ts_cap;
};

static int by_labels(const void *a, const void *b)
{
    return labels_compare(((const struct cut_series *)a)->labels,
                          ((const struct cut_series *)b)->labels);
}

static int by_series(const void *a, const void *b)
{
    const struct own_group *x = a, *y = b;

    if (x->window != y->window)
        return x->window < y->window ? -1 : 1;
    return (x->series > y->series) - (x->series < y->series);
}

/* ---- one series in one window ---- */

static size_t streams_of(struct cut_input *c, const struct window *w, uint32_t series)
{
    size_t n = window_parts(w, series, c->streams, c->streams_cap);

    if (n > c->streams_cap) {
        c->streams = mem_grow(c->streams, &c->streams_cap, n, sizeof *c->streams);
        (void)window_parts(w, series, c->streams, c->streams_cap);
    }
    return n;
}

static struct block_part *add_part(struct cut_input *c, uint32_t group)
{
    c->parts = mem_grow(c->parts, &c->parts_cap, c->parts_n + 1, sizeof *c->parts);
    c->at = mem_grow(c->at, &c->at_cap, c->parts_n + 1, sizeof *c->at);
    c->at[c->parts_n] = (struct part_at){c->values_n, SIZE_MAX};
    c->parts[c->parts_n] = (struct block_part){.group = group};
    return &c->parts[c->parts_n++];
}

static void add_presence(struct cut_input *c, const struct block_part *p)
{
    size_t words = (p->n + 63) / 64;
    uint64_t *bits;

    c->present = mem_grow(c->present, &c->present_cap, c->present_n + words, sizeof *c->present);
    bits = c->present + c->present_n;
    memset(bits, 0, words * sizeof *bits);
    for (size_t i = 0; i < c->runs.n; i++)
        for (uint32_t k = 0; k < c->runs.items[i].n; k++) {
            uint32_t pos = c->runs.items[i].pos + k - p->first;

            bits[pos / 64] |= UINT64_C(1) << (pos % 64);
        }
    c->at[c->parts_n - 1].present = c->present_n;
    c->present_n += words;
}

/* Takes what is deleted out of the values from `from` on, and their runs. */
static void leave_out(struct cut_input *c, const ts_ms *ts, size_t from)
{
    struct stream_run *runs = mem_dup(c->runs.items, c->runs.n * sizeof *runs);
    size_t runs_n = c->runs.n, in = from, out = from;

    c->runs.n = 0;
    for (size_t r = 0; r < runs_n; r++) {
        size_t end = runs[r].pos + runs[r].n, span = 0;

        for (size_t at = runs[r].pos; at < end;) {
            size_t lo = tomb_spans_next(c->spans.items, c->spans.n, ts, end, at, false, &span);
            size_t hi = tomb_spans_next(c->spans.items, c->spans.n, ts, end, lo, true, &span);

            in += lo - at;
            if (hi > lo) {
                memmove(c->values + out, c->values + in, (hi - lo) * sizeof *c->values);
                c->runs.items =
                    mem_grow(c->runs.items, &c->runs.cap, c->runs.n + 1, sizeof *c->runs.items);
                c->runs.items[c->runs.n++] = (struct stream_run){(uint32_t)lo, (uint32_t)(hi - lo)};
            }
            in += hi - lo;
            out += hi - lo;
            at = hi;
        }
    }
    c->values_n = out;
    mem_free(runs);
}

static void decode(struct cut_input *c, const struct stream_view *v, const struct column *column)
{
    size_t from = c->values_n;

    c->runs.n = 0;
    c->values =
        mem_grow(c->values, &c->values_cap, c->values_n + (v->end - v->start), sizeof *c->values);
    c->values_n += stream_decode(v, v->start, v->end, c->values + c->values_n, &c->runs);
    if (c->spans.n && c->runs.n)
        leave_out(c, column->ts, from);
}

static uint32_t singles_find(const struct singles *s, ts_ms ts)
{
    size_t lo = 0, hi = s->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (s->ts[mid] < ts)
            lo = mid + 1;
        else
            hi = mid;
    }
    assert(lo < s->n && s->ts[lo] == ts);
    return (uint32_t)lo;
}

static void add_stream(struct cut_input *c, const struct window_part *s, uint32_t window)
{
    const struct stream_run *last;
    struct block_part *p;
    uint32_t group = c->group_of[window][s->column];
    size_t at = c->values_n;

    decode(c, &s->view, c->windows[window]->columns[s->column]);
    if (!c->runs.n)
        return;
    last = &c->runs.items[c->runs.n - 1];
    p = add_part(c, group);
    c->at[c->parts_n - 1].values = at;
    p->first = c->runs.items[0].pos;
    p->n = last->pos + last->n - p->first;
    if (c->groups[group].column == STREAM_NONE)
        p->first =
            singles_find(&c->singles[window], c->windows[window]->columns[s->column]->ts[p->first]);
    if (c->runs.n > 1)
        add_presence(c, p);
}

static int by_time(const void *a, const void *b)
{
    const struct sample *x = a, *y = b;

    return (x->ts > y->ts) - (x->ts < y->ts);
}

/* All samples of a series in a window, streams and side list together, into c->merged. The side
 * list holds no time that a stream holds. */
static void merge_series(struct cut_input *c, const struct window *w, uint32_t series)
{
    const struct side *side = window_side(w, series);
    size_t n = streams_of(c, w, series), values = c->values_n;

    c->merged_n = 0;
    for (size_t i = 0; i < n; i++) {
        const struct column *column = w->columns[c->streams[i].column];
        const double *value;

        c->values_n = values;
        decode(c, &c->streams[i].view, column);
        c->merged = mem_grow(c->merged, &c->merged_cap, c->merged_n + c->values_n - values,
                             sizeof *c->merged);
        value = c->values + values;
        for (size_t r = 0; r < c->runs.n; r++)
            for (uint32_t k = 0; k < c->runs.items[r].n; k++)
                c->merged[c->merged_n++] =
                    (struct sample){column->ts[c->runs.items[r].pos + k], *value++};
    }
    c->values_n = values;
    c->merged = mem_grow(c->merged, &c->merged_cap, c->merged_n + side->n, sizeof *c->merged);
    for (uint32_t i = 0; i < side->n; i++) {
        ts_ms ts = side->samples[i].ts;

        if (!tomb_spans_cover(c->spans.items, c->spans.n, ts, ts))
            c->merged[c->merged_n++] = side->samples[i];
    }
    if (c->merged_n)
        qsort(c->merged, c->merged_n, sizeof *c->merged, by_time);
}

static void spans_of(struct cut_input *c, uint32_t window, const struct labels *ls)
{
    (void)tomb_list_spans(&c->deletes[window], ls, &c->spans);
}

static size_t own_group_of(const struct cut_input *c, uint32_t window, uint32_t series)
{
    struct own_group key = {.window = window, .series = series};
    const struct own_group *found = bsearch(&key, c->own, c->own_n, sizeof *c->own, by_series);

    return c->groups_n + (size_t)(found - c->own);
}

static void add_merged(struct cut_input *c, uint32_t window, uint32_t series)
{
    struct block_part *p;

    merge_series(c, c->windows[window], series);
    if (!c->merged_n)
        return;
    p = add_part(c, (uint32_t)own_group_of(c, window, series));
    p->n = (uint32_t)c->merged_n;
    c->values = mem_grow(c->values, &c->values_cap, c->values_n + c->merged_n, sizeof *c->values);
    for (size_t i = 0; i < c->merged_n; i++)
        c->values[c->values_n++] = c->merged[i].value;
}

static int next_series(struct block_input *in, size_t i, const struct block_series_in **out,
                       struct err *err)
{
    struct cut_input *c = (struct cut_input *)in;
    uint32_t id;

    if (i >= c->series_n) {
        *out = NULL;
        return 0;
    }
    if (i % LOOK_EVERY == 0 && c->cancelled && atomic_load(c->cancelled))
        return err_set(err, ERR_CANCELLED, "cancelled");
    id = c->series[i].id;
    c->parts_n = c->values_n = c->present_n = 0;
    for (uint32_t w = 0; w < c->windows_n; w++) {
        spans_of(c, w, c->series[i].labels);
        if (window_side(c->windows[w], id)) {
            add_merged(c, w, id);
            continue;
        }
        for (size_t k = 0, n = streams_of(c, c->windows[w], id); k < n; k++)
            add_stream(c, &c->streams[k], w);
    }
    for (size_t k = 0; k < c->parts_n; k++) {
        c->parts[k].values = c->values + c->at[k].values;
        c->parts[k].present = c->at[k].present == SIZE_MAX ? NULL : c->present + c->at[k].present;
    }
    c->current = (struct block_series_in){c->series[i].labels, c->parts, c->parts_n};
    *out = &c->current;
    return 0;
}

static int next_group(struct block_input *in, size_t group, const ts_ms **ts, size_t *n,
                      struct err *err)
{
    struct cut_input *c = (struct cut_input *)in;
    const struct column *column;
    struct group g;

    (void)err;
    if (group >= c->groups_n) {
        const struct own_group *own = &c->own[group - c->groups_n];

        /* May be asked for while a series is being written: leaves its values alone. */
        spans_of(c, own->window, own->labels);
        merge_series(c, c->windows[own->window], own->series);
        c->own_ts = mem_grow(c->own_ts, &c->own_ts_cap, c->merged_n, sizeof *c->own_ts);
        for (size_t i = 0; i < c->merged_n; i++)
            c->own_ts[i] = c->merged[i].ts;
        *ts = c->own_ts;
        *n = c->merged_n;
        return 0;
    }
    g = c->groups[group];
    if (g.column == STREAM_NONE) {
        *ts = c->singles[g.window].ts;
        *n = c->singles[g.window].n;
        return 0;
    }
    column = c->windows[g.window]->columns[g.column];
    *ts = column->ts;
    *n = column->n;
    return 0;
}

/* ---- all of it ---- */

static void collect_series(struct cut_input *c, struct head *h)
{
    uint64_t *seen = mem_new_array(uint64_t, h->series_n / 64 + 1);
    size_t cap = 0;

    for (size_t w = 0; w < c->windows_n; w++)
        for (uint32_t i = 0; i < c->windows[w]->streams_n; i++) {
            uint32_t id = window_stream(c->windows[w], i)->series;

            if (seen[id / 64] >> (id % 64) & 1)
                continue;
            seen[id / 64] |= UINT64_C(1) << (id % 64);
            c->series = mem_grow(c->series, &cap, c->series_n + 1, sizeof *c->series);
            c->series[c->series_n++] = (struct cut_series){h->series[id].labels, id};
        }
    mem_free(seen);
}

static int by_ts(const void *a, const void *b)
{
    const ts_ms *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Marks the columns where each stream has one position, and returns how many positions they have.
 */
static size_t find_singles(const struct window *w, bool *single)
{
    size_t n = 0;

    for (size_t i = 0; i < w->columns_n; i++)
        single[i] = !w->columns[i]->pull;
    for (uint32_t i = 0; i < w->streams_n; i++) {
        const struct stream *st = window_stream(w, i);

        single[st->group] &= st->end != STREAM_OPEN && st->end - st->start == 1;
    }
    for (size_t i = 0; i < w->columns_n; i++)
        n += single[i] ? w->columns[i]->n : 0;
    return n;
}

static void gather_singles(const struct window *w, const bool *single, size_t n, struct singles *s)
{
    s->ts = mem_realloc(NULL, n * sizeof *s->ts);
    for (size_t i = 0; i < w->columns_n; i++) {
        if (!single[i])
            continue;
        memcpy(s->ts + s->n, w->columns[i]->ts, w->columns[i]->n * sizeof *s->ts);
        s->n += w->columns[i]->n;
    }
    qsort(s->ts, s->n, sizeof *s->ts, by_ts);
    n = s->n;
    s->n = 0;
    for (size_t i = 0; i < n; i++)
        if (!s->n || s->ts[s->n - 1] != s->ts[i])
            s->ts[s->n++] = s->ts[i];
}

static uint32_t add_group(struct cut_input *c, uint32_t window, uint32_t column)
{
    c->groups = mem_grow(c->groups, &c->groups_cap, c->groups_n + 1, sizeof *c->groups);
    c->groups[c->groups_n] = (struct group){window, column};
    return (uint32_t)c->groups_n++;
}

static void collect_columns(struct cut_input *c, uint32_t window)
{
    const struct window *w = c->windows[window];
    bool *single = mem_new_array(bool, w->columns_n + 1);
    size_t n = find_singles(w, single);
    uint32_t singles = 0;

    c->group_of[window] = mem_new_array(uint32_t, w->columns_n + 1);
    if (n) {
        gather_singles(w, single, n, &c->singles[window]);
        singles = add_group(c, window, STREAM_NONE);
    }
    for (uint32_t i = 0; i < w->columns_n; i++)
        c->group_of[window][i] = single[i] ? singles : add_group(c, window, i);
    mem_free(single);
}

static void collect_groups(struct cut_input *c, const struct head *h)
{
    c->group_of = mem_new_array(uint32_t *, c->windows_n);
    c->singles = mem_new_array(struct singles, c->windows_n);
    for (uint32_t w = 0; w < c->windows_n; w++) {
        const struct side *side;

        collect_columns(c, w);
        for (size_t at = 0; (side = map_next(&c->windows[w]->sides, &at));) {
            c->own = mem_grow(c->own, &c->own_cap, c->own_n + 1, sizeof *c->own);
            c->own[c->own_n++] =
                (struct own_group){w, side->series, h->series[side->series].labels};
        }
    }
    if (c->own_n)
        qsort(c->own, c->own_n, sizeof *c->own, by_series);
}

struct cut_input *cut_input_new(struct head *h, struct window *const windows[], size_t n,
                                const struct tombs *tombs, const atomic_bool *cancelled)
{
    struct cut_input *c = mem_new(struct cut_input);

    c->windows = windows;
    c->windows_n = n;
    c->cancelled = cancelled;
    pthread_rwlock_rdlock(&h->index_lock);
    collect_series(c, h);
    collect_groups(c, h);
    pthread_rwlock_unlock(&h->index_lock);
    if (c->series_n)
        qsort(c->series, c->series_n, sizeof *c->series, by_labels);
    c->deletes = mem_new_array(struct tomb_list, n);
    for (size_t w = 0; w < n; w++)
        c->deletes[w] =
            tombs_of_window(tombs, windows[w]->uid, windows[w]->min_ts, windows[w]->max_ts);
    c->input = (struct block_input){c->groups_n + c->own_n, next_group, next_series};
    return c;
}

struct block_input *cut_input_block(struct cut_input *c)
{
    return &c->input;
}

void cut_input_free(struct cut_input *c)
{
    if (!c)
        return;
    mem_free(c->series);
    for (size_t w = 0; w < c->windows_n; w++) {
        mem_free(c->group_of[w]);
        mem_free(c->singles[w].ts);
    }
    mem_free(c->group_of);
    mem_free(c->singles);
    mem_free(c->groups);
    mem_free(c->own);
    for (size_t w = 0; w < c->windows_n; w++)
        tomb_list_fini(&c->deletes[w]);
    mem_free(c->deletes);
    tomb_spans_fini(&c->spans);
    mem_free(c->parts);
    mem_free(c->at);
    mem_free(c->values);
    mem_free(c->present);
    mem_free(c->runs.items);
    mem_free(c->streams);
    mem_free(c->merged);
    mem_free(c->own_ts);
    mem_free(c);
}
