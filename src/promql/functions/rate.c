/* rate: how much a series grew within a window, and how often it jumped.
 *
 * rate, increase and delta extrapolate from the first and last sample to the borders of the range,
 * as Prometheus does: all the way when a border is no further from its sample than 1.1 times the
 * average distance, else by half that distance; a counter never below zero. Resets of a counter
 * are found once a series; each window adds the values before the resets inside it.
 *
 * `anchored` takes the value at the border from the last sample before it, `smoothed` interpolates
 * between the samples around it; neither extrapolates.
 */
#include <math.h>

#include "promql/functions/calls.h"

/* `grown`: last - first, corrected for resets. */
static double extrapolate(double grown, const ts_ms *ts, const double *v, size_t n, ts_ms start,
                          ts_ms end, bool counter)
{
    double to_start = (double)(ts[0] - start) / 1000;
    double to_end = (double)(end - ts[n - 1]) / 1000;
    double sampled = (double)(ts[n - 1] - ts[0]) / 1000;
    double between = sampled / (double)(n - 1);
    double threshold = between * 1.1;

    if (to_start >= threshold)
        to_start = between / 2;
    if (counter) {
        double to_zero = to_start;

        if (grown > 0 && v[0] >= 0)
            to_zero = sampled * (v[0] / grown);
        if (to_zero < to_start)
            to_start = to_zero;
    }
    if (to_end >= threshold)
        to_end = between / 2;
    return sampled != 0 ? (sampled + to_start + to_end) / sampled : 1;
}

static bool is_reset(double before, double now)
{
    return now < before;
}

/* How often a pair (k - 1, k) of a window counts; windows only move forward. */
struct pair_count {
    bool (*counts)(double before, double now);
    size_t lo, hi, n;
};

static size_t count_pairs(struct pair_count *c, const double *v, size_t lo, size_t hi)
{
    if (lo >= c->hi) { /* nothing shared with the window before */
        c->lo = lo;
        c->hi = lo + 1;
        c->n = 0;
    }
    for (; c->hi < hi; c->hi++)
        c->n += c->counts(v[c->hi - 1], v[c->hi]);
    for (; c->lo < lo; c->lo++)
        c->n -= c->counts(v[c->lo], v[c->lo + 1]);
    return c->n;
}

static inline __attribute__((always_inline)) void slide_growth(const struct slide *x, bool counter,
                                                               bool per_second)
{
    const struct window_stream *s = x->stream;
    const struct windows *w = x->windows;
    struct pair_count resets = {.counts = is_reset};
    double range_s = (double)s->range_ms / 1000;

    for (size_t i = 0; i < s->grid.n; i++) {
        size_t lo = w->lo[i], n = w->hi[i] - lo;
        ts_ms end = window_end(s, i);
        double grown, factor;

        x->out[i] = ABSENT;
        if (n < 2)
            continue;
        grown = w->v[lo + n - 1] - w->v[lo];
        if (counter && count_pairs(&resets, w->v, lo, lo + n))
            for (size_t k = lo + 1; k < lo + n; k++)
                if (is_reset(w->v[k - 1], w->v[k]))
                    grown += w->v[k - 1];
        factor = extrapolate(grown, w->ts + lo, w->v + lo, n, end - s->range_ms, end, counter);
        x->out[i] = grown * (per_second ? factor / range_s : factor);
    }
}

static void slide_rate(const struct slide *x)
{
    slide_growth(x, true, true);
}

static void slide_increase(const struct slide *x)
{
    slide_growth(x, true, false);
}

static void slide_delta(const struct slide *x)
{
    slide_growth(x, false, false);
}

/* ---- anchored and smoothed ---- */

static double interpolate(const struct window *w, size_t i, ts_ms t, bool counter)
{
    double from = w->v[i], to = w->v[i + 1];

    if (counter && to < from)
        from = 0;
    return from + (to - from) * (double)(t - w->ts[i]) / (double)(w->ts[i + 1] - w->ts[i]);
}

/* First index in [0, n) that is past t (or, with `reach`, at it); n when there is none. */
static size_t search(const ts_ms *ts, size_t n, ts_ms t, bool reach)
{
    size_t i = 0;

    while (i < n && (reach ? ts[i] < t : ts[i] <= t))
        i++;
    return i;
}

static double extended_growth(const struct window *w, bool counter, bool per_second)
{
    size_t last = w->n - 1, first = search(w->ts, last, w->start, false);
    double left, right, grown, before;

    first = first ? first - 1 : 0;
    if (w->smoothed)
        last = search(w->ts, last, w->end, true);
    if (w->ts[last] <= w->start || (w->smoothed && w->ts[first] > w->end))
        return ABSENT;
    left = w->smoothed && w->ts[first] < w->start ? interpolate(w, first, w->start, counter)
                                                  : w->v[first];
    right = w->smoothed && last > 0 && w->ts[last] > w->end
                ? interpolate(w, last - 1, w->end, counter)
                : w->v[last];
    grown = right - left;
    if (counter) {
        size_t k = w->ts[first] <= w->start ? first + 1 : first;
        size_t stop = w->ts[last] >= w->end ? last : last + 1;

        before = left;
        for (; k < stop; k++) {
            if (w->v[k] < before)
                grown += before;
            before = w->v[k];
        }
        if (right < before)
            grown += before;
    }
    return per_second ? grown / w->range_s : grown;
}

static double each_rate(const struct window *w)
{
    return extended_growth(w, true, true);
}

static double each_increase(const struct window *w)
{
    return extended_growth(w, true, false);
}

static double each_delta(const struct window *w)
{
    return extended_growth(w, false, false);
}

/* ---- the last two samples ---- */

static double last_two(const struct window *w, bool counter)
{
    double before, now, difference;
    ts_ms apart;

    if (w->n < 2)
        return ABSENT;
    before = w->v[w->n - 2];
    now = w->v[w->n - 1];
    apart = w->ts[w->n - 1] - w->ts[w->n - 2];
    difference = counter && now < before ? now : now - before;
    return counter ? difference / ((double)apart / 1000) : difference;
}

static double each_irate(const struct window *w)
{
    return last_two(w, true);
}

static double each_idelta(const struct window *w)
{
    return last_two(w, false);
}

/* ---- how often ---- */

static bool is_change(double before, double now)
{
    return now != before && !(isnan(now) && isnan(before));
}

static void slide_count(const struct slide *x, bool (*counts)(double, double))
{
    const struct windows *w = x->windows;
    struct pair_count c = {.counts = counts};

    for (size_t i = 0; i < x->stream->grid.n; i++)
        x->out[i] =
            w->lo[i] == w->hi[i] ? ABSENT : (double)count_pairs(&c, w->v, w->lo[i], w->hi[i]);
}

static void slide_changes(const struct slide *x)
{
    slide_count(x, is_change);
}

static void slide_resets(const struct slide *x)
{
    slide_count(x, is_reset);
}

/* Anchored: from the last sample at or before the range's start on. */
static double anchored_count(const struct window *w, bool (*counts)(double, double))
{
    size_t after = search(w->ts, w->n, w->start, false);
    size_t n = 0;

    if (after == w->n)
        return ABSENT;
    for (size_t k = after ? after : 1; k < w->n; k++)
        n += counts(w->v[k - 1], w->v[k]);
    return (double)n;
}

static double each_changes(const struct window *w)
{
    return anchored_count(w, is_change);
}

static double each_resets(const struct window *w)
{
    return anchored_count(w, is_reset);
}

struct window_function rate_function(enum function_id id)
{
    switch (id) {
    case FN_rate:
        return (struct window_function){each_rate, slide_rate};
    case FN_increase:
        return (struct window_function){each_increase, slide_increase};
    case FN_delta:
        return (struct window_function){each_delta, slide_delta};
    case FN_irate:
        return (struct window_function){each_irate, NULL};
    case FN_idelta:
        return (struct window_function){each_idelta, NULL};
    case FN_changes:
        return (struct window_function){each_changes, slide_changes};
    case FN_resets:
        return (struct window_function){each_resets, slide_resets};
    default:
        return (struct window_function){0};
    }
}
