/* slide: windows of one series in O(samples), however much they overlap.
 *
 * The windows of successive steps move forward over the samples. Whatever can be joined (sums,
 * extremes, moments) is kept in two parts, as in a queue made of two stacks
 * (https://en.wikipedia.org/wiki/Queue_(abstract_data_type), "amortized queue"):
 *
 *          base                 turn             hi
 *            |  suffixes: each   |  one running   |
 *            |  joined up to turn|  total         |
 *
 * A window [lo, hi) is suffix[lo] joined with the running total. When lo passes `turn`, the
 * suffixes of the window at hand are made anew and the total starts empty. Each sample is joined
 * at most twice, and nothing is ever subtracted, so no precision is lost over time.
 *
 * Means carry what rounding took from them, so large values that differ little keep their digits;
 * times count from the first sample of the part. A result that is no finite number is computed
 * again from the window alone, so that infinities and overflow give what the plain functions give.
 */
#include <math.h>
#include <string.h>

#include "promql/functions/calls.h"

#define WIDTH_MAX SLIDE_WIDTH_MAX

struct origin { /* what times are relative to */
    ts_ms ts;
};

typedef void one_fn(double *state, ts_ms ts, double v, const struct origin *origin);
typedef void join_fn(double *into, const double *later);
typedef double result_fn(const double *state, const struct origin *origin, const struct slide *x,
                         size_t step);

static inline __attribute__((always_inline)) void slide(const struct slide *x, size_t width,
                                                        one_fn *one, join_fn *join,
                                                        result_fn *result)
{
    const struct windows *w = x->windows;
    double *suffix = x->scratch;
    double running[WIDTH_MAX] = {0}, state[WIDTH_MAX];
    size_t base = 0, turn = 0, hi = 0;
    bool any_running = false;
    struct origin origin = {0};

    for (size_t i = 0; i < x->stream->grid.n; i++) {
        size_t lo = w->lo[i], end = w->hi[i];

        x->out[i] = ABSENT;
        if (lo == end)
            continue;
        if (lo >= turn) { /* new suffixes, from the end of the window back to its start */
            origin.ts = w->ts[lo];
            base = lo;
            turn = hi = end;
            any_running = false;
            one(suffix + (end - 1 - base) * width, w->ts[end - 1], w->v[end - 1], &origin);
            for (size_t k = end - 1; k > lo; k--) {
                double *at = suffix + (k - 1 - base) * width;

                one(at, w->ts[k - 1], w->v[k - 1], &origin);
                join(at, at + width);
            }
        }
        for (; hi < end; hi++) {
            one(any_running ? state : running, w->ts[hi], w->v[hi], &origin);
            if (any_running)
                join(running, state);
            any_running = true;
        }
        memcpy(state, suffix + (lo - base) * width, width * sizeof *state);
        if (any_running)
            join(state, running);
        x->out[i] = result(state, &origin, x, i);
    }
}

/* ---- sums ---- */

static inline void one_sum(double *s, ts_ms ts, double v, const struct origin *origin)
{
    (void)ts;
    (void)origin;
    s[0] = v;
    s[1] = 0;
}

static inline void join_sum(double *s, const double *later)
{
    kahan_add(later[0], &s[0], &s[1]);
    s[1] += later[1];
}

static inline double result_sum(const double *s, const struct origin *origin, const struct slide *x,
                                size_t step)
{
    (void)origin;
    return isfinite(s[0]) ? s[0] + s[1] : slide_afresh(x, step);
}

static inline double result_avg(const double *s, const struct origin *origin, const struct slide *x,
                                size_t step)
{
    double n = (double)(x->windows->hi[step] - x->windows->lo[step]);

    (void)origin;
    return isfinite(s[0]) ? s[0] / n + s[1] / n : slide_afresh(x, step);
}

static void slide_sum(const struct slide *x)
{
    slide(x, 2, one_sum, join_sum, result_sum);
}

static void slide_avg(const struct slide *x)
{
    slide(x, 2, one_sum, join_sum, result_avg);
}

/* ---- extremes ---- */

static inline void one_value(double *s, ts_ms ts, double v, const struct origin *origin)
{
    (void)ts;
    (void)origin;
    s[0] = v;
}

static inline void join_min(double *s, const double *later)
{
    if (later[0] < s[0] || isnan(s[0]))
        s[0] = later[0];
}

static inline void join_max(double *s, const double *later)
{
    if (later[0] > s[0] || isnan(s[0]))
        s[0] = later[0];
}

static inline double result_value(const double *s, const struct origin *origin,
                                  const struct slide *x, size_t step)
{
    (void)origin;
    (void)x;
    (void)step;
    return s[0];
}

static void slide_min(const struct slide *x)
{
    slide(x, 1, one_value, join_min, result_value);
}

static void slide_max(const struct slide *x)
{
    slide(x, 1, one_value, join_max, result_value);
}

/* ---- moments: n, means, sums of squared differences (Chan, Golub, LeVeque 1979) ---- */

enum { N, MEAN_Y, REST_Y, SQUARES_Y, MEAN_X, SQUARES_X, PRODUCTS }; /* rest: of the mean */

static inline void one_spread(double *s, ts_ms ts, double v, const struct origin *origin)
{
    (void)ts;
    (void)origin;
    s[N] = 1;
    s[MEAN_Y] = v;
    s[REST_Y] = 0;
    s[SQUARES_Y] = 0 * v; /* NaN unless finite: then the window is looked at afresh */
}

static inline void join_spread(double *s, const double *later)
{
    double n = s[N] + later[N], share = later[N] / n;
    double dy = (later[MEAN_Y] - s[MEAN_Y]) + (later[REST_Y] - s[REST_Y]);

    s[SQUARES_Y] += later[SQUARES_Y] + dy * dy * s[N] * share;
    kahan_add(dy * share, &s[MEAN_Y], &s[REST_Y]);
    s[N] = n;
}

static inline double result_stdvar(const double *s, const struct origin *origin,
                                   const struct slide *x, size_t step)
{
    double variance = s[SQUARES_Y] / s[N];

    (void)origin;
    return isfinite(variance) ? variance : slide_afresh(x, step);
}

static inline double result_stddev(const double *s, const struct origin *origin,
                                   const struct slide *x, size_t step)
{
    double variance = s[SQUARES_Y] / s[N];

    (void)origin;
    return isfinite(variance) ? sqrt(variance) : slide_afresh(x, step);
}

static void slide_stdvar(const struct slide *x)
{
    slide(x, 4, one_spread, join_spread, result_stdvar);
}

static void slide_stddev(const struct slide *x)
{
    slide(x, 4, one_spread, join_spread, result_stddev);
}

static inline void one_line(double *s, ts_ms ts, double v, const struct origin *origin)
{
    one_spread(s, ts, v, origin);
    s[MEAN_X] = (double)(ts - origin->ts) / 1000;
    s[SQUARES_X] = 0;
    s[PRODUCTS] = 0;
}

static inline void join_line(double *s, const double *later)
{
    double weight = s[N] * (later[N] / (s[N] + later[N]));
    double share = later[N] / (s[N] + later[N]);
    double dx = later[MEAN_X] - s[MEAN_X];
    double dy = (later[MEAN_Y] - s[MEAN_Y]) + (later[REST_Y] - s[REST_Y]);

    s[SQUARES_X] += later[SQUARES_X] + dx * dx * weight;
    s[PRODUCTS] += later[PRODUCTS] + dx * dy * weight;
    s[MEAN_X] += dx * share;
    join_spread(s, later);
}

static inline double result_deriv(const double *s, const struct origin *origin,
                                  const struct slide *x, size_t step)
{
    double slope = s[PRODUCTS] / s[SQUARES_X];

    (void)origin;
    if (s[N] < 2)
        return ABSENT;
    return isfinite(slope) ? slope : slide_afresh(x, step);
}

static inline double result_predict(const double *s, const struct origin *origin,
                                    const struct slide *x, size_t step)
{
    double slope = s[PRODUCTS] / s[SQUARES_X];
    double now = (double)(grid_at(&x->stream->grid, step) - origin->ts) / 1000;

    if (s[N] < 2)
        return ABSENT;
    if (!isfinite(slope))
        return slide_afresh(x, step);
    return slope * x->args[0][step] + s[MEAN_Y] + s[REST_Y] + slope * (now - s[MEAN_X]);
}

static void slide_deriv(const struct slide *x)
{
    slide(x, 7, one_line, join_line, result_deriv);
}

static void slide_predict(const struct slide *x)
{
    slide(x, 7, one_line, join_line, result_predict);
}

/* ---- quantiles: the window's values, kept sorted ---- */

/* Where v is or belongs among sorted values; NaN before all numbers. */
static size_t place_of(const double *sorted, size_t n, double v)
{
    size_t lo = 0, hi = n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (compare_values(sorted[mid], v) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static void sorted_remove(double *sorted, size_t *n, double v)
{
    size_t at = place_of(sorted, *n, v);

    memmove(sorted + at, sorted + at + 1, (--*n - at) * sizeof *sorted);
}

static void sorted_insert(double *sorted, size_t *n, double v)
{
    size_t at = place_of(sorted, *n, v);

    memmove(sorted + at + 1, sorted + at, ((*n)++ - at) * sizeof *sorted);
    sorted[at] = v;
}

static void slide_quantile(const struct slide *x)
{
    const struct windows *w = x->windows;
    double *sorted = x->scratch;
    size_t lo = 0, hi = 0, n = 0;

    for (size_t i = 0; i < x->stream->grid.n; i++) {
        size_t end = w->hi[i];

        x->out[i] = ABSENT;
        if (w->lo[i] == end)
            continue;
        if (w->lo[i] >= hi) { /* nothing shared with the window before */
            lo = w->lo[i];
            hi = end;
            n = end - lo;
            memcpy(sorted, w->v + lo, n * sizeof *sorted);
            sort_values(sorted, n);
        }
        for (; lo < w->lo[i]; lo++)
            sorted_remove(sorted, &n, w->v[lo]);
        for (; hi < end; hi++)
            sorted_insert(sorted, &n, w->v[hi]);
        x->out[i] = quantile_of_sorted(x->args[0][i], sorted, n);
    }
}

series_fn *slide_function(enum function_id id)
{
    switch (id) {
#define SLIDE(name, fn)                                                                            \
    case FN_##name:                                                                                \
        return fn;
        SLIDE(sum_over_time, slide_sum)
        SLIDE(avg_over_time, slide_avg)
        SLIDE(min_over_time, slide_min)
        SLIDE(max_over_time, slide_max)
        SLIDE(stdvar_over_time, slide_stdvar)
        SLIDE(stddev_over_time, slide_stddev)
        SLIDE(deriv, slide_deriv)
        SLIDE(predict_linear, slide_predict)
        SLIDE(quantile_over_time, slide_quantile)
#undef SLIDE
    default:
        return NULL;
    }
}
