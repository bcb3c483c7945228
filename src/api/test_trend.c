#include "api/trend.h"
#include "base/test.h"

#include <math.h>

#define SLICE_MS (15 * 60 * 1000LL)
#define GB       1e9

/* n points of start + slope (bytes an hour) * hours. */
static void line(ts_ms ts[], double v[], size_t n, double start, double slope)
{
    for (size_t i = 0; i < n; i++) {
        ts[i] = (ts_ms)i * SLICE_MS;
        v[i] = start + slope * (double)i / 4;
    }
}

static void a_steady_fall_ends_where_the_line_meets_zero(void **state)
{
    ts_ms ts[25];
    double v[25], s;

    (void)state;
    line(ts, v, 25, 100 * GB, -1 * GB);
    assert_true(trend_runs_out(ts, v, 25, v[24], 500 * GB, &s));
    assert_true(fabs(s - 94 * 3600) < 1);
}

static void wild_points_do_not_move_it(void **state)
{
    ts_ms ts[25];
    double v[25], s;

    (void)state;
    line(ts, v, 25, 100 * GB, -1 * GB);
    v[3] = 0;
    v[11] = 400 * GB;
    v[20] = 5 * GB;
    assert_true(trend_runs_out(ts, v, 25, 94 * GB, 500 * GB, &s));
    assert_true(fabs(s - 94 * 3600) < .05 * 94 * 3600);
}

static void what_stays_rises_or_swings_has_no_end(void **state)
{
    ts_ms ts[25];
    double v[25], s = -1;

    (void)state;
    line(ts, v, 25, 100 * GB, 0);
    assert_false(trend_runs_out(ts, v, 25, 100 * GB, 500 * GB, &s));
    line(ts, v, 25, 100 * GB, 1 * GB);
    assert_false(trend_runs_out(ts, v, 25, 100 * GB, 500 * GB, &s));
    for (size_t i = 0; i < 25; i++)
        v[i] = 100 * GB + (i % 2 ? 3 : -3) * GB - (double)i * .01 * GB;
    assert_false(trend_runs_out(ts, v, 25, 100 * GB, 500 * GB, &s));
    assert_true(s == -1);
}

static void too_little_too_short_or_too_slow_is_no_answer(void **state)
{
    ts_ms ts[25];
    double v[25], s;

    (void)state;
    line(ts, v, 25, 100 * GB, -1 * GB);
    assert_false(trend_runs_out(ts, v, 7, v[6], 500 * GB, &s));
    assert_false(trend_runs_out(ts, v, 0, 1, 500 * GB, &s));
    for (size_t i = 0; i < 25; i++)
        ts[i] /= 10; /* all within 36 minutes */
    assert_false(trend_runs_out(ts, v, 25, v[24], 500 * GB, &s));
    line(ts, v, 25, 100 * GB, -.001 * GB);
    assert_false(trend_runs_out(ts, v, 25, v[24], 500 * GB, &s));
}

static void only_the_newest_points_count(void **state)
{
    ts_ms ts[100];
    double v[100], s;

    (void)state;
    line(ts, v, 100, 100 * GB, 5 * GB);
    for (size_t i = 100 - TREND_POINTS_MAX; i < 100; i++)
        v[i] = 200 * GB - (double)i * GB / 4;
    assert_true(trend_runs_out(ts, v, 100, 100 * GB, 500 * GB, &s));
    assert_true(fabs(s - 100 * 3600) < 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_steady_fall_ends_where_the_line_meets_zero),
        cmocka_unit_test(wild_points_do_not_move_it),
        cmocka_unit_test(what_stays_rises_or_swings_has_no_end),
        cmocka_unit_test(too_little_too_short_or_too_slow_is_no_answer),
        cmocka_unit_test(only_the_newest_points_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
