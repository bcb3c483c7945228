/* regress: lines through the samples of a window. */
#include <math.h>

#include "promql/functions/calls.h"

/* Least squares; the intercept is the line's value at time `at`. */
static void fit_line(const struct window *w, ts_ms at, double *slope, double *intercept)
{
    double n = (double)w->n;
    double x = 0, cx = 0, y = 0, cy = 0, xy = 0, cxy = 0, xx = 0, cxx = 0;
    bool constant = true;

    for (size_t i = 0; i < w->n; i++) {
        double dx = (double)(w->ts[i] - at) / 1000;

        constant = constant && w->v[i] == w->v[0];
        kahan_add(dx, &x, &cx);
        kahan_add(w->v[i], &y, &cy);
        kahan_add(dx * w->v[i], &xy, &cxy);
        kahan_add(dx * dx, &xx, &cxx);
    }
    if (w->n == 1 || constant) {
        *slope = isinf(w->v[0]) ? NAN : 0;
        *intercept = isinf(w->v[0]) ? NAN : w->v[0];
        return;
    }
    x += cx;
    y += cy;
    xy += cxy;
    xx += cxx;
    *slope = (xy - x * y / n) / (xx - x * x / n);
    *intercept = y / n - *slope * x / n;
}

/* The time of a sample, not of the epoch, keeps the numbers small. */
static double each_deriv(const struct window *w)
{
    double slope, intercept;

    if (w->n < 2)
        return ABSENT;
    fit_line(w, w->ts[0], &slope, &intercept);
    return slope;
}

static double each_predict(const struct window *w)
{
    double slope, intercept;

    if (w->n < 2)
        return ABSENT;
    fit_line(w, w->now, &slope, &intercept);
    return slope * w->args[0] + intercept;
}

/* Holt's double exponential smoothing; the factors were checked by the caller. */
static double each_smoothing(const struct window *w)
{
    double smoothing = w->args[0], trend = w->args[1];
    double before = 0, now, slope;

    if (w->n < 2)
        return ABSENT;
    now = w->v[0];
    slope = w->v[1] - w->v[0];
    for (size_t i = 1; i < w->n; i++) {
        double x = smoothing * w->v[i], y;

        if (i > 1)
            slope = trend * (now - before) + (1 - trend) * slope;
        y = (1 - smoothing) * (now + slope);
        before = now;
        now = x + y;
    }
    return now;
}

struct window_function regress_function(enum function_id id)
{
    switch (id) {
    case FN_deriv:
        return (struct window_function){each_deriv, slide_function(id)};
    case FN_predict_linear:
        return (struct window_function){each_predict, slide_function(id)};
    case FN_double_exponential_smoothing:
        return (struct window_function){each_smoothing, NULL};
    default:
        return (struct window_function){0};
    }
}
