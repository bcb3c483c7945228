/* over_time: what the samples of a window amount to. Sums are Kahan sums (Neumaier's variant);
 * averages fall back to an incremental mean where the sum would overflow. */
#include <math.h>
#include <stdlib.h>

#include "promql/functions/calls.h"

static double each_sum(const struct window *w)
{
    double sum = 0, c = 0;

    for (size_t i = 0; i < w->n; i++)
        kahan_add(w->v[i], &sum, &c);
    return isinf(sum) ? sum : sum + c;
}

static double each_avg(const struct window *w)
{
    double sum = w->v[0], c = 0, mean = 0;
    bool incremental = false;

    for (size_t i = 1; i < w->n; i++) {
        double count = (double)i + 1, q;

        if (!incremental) {
            double new_sum = sum, new_c = c;

            kahan_add(w->v[i], &new_sum, &new_c);
            if (!isinf(new_sum)) {
                sum = new_sum;
                c = new_c;
                continue;
            }
            incremental = true;
            mean = sum / (count - 1);
            c /= count - 1;
        }
        q = (count - 1) / count;
        mean *= q;
        c *= q;
        kahan_add(w->v[i] / count, &mean, &c);
    }
    return incremental ? mean + c : sum / (double)w->n + c / (double)w->n;
}

static double each_count(const struct window *w)
{
    return (double)w->n;
}

static double each_first(const struct window *w)
{
    return w->v[0];
}

static double each_last(const struct window *w)
{
    return w->v[w->n - 1];
}

static double each_present(const struct window *w)
{
    (void)w;
    return 1;
}

static double each_min(const struct window *w)
{
    double best = w->v[0];

    for (size_t i = 1; i < w->n; i++)
        if (w->v[i] < best || isnan(best))
            best = w->v[i];
    return best;
}

static double each_max(const struct window *w)
{
    double best = w->v[0];

    for (size_t i = 1; i < w->n; i++)
        if (w->v[i] > best || isnan(best))
            best = w->v[i];
    return best;
}

static double seconds(ts_ms ts)
{
    return (double)ts / 1000;
}

/* The newest of several equal extremes. */
static double each_ts_of_min(const struct window *w)
{
    size_t best = 0;

    for (size_t i = 1; i < w->n; i++)
        if (w->v[i] <= w->v[best] || isnan(w->v[best]))
            best = i;
    return seconds(w->ts[best]);
}

static double each_ts_of_max(const struct window *w)
{
    size_t best = 0;

    for (size_t i = 1; i < w->n; i++)
        if (w->v[i] >= w->v[best] || isnan(w->v[best]))
            best = i;
    return seconds(w->ts[best]);
}

static double each_ts_of_first(const struct window *w)
{
    return seconds(w->ts[0]);
}

static double each_ts_of_last(const struct window *w)
{
    return seconds(w->ts[w->n - 1]);
}

/* Welford's, with compensated sums. */
static double each_stdvar(const struct window *w)
{
    double mean = 0, c_mean = 0, aux = 0, c_aux = 0;

    for (size_t i = 0; i < w->n; i++) {
        double delta = w->v[i] - (mean + c_mean);

        kahan_add(delta / (double)(i + 1), &mean, &c_mean);
        kahan_add(delta * (w->v[i] - (mean + c_mean)), &aux, &c_aux);
    }
    return (aux + c_aux) / (double)w->n;
}

static double each_stddev(const struct window *w)
{
    return sqrt(each_stdvar(w));
}

static int compare_pointed(const void *a, const void *b)
{
    return compare_values(*(const double *)a, *(const double *)b);
}

void sort_values(double *v, size_t n)
{
    qsort(v, n, sizeof *v, compare_pointed);
}

double quantile_of_sorted(double q, const double *v, size_t n)
{
    double rank, lower, weight;
    size_t below, above;

    if (n == 0 || isnan(q))
        return NAN;
    if (q < 0)
        return -INFINITY;
    if (q > 1)
        return INFINITY;
    rank = q * (double)(n - 1);
    lower = floor(rank);
    below = (size_t)lower;
    above = below + 1 < n ? below + 1 : n - 1;
    weight = rank - lower;
    return v[below] * (1 - weight) + v[above] * weight;
}

double quantile_of(double q, double *v, size_t n)
{
    if (q >= 0 && q <= 1)
        sort_values(v, n);
    return quantile_of_sorted(q, v, n);
}

static double each_quantile(const struct window *w)
{
    memcpy(w->scratch, w->v, w->n * sizeof *w->v);
    return quantile_of(w->args[0], w->scratch, w->n);
}

static double each_mad(const struct window *w)
{
    double median;

    for (size_t i = 0; i < w->n; i++)
        if (isnan(w->v[i]))
            return NAN;
    memcpy(w->scratch, w->v, w->n * sizeof *w->v);
    median = quantile_of(0.5, w->scratch, w->n);
    for (size_t i = 0; i < w->n; i++)
        w->scratch[i] = fabs(w->scratch[i] - median);
    return quantile_of(0.5, w->scratch, w->n);
}

struct window_function over_time_function(enum function_id id)
{
    switch (id) {
#define EACH(name, fn)                                                                             \
    case FN_##name:                                                                                \
        return (struct window_function){fn, slide_function(id)};
        EACH(sum_over_time, each_sum)
        EACH(avg_over_time, each_avg)
        EACH(count_over_time, each_count)
        EACH(first_over_time, each_first)
        EACH(last_over_time, each_last)
        EACH(present_over_time, each_present)
        EACH(min_over_time, each_min)
        EACH(max_over_time, each_max)
        EACH(ts_of_min_over_time, each_ts_of_min)
        EACH(ts_of_max_over_time, each_ts_of_max)
        EACH(ts_of_first_over_time, each_ts_of_first)
        EACH(ts_of_last_over_time, each_ts_of_last)
        EACH(stdvar_over_time, each_stdvar)
        EACH(stddev_over_time, each_stddev)
        EACH(quantile_over_time, each_quantile)
        EACH(mad_over_time, each_mad)
#undef EACH
    default:
        return (struct window_function){0};
    }
}
