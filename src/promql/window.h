/* window: a range vector, series by series, with the window of each step.
 *
 * Window i of a series holds the samples [lo[i], hi[i]) of ts and v: those in (to - range, to],
 * where `to` is the step's time moved by offset and @. Staleness markers are left out. With
 * `anchored` or `smoothed` the window reaches further by the lookback, and the function cuts it.
 *
 * Bounds are found once a timestamp column and clamped to each run of it.
 */
#ifndef PROMQL_WINDOW_H
#define PROMQL_WINDOW_H

#include "promql/eval.h"

struct windows {
    const struct labels *labels;
    bool drop;
    const ts_ms *ts; /* [n] */
    const double *v; /* [n] */
    size_t n;
    const uint32_t *lo, *hi; /* [grid.n] */
};

struct window_stream {
    size_t n;
    const struct labels **labels;
    bool *drop;
    struct grid grid;
    struct look look;
    int64_t range_ms;
    bool anchored, smoothed;
    const struct expr *expr; /* the selector or subquery */
    struct eval *ev;
    struct arena arena;
    MUST_USE int (*next)(struct window_stream *s, struct windows *out, struct err *err);
    void (*close)(struct window_stream *s);
};

MUST_USE int window_open(struct eval *ev, const struct grid *grid, const struct expr *e,
                         struct window_stream **out, struct err *err);
void window_close(struct window_stream *s); /* NULL is fine */
void window_closep(struct window_stream **s);

static inline ts_ms window_end(const struct window_stream *s, size_t i)
{
    return look_at(&s->look, &s->grid, i);
}

#endif
