/* calls: what evaluates the families of functions.def, and what they share. */
#ifndef PROMQL_FUNCTIONS_CALLS_H
#define PROMQL_FUNCTIONS_CALLS_H

#include "promql/eval.h"
#include "promql/window.h"

typedef int call_fn(struct eval *ev, const struct grid *grid, const struct expr *e,
                    struct stream **out, struct err *err);

MUST_USE call_fn call_math, call_date, call_window, call_labels, call_histogram, call_native,
    call_special;
/* FAMILY_SCALAR: one value a step. */
MUST_USE int call_scalar(struct eval *ev, const struct grid *grid, const struct expr *e,
                         struct arena *a, double **out, struct err *err);

/* Runs `fn` over each column of *s; `arg` lives in the arena of *s or longer. */
typedef void column_fn(const void *arg, const struct grid *grid, double *column);
MUST_USE int stream_map(struct stream **s, column_fn *fn, const void *arg, struct err *err);

/* Labels that an absent() of this selector can be sure of. */
MUST_USE int absent_labels(const struct expr *arg, struct arena *a, const struct labels **out,
                           struct err *err);
/* info(), in info.c. */
MUST_USE call_fn call_info;

/* One window of one series, for functions that look at each window afresh. */
struct window {
    const ts_ms *ts; /* [n], n >= 1 */
    const double *v;
    size_t n;
    ts_ms start, end; /* the range: start exclusive, end inclusive */
    ts_ms now;        /* the step's time */
    double range_s;
    bool anchored, smoothed;
    double args[2];  /* scalar arguments at this step */
    double *scratch; /* [n] */
};
typedef double window_fn(const struct window *w); /* ABSENT: no value */

/* All windows of one series at once: for what slides. */
struct slide {
    const struct window_stream *stream;
    const struct windows *windows;
    const double *const *args; /* scalars by step */
    window_fn *each;           /* what a single window gives */
    double *scratch;           /* [windows->n * SLIDE_WIDTH_MAX] */
    double *out;               /* [grid.n] */
};
#define SLIDE_WIDTH_MAX 7u
typedef void series_fn(const struct slide *x);

struct window_function {
    window_fn *each;
    series_fn *slide; /* NULL: none; else the same but for rounding, unless anchored or smoothed */
};

/* rate.c, over_time.c, regress.c: the functions by id; `each` NULL: not theirs. */
struct window_function rate_function(enum function_id id);
struct window_function over_time_function(enum function_id id);
struct window_function regress_function(enum function_id id);
/* slide.c: NULL when there is none. */
series_fn *slide_function(enum function_id id);
/* over_windows.c: the window of one step by itself. */
double slide_afresh(const struct slide *x, size_t step);

/* NaN before all numbers. */
static inline int compare_values(double a, double b)
{
    if (__builtin_isnan(a) || __builtin_isnan(b))
        return __builtin_isnan(b) - __builtin_isnan(a);
    return (a > b) - (a < b);
}

void sort_values(double *v, size_t n);
double quantile_of_sorted(double q, const double *v, size_t n);
/* The q-quantile of v[0..n), whose order is lost. */
double quantile_of(double q, double *v, size_t n);

/* Neumaier's variant of Kahan's sum. */
static inline void kahan_add(double x, double *sum, double *c)
{
    double t = *sum + x;

    if (__builtin_isinf(t))
        *c = 0;
    else if (__builtin_fabs(*sum) >= __builtin_fabs(x))
        *c += (*sum - t) + x;
    else
        *c += (x - t) + *sum;
    *sum = t;
}

#endif
