#include "api/trend.h"

#include <stdlib.h>

#define POINTS_MIN 8
#define SPAN_MIN   (2 * 3600 * 1000LL)
#define FALLING    0.8  /* share of pairs */
#define DROP_MIN   2e-4 /* of the whole, over the span seen */
#define YEARS_10   (10 * 365.25 * 86400)

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

bool trend_runs_out(const ts_ms ts[], const double values[], size_t n, double now, double size,
                    double *seconds)
{
    double slopes[TREND_POINTS_MAX * (TREND_POINTS_MAX - 1) / 2], slope, span, left;
    size_t pairs = 0, falling = 0, first = n > TREND_POINTS_MAX ? n - TREND_POINTS_MAX : 0;

    if (n - first < POINTS_MIN || ts[n - 1] - ts[first] < SPAN_MIN)
        return false;
    for (size_t i = first; i < n; i++) {
        for (size_t j = i + 1; j < n; j++) {
            slopes[pairs] = (values[j] - values[i]) / ((double)(ts[j] - ts[i]) / 1000);
            falling += slopes[pairs] < 0;
            pairs++;
        }
    }
    qsort(slopes, pairs, sizeof *slopes, by_value);
    slope = pairs % 2 ? slopes[pairs / 2] : (slopes[pairs / 2 - 1] + slopes[pairs / 2]) / 2;
    span = (double)(ts[n - 1] - ts[first]) / 1000;
    if (!(slope < 0) || (double)falling < FALLING * (double)pairs ||
        -slope * span < DROP_MIN * size)
        return false;
    left = now / -slope;
    if (!(left >= 0 && left < YEARS_10))
        return false;
    *seconds = left;
    return true;
}
