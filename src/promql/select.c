/* select: an instant vector selector as columns.
 *
 * For each series and step the newest sample in (t - lookback, t], absent when it is a staleness
 * marker. Series that share a timestamp column share the search: the position of the newest sample
 * of each step is found once a column and kept.
 */
#include "promql/select.h"

#include <string.h>

#include "base/err.h"
#include "promql/eval.h"

/* ---- positions by column ---- */

#define CACHED_COLUMNS 64u

struct positions {
    uint64_t id;
    bool used;
    int32_t *at; /* [grid.n]: index of the newest sample with ts <= step's time, -1 none */
};

/* The newest sample not after each step's time. */
static void find_positions(const ts_ms *ts, size_t n, const struct look *look,
                           const struct grid *grid, int32_t *at)
{
    size_t next = 0; /* first sample after the time at hand */

    for (size_t i = 0; i < grid->n; i++) {
        ts_ms t = look_at(look, grid, i);

        if (next < n && ts[next] <= t && n - next > 16 && ts[next + 16] <= t) {
            size_t lo = next + 16, hi = n; /* far: search */

            while (lo < hi) {
                size_t mid = lo + (hi - lo) / 2;

                if (ts[mid] <= t)
                    lo = mid + 1;
                else
                    hi = mid;
            }
            next = lo;
        }
        while (next < n && ts[next] <= t)
            next++;
        at[i] = (int32_t)next - 1;
    }
}

struct selection {
    struct stream stream;
    struct source *source;
    struct source_set *set;
    struct source_reader *reader;
    struct arena reader_arena;
    struct look look;
    const struct expr *expr;
    bool timestamps; /* give the samples' times instead of their values */
    size_t at;
    double *column;
    int32_t *own; /* positions of a run without a column */
    struct positions *cache;
};

static int positions_of(struct selection *s, const struct source_run *run, const int32_t **out,
                        int64_t *first, struct err *err)
{
    struct positions *p;

    if (!run->column || run->column->n > INT32_MAX) {
        find_positions(run->ts, run->n, &s->look, &s->stream.grid, s->own);
        *out = s->own;
        *first = 0;
        return 0;
    }
    p = &s->cache[run->column->id % CACHED_COLUMNS];
    if (!p->used || p->id != run->column->id) {
        if (!p->at) {
            p->at = arena_new_array(&s->stream.arena, int32_t, s->stream.grid.n, err);
            if (!p->at)
                return -1;
        }
        find_positions(run->column->ts, run->column->n, &s->look, &s->stream.grid, p->at);
        p->id = run->column->id;
        p->used = true;
    }
    *out = p->at;
    *first = (int64_t)run->first;
    return 0;
}

/* Fills the steps before `end` whose newest sample lies in this run or would lie behind it. Returns
 * the first of these steps: earlier ones belong to earlier runs. */
static size_t fill_from_run(struct selection *s, const struct source_run *run, const int32_t *at,
                            int64_t first, size_t end)
{
    const struct grid *grid = &s->stream.grid;
    int64_t lookback = s->stream.ev->lookback_ms;
    size_t lo = 0, hi = end;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (at[mid] >= first)
            hi = mid;
        else
            lo = mid + 1;
    }
    for (size_t i = lo; i < end; i++) {
        int64_t k = at[i] - first;

        if (k >= (int64_t)run->n)
            k = (int64_t)run->n - 1;
        if (run->ts[k] <= look_at(&s->look, grid, i) - lookback || value_is_stale(run->values[k]))
            s->column[i] = ABSENT;
        else
            s->column[i] = s->timestamps ? (double)run->ts[k] / 1000 : run->values[k];
    }
    return lo;
}

static int selection_next(struct stream *stream, double **column, struct err *err)
{
    struct selection *s = (struct selection *)stream;
    struct source_series series;
    size_t end = stream->grid.n;

    if (eval_check(stream->ev, err) < 0 || s->source->read(s->reader, s->at++, &series, err) < 0)
        return -1;
    for (size_t r = series.runs_n; r > 0 && end > 0; r--) {
        const struct source_run *run = &series.runs[r - 1];
        const int32_t *at;
        int64_t first;

        stream->ev->samples_read += run->n;
        if (positions_of(s, run, &at, &first, err) < 0)
            return -1;
        end = fill_from_run(s, run, at, first, end);
    }
    column_clear(s->column, end);
    *column = s->column;
    return 0;
}

static void selection_close(struct stream *stream)
{
    struct selection *s = (struct selection *)stream;

    if (s->reader)
        s->source->reader_close(s->reader);
    if (s->set) {
        struct err ignored;

        for (size_t i = 0; i < s->set->warnings_n; i++)
            if (annotate_source(&stream->ev->notes, s->set->warnings[i], &ignored) < 0)
                break; /* out of budget: whatever comes next says so */
        s->source->set_free(s->source, s->set);
    }
    arena_fini(&s->reader_arena);
}

int select_series(struct eval *ev, const struct expr *e, struct arena *a, ts_ms mint, ts_ms maxt,
                  struct source_set **out, struct err *err)
{
    struct source *source = ev->params->source;
    struct source_hints hints = {.cancelled = ev->params->cancelled,
                                 .deadline_ns = ev->params->deadline_ns,
                                 .any_order = ev->any_order};

    return source->select(source, a, e->selector.matchers, e->selector.matchers_n, mint, maxt,
                          &hints, out, err);
}

static int selection_start(struct selection *s, struct err *err)
{
    struct stream *stream = &s->stream;
    const struct grid *grid = &stream->grid;
    ts_ms first = look_at(&s->look, grid, 0);
    ts_ms last = look_at(&s->look, grid, grid->n - 1);

    if (select_series(stream->ev, s->expr, &stream->arena, first - stream->ev->lookback_ms + 1,
                      last, &s->set, err) < 0 ||
        s->source->reader_open(s->source, s->set, &s->reader_arena, &s->reader, err) < 0 ||
        stream_head(stream, s->set->n, err) < 0 ||
        column_new(&stream->arena, grid, &s->column, err) < 0)
        return -1;
    if (s->set->n)
        memcpy(stream->labels, s->set->labels, s->set->n * sizeof(void *));
    s->own = arena_new_array(&stream->arena, int32_t, grid->n, err);
    s->cache = arena_new_array(&stream->arena, struct positions, CACHED_COLUMNS, err);
    return s->own && s->cache ? 0 : -1;
}

int select_open(struct eval *ev, const struct grid *grid, const struct expr *e, bool timestamps,
                struct stream **out, struct err *err)
{
    struct selection *s;
    SCOPED(stream_closep) struct stream *stream = stream_new(ev, grid, sizeof *s);

    s = (struct selection *)stream;
    s->source = ev->params->source;
    s->expr = e;
    s->timestamps = timestamps;
    arena_init(&s->reader_arena, ev->arena->budget);
    stream->next = selection_next;
    stream->close = selection_close;
    if (look_of(ev, &e->selector.timing, &s->look, err) < 0)
        return -1;
    if (grid->n > 0 && selection_start(s, err) < 0)
        return -1;
    *out = take(stream);
    return 0;
}
