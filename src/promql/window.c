#include "promql/window.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "promql/select.h"

#define CACHED_COLUMNS 16u

struct bounds {
    uint64_t id;
    bool used;
    uint32_t *lo, *hi; /* [grid.n] in the column */
};

void window_close(struct window_stream *s)
{
    if (!s)
        return;
    if (s->close)
        s->close(s);
    arena_fini(&s->arena);
    mem_free(s);
}

void window_closep(struct window_stream **s)
{
    window_close(*s);
}

/* How far a window reaches before (`from`, exclusive) and up to (`to`, inclusive) its end. */
static void window_reach(const struct window_stream *s, int64_t *from, int64_t *to)
{
    bool extended = s->anchored || s->smoothed;

    *from = s->range_ms + (extended ? s->ev->lookback_ms : 0);
    *to = s->smoothed ? s->ev->lookback_ms : 0;
}

/* First sample with ts > t, from `at` on: steps, then leaps, since windows move forward. */
static size_t first_after(const ts_ms *ts, size_t n, size_t at, ts_ms t)
{
    size_t leap = 8, lo, hi;

    while (at < n && ts[at] <= t && leap--)
        at++;
    if (at == n || ts[at] > t)
        return at;
    for (leap = 16; at + leap < n && ts[at + leap] <= t; leap *= 2)
        at += leap;
    lo = at;
    hi = at + leap < n ? at + leap : n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (ts[mid] <= t)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static void find_bounds(const struct window_stream *s, const ts_ms *ts, size_t n, uint32_t *lo,
                        uint32_t *hi)
{
    size_t first = 0, last = 0;
    int64_t from, to;

    window_reach(s, &from, &to);
    for (size_t i = 0; i < s->grid.n; i++) {
        ts_ms end = window_end(s, i);

        first = first_after(ts, n, first, end - from);
        last = first_after(ts, n, last > first ? last : first, end + to);
        lo[i] = (uint32_t)first;
        hi[i] = (uint32_t)last;
    }
}

/* Arrays on the heap that grow with the longest series, charged to the query. */
struct sample_buffer {
    ts_ms *ts;
    double *v;
    size_t n, cap;
};

static int buffer_reserve(struct sample_buffer *b, struct arena *a, size_t n, struct err *err)
{
    size_t cap = b->cap, cap_v = b->cap;

    b->n = 0; /* nothing worth copying */
    if (n <= b->cap)
        return 0;
    if (arena_grow(a, (void **)&b->ts, &cap, n, sizeof *b->ts, err) < 0 ||
        arena_grow(a, (void **)&b->v, &cap_v, n, sizeof *b->v, err) < 0)
        return -1;
    b->cap = cap;
    return 0;
}

static void buffer_add(struct sample_buffer *b, ts_ms ts, double v)
{
    b->ts[b->n] = ts;
    b->v[b->n++] = v;
}

static int bounds_alloc(const struct window_stream *s, struct arena *a, uint32_t **lo,
                        uint32_t **hi, struct err *err)
{
    *lo = arena_new_array(a, uint32_t, s->grid.n, err);
    *hi = arena_new_array(a, uint32_t, s->grid.n, err);
    return *lo && *hi ? 0 : -1;
}

/* ---- of a selector ---- */

struct selector_windows {
    struct window_stream stream;
    struct source *source;
    struct source_set *set;
    struct source_reader *reader;
    struct arena reader_arena;
    size_t at;
    uint64_t held;
    uint32_t *lo, *hi;
    struct sample_buffer buffer;
    struct bounds cache[CACHED_COLUMNS];
};

static bool has_stale(const double *v, size_t n)
{
    bool found = false;

    for (size_t i = 0; i < n; i++)
        found |= value_is_stale(v[i]);
    return found;
}

static int column_bounds(struct selector_windows *s, const struct source_column *column,
                         const struct bounds **out, struct err *err)
{
    struct bounds *b = &s->cache[column->id % CACHED_COLUMNS];

    if (!b->lo && bounds_alloc(&s->stream, &s->stream.arena, &b->lo, &b->hi, err) < 0)
        return -1;
    if (!b->used || b->id != column->id) {
        find_bounds(&s->stream, column->ts, column->n, b->lo, b->hi);
        b->id = column->id;
        b->used = true;
    }
    *out = b;
    return 0;
}

static uint32_t clamp_bound(uint32_t at, size_t first, size_t n)
{
    if (at <= first)
        return 0;
    return at - first < n ? (uint32_t)(at - first) : (uint32_t)n;
}

/* One run without markers is used in place, with the bounds of its column. */
static int windows_in_place(struct selector_windows *s, const struct source_run *run,
                            struct windows *out, struct err *err)
{
    out->ts = run->ts;
    out->v = run->values;
    out->n = run->n;
    if (run->column) {
        const struct bounds *b;

        if (column_bounds(s, run->column, &b, err) < 0)
            return -1;
        for (size_t i = 0; i < s->stream.grid.n; i++) {
            s->lo[i] = clamp_bound(b->lo[i], run->first, run->n);
            s->hi[i] = clamp_bound(b->hi[i], run->first, run->n);
        }
        return 0;
    }
    find_bounds(&s->stream, run->ts, run->n, s->lo, s->hi);
    return 0;
}

static int windows_copied(struct selector_windows *s, const struct source_series *series,
                          size_t total, struct windows *out, struct err *err)
{
    struct sample_buffer *b = &s->buffer;

    if (buffer_reserve(b, &s->stream.arena, total, err) < 0)
        return -1;
    for (size_t r = 0; r < series->runs_n; r++) {
        const struct source_run *run = &series->runs[r];

        for (size_t i = 0; i < run->n; i++)
            if (!value_is_stale(run->values[i]))
                buffer_add(b, run->ts[i], run->values[i]);
    }
    find_bounds(&s->stream, b->ts, b->n, s->lo, s->hi);
    out->ts = b->ts;
    out->v = b->v;
    out->n = b->n;
    return 0;
}

static int selector_next(struct window_stream *stream, struct windows *out, struct err *err)
{
    struct selector_windows *s = (struct selector_windows *)stream;
    struct source_series series;
    size_t total = 0;
    int status;

    eval_release(stream->ev, s->held);
    s->held = 0;
    if (eval_check(stream->ev, err) < 0 || s->source->read(s->reader, s->at, &series, err) < 0)
        return -1;
    for (size_t r = 0; r < series.runs_n; r++)
        total += series.runs[r].n;
    if (total > UINT32_MAX)
        return err_set(err, ERR_LIMIT, "a series has more than %u samples in the range",
                       UINT32_MAX);
    stream->ev->samples_read += total;
    if (eval_hold(stream->ev, total, err) < 0)
        return -1;
    s->held = total;
    *out = (struct windows){
        .labels = stream->labels[s->at], .drop = stream->drop[s->at], .lo = s->lo, .hi = s->hi};
    s->at++;
    if (series.runs_n == 1 && !has_stale(series.runs[0].values, series.runs[0].n))
        status = windows_in_place(s, &series.runs[0], out, err);
    else
        status = windows_copied(s, &series, total, out, err);
    return status;
}

static void selector_close(struct window_stream *stream)
{
    struct selector_windows *s = (struct selector_windows *)stream;

    eval_release(stream->ev, s->held);
    if (s->reader)
        s->source->reader_close(s->reader);
    if (s->set) {
        struct err ignored;

        for (size_t i = 0; i < s->set->warnings_n; i++)
            if (annotate_source(&stream->ev->notes, s->set->warnings[i], &ignored) < 0)
                break;
        s->source->set_free(s->source, s->set);
    }
    arena_fini(&s->reader_arena);
}

static struct window_stream *window_new(struct eval *ev, const struct grid *grid,
                                        const struct expr *e, size_t size)
{
    struct window_stream *s = mem_zalloc(size);

    s->grid = *grid;
    s->ev = ev;
    s->expr = e;
    arena_init(&s->arena, ev->arena->budget);
    return s;
}

static int window_head(struct window_stream *s, size_t n, struct err *err)
{
    s->labels = arena_zalloc_array(&s->arena, n, sizeof(struct labels *), err);
    s->drop = arena_new_array(&s->arena, bool, n, err);
    if (!s->labels || !s->drop)
        return -1;
    s->n = n;
    return 0;
}

static int selector_start(struct selector_windows *s, const struct expr *selector, struct err *err)
{
    struct window_stream *stream = &s->stream;
    int64_t from, to;

    window_reach(stream, &from, &to);
    if (select_series(stream->ev, selector, &stream->arena, window_end(stream, 0) - from + 1,
                      window_end(stream, stream->grid.n - 1) + to, &s->set, err) < 0 ||
        s->source->reader_open(s->source, s->set, &s->reader_arena, &s->reader, err) < 0 ||
        window_head(stream, s->set->n, err) < 0 ||
        bounds_alloc(stream, &stream->arena, &s->lo, &s->hi, err) < 0)
        return -1;
    if (s->set->n)
        memcpy(stream->labels, s->set->labels, s->set->n * sizeof(void *));
    return 0;
}

static int selector_open(struct eval *ev, const struct grid *grid, const struct expr *e,
                         struct window_stream **out, struct err *err)
{
    const struct expr *selector = e->range.selector;
    struct selector_windows *s;
    SCOPED(window_closep) struct window_stream *stream = window_new(ev, grid, e, sizeof *s);

    s = (struct selector_windows *)stream;
    s->source = ev->params->source;
    arena_init(&s->reader_arena, ev->arena->budget);
    stream->next = selector_next;
    stream->close = selector_close;
    stream->anchored = selector->selector.anchored;
    stream->smoothed = selector->selector.smoothed;
    if (look_of(ev, &selector->selector.timing, &stream->look, err) < 0 ||
        eval_duration(ev, e->range.range_expr, e->range.range_ms, false, &stream->range_ms, err) <
            0)
        return -1;
    if (grid->n > 0 && selector_start(s, selector, err) < 0)
        return -1;
    *out = take(stream);
    return 0;
}

/* ---- of a subquery ---- */

#define SUBQUERY_STEP_MS 60000 /* Prometheus' default evaluation interval */

struct subquery_windows {
    struct window_stream stream;
    struct stream *inner;
    size_t at;
    uint32_t *lo, *hi;
    struct sample_buffer buffer;
};

static int subquery_next(struct window_stream *stream, struct windows *out, struct err *err)
{
    struct subquery_windows *s = (struct subquery_windows *)stream;
    const struct grid *grid = &s->inner->grid;
    double *column;

    if (eval_check(stream->ev, err) < 0 || s->inner->next(s->inner, &column, err) < 0)
        return -1;
    s->buffer.n = 0;
    for (size_t i = 0; i < grid->n; i++)
        if (!is_absent(column[i]))
            buffer_add(&s->buffer, grid_at(grid, i), column[i]);
    find_bounds(stream, s->buffer.ts, s->buffer.n, s->lo, s->hi);
    *out = (struct windows){.labels = stream->labels[s->at],
                            .drop = stream->drop[s->at],
                            .ts = s->buffer.ts,
                            .v = s->buffer.v,
                            .n = s->buffer.n,
                            .lo = s->lo,
                            .hi = s->hi};
    s->at++;
    return 0;
}

static void subquery_close(struct window_stream *stream)
{
    stream_close(((struct subquery_windows *)stream)->inner);
}

/* The inner grid: multiples of the step in (first - range, last]. */
static int subquery_grid(const struct window_stream *s, const struct expr *e, struct grid *out,
                         struct err *err)
{
    ts_ms before = window_end(s, 0) - s->range_ms;
    ts_ms end = window_end(s, s->grid.n - 1);
    int64_t step = SUBQUERY_STEP_MS;
    ts_ms start;

    if ((e->subquery.step_ms || e->subquery.step_expr) &&
        eval_duration(s->ev, e->subquery.step_expr, e->subquery.step_ms, false, &step, err) < 0)
        return -1;
    if (step < 1)
        step = 1;
    start = before / step * step;
    if (start <= before)
        start += step;
    *out = (struct grid){start, step, end < start ? 0 : (size_t)((end - start) / step) + 1};
    return 0;
}

static int subquery_start(struct subquery_windows *s, const struct expr *e, struct err *err)
{
    struct window_stream *stream = &s->stream;
    struct grid inner;

    if (subquery_grid(stream, e, &inner, err) < 0 ||
        eval_vector(stream->ev, &inner, e->subquery.inner, &s->inner, err) < 0 ||
        bounds_alloc(stream, &stream->arena, &s->lo, &s->hi, err) < 0 ||
        buffer_reserve(&s->buffer, &stream->arena, s->inner->grid.n, err) < 0)
        return -1;
    stream->n = s->inner->n;
    stream->labels = s->inner->labels;
    stream->drop = s->inner->drop;
    return 0;
}

static int subquery_open(struct eval *ev, const struct grid *grid, const struct expr *e,
                         struct window_stream **out, struct err *err)
{
    struct subquery_windows *s;
    SCOPED(window_closep) struct window_stream *stream = window_new(ev, grid, e, sizeof *s);

    s = (struct subquery_windows *)stream;
    stream->next = subquery_next;
    stream->close = subquery_close;
    if (look_of(ev, &e->subquery.timing, &stream->look, err) < 0 ||
        eval_duration(ev, e->subquery.range_expr, e->subquery.range_ms, false, &stream->range_ms,
                      err) < 0)
        return -1;
    if (grid->n > 0 && subquery_start(s, e, err) < 0)
        return -1;
    *out = take(stream);
    return 0;
}

int window_open(struct eval *ev, const struct grid *grid, const struct expr *e,
                struct window_stream **out, struct err *err)
{
    e = expr_unwrap(e);
    return e->kind == EXPR_RANGE ? selector_open(ev, grid, e, out, err)
                                 : subquery_open(ev, grid, e, out, err);
}
