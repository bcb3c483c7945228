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

static void sort_few(double *v, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        double x = v[i];
        size_t at = i;

        for (; at > 0 && v[at - 1] > x; at--)
            v[at] = v[at - 1];
        v[at] = x;
    }
}

/* Splits v[0..n), n >= 3, around the median of three of them: none of the first *return* is larger
 * than it, none of the others smaller. Both parts hold something: the other two are on either side
 * of the median, so neither walk gets to the far end in one go. */
static size_t split(double *v, size_t n)
{
    double a = v[0], b = v[n / 2], c = v[n - 1];
    double pivot = fmax(fmin(a, b), fmin(fmax(a, b), c));
    size_t i = 0, j = n - 1;

    for (;;) {
        while (v[i] < pivot)
            i++;
        while (v[j] > pivot)
            j--;
        if (i >= j)
            return j + 1;
        a = v[i];
        v[i++] = v[j];
        v[j--] = a;
    }
}

/* Puts the k-th smallest of v[0..n) in its place, with none larger before it and none smaller
 * behind: Hoare's selection. Numbers only. What splits badly again and again is sorted. */
static void select_rank(double *v, size_t n, size_t k)
{
    for (unsigned tries = 0; n > 16; tries++) {
        size_t first;

        if (tries > 64) {
            sort_values(v, n);
            return;
        }
        first = split(v, n);
        if (k < first) {
            n = first;
        } else {
            v += first;
            n -= first;
            k -= first;
        }
    }
    sort_few(v, n);
}

double quantile_of(double q, double *v, size_t n)
{
    size_t nans = 0, below;
    double above = INFINITY;

    if (n == 0 || !(q >= 0 && q <= 1))
        return quantile_of_sorted(q, v, n);
    for (size_t i = 0; i < n; i++) {
        if (isnan(v[i])) { /* the smallest */
            v[i] = v[nans];
            v[nans++] = NAN;
        }
    }
    below = (size_t)floor(q * (double)(n - 1));
    if (below < nans)
        return NAN;
    select_rank(v + nans, n - nans, below - nans);
    for (size_t i = below + 1; i < n; i++)
        above = v[i] < above ? v[i] : above;
    if (below + 1 < n)
        v[below + 1] = above;
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
