/* select_smoothed: `metric smoothed`: at each step the value on the line between the samples around
 * it, both within the lookback; the last one stays where none follows. */
#include <string.h>

#include "promql/window.h"

struct smoothed {
    struct stream stream;
    struct window_stream *windows;
    double *column;
};

static double value_at(const struct windows *w, size_t lo, size_t hi, ts_ms t)
{
    size_t after = lo;

    while (after < hi && w->ts[after] < t)
        after++;
    if (after < hi && w->ts[after] == t)
        return w->v[after];
    if (after == lo)
        return ABSENT;
    if (after == hi)
        return w->v[after - 1];
    return w->v[after - 1] + (w->v[after] - w->v[after - 1]) * (double)(t - w->ts[after - 1]) /
                                 (double)(w->ts[after] - w->ts[after - 1]);
}

static int smoothed_next(struct stream *stream, double **column, struct err *err)
{
    struct smoothed *s = (struct smoothed *)stream;
    struct windows w;

    if (s->windows->next(s->windows, &w, err) < 0)
        return -1;
    for (size_t i = 0; i < stream->grid.n; i++)
        s->column[i] = value_at(&w, w.lo[i], w.hi[i], window_end(s->windows, i));
    *column = s->column;
    return 0;
}

static void smoothed_close(struct stream *stream)
{
    window_close(((struct smoothed *)stream)->windows);
}

int select_smoothed(struct eval *ev, const struct grid *grid, const struct expr *e,
                    struct stream **out, struct err *err)
{
    struct smoothed *s;
    SCOPED(stream_closep) struct stream *stream = stream_new(ev, grid, sizeof *s);
    struct expr *range = arena_new(&stream->arena, struct expr, err);

    s = (struct smoothed *)stream;
    stream->next = smoothed_next;
    stream->close = smoothed_close;
    if (!range)
        return -1;
    /* A range of no length reaches as far as the lookback on both sides. */
    *range = *e;
    range->kind = EXPR_RANGE;
    memset(&range->range, 0, sizeof range->range);
    range->range.selector = (struct expr *)e; /* not changed */
    if (window_open(ev, grid, range, &s->windows, err) < 0 ||
        column_new(&stream->arena, grid, &s->column, err) < 0)
        return -1;
    stream->n = s->windows->n;
    stream->labels = s->windows->labels;
    stream->drop = s->windows->drop;
    *out = take(stream);
    return 0;
}
