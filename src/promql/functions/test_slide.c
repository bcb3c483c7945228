#include "base/test.h"

#include <math.h>

#include "base/rng.h"
#include "promql/functions/calls.h"

#define SAMPLES 400u
#define STEPS   150u

struct fixture {
    struct rng rng;
    ts_ms ts[SAMPLES];
    double v[SAMPLES];
    uint32_t lo[STEPS], hi[STEPS];
    double q[STEPS], scratch[SAMPLES * SLIDE_WIDTH_MAX], out[STEPS];
    struct window_stream stream;
    struct windows windows;
};

static double any_value(struct rng *rng, unsigned odd)
{
    switch (odd ? rng_below(rng, 40) : 1) {
    case 0:
        return NAN;
    case 2:
        return INFINITY;
    case 3:
        return -INFINITY;
    case 4:
        return 1.7e308;
    default:
        return 1.7e9 + (double)rng_below(rng, 1000) / 100;
    }
}

/* Windows of any length that never move back, some of them empty. */
static void fill(struct fixture *f, uint64_t seed, unsigned odd)
{
    uint32_t lo = 0, hi = 0;

    rng_seed(&f->rng, seed);
    for (size_t i = 0; i < SAMPLES; i++) {
        f->ts[i] = (ts_ms)i * 15000 + (ts_ms)rng_below(&f->rng, 9000);
        f->v[i] = any_value(&f->rng, odd);
    }
    for (size_t i = 0; i < STEPS; i++) {
        uint32_t jump = rng_below(&f->rng, 10) ? 4 : 60;

        hi += (uint32_t)rng_below(&f->rng, jump);
        hi = hi < SAMPLES ? hi : SAMPLES;
        lo += (uint32_t)rng_below(&f->rng, jump);
        lo = lo < hi ? lo : hi;
        f->lo[i] = lo;
        f->hi[i] = hi;
        f->q[i] = (double)rng_below(&f->rng, 12) / 10 - 0.05;
    }
    f->stream = (struct window_stream){.grid = {0, 60000, STEPS}, .range_ms = 600000};
    f->windows = (struct windows){.ts = f->ts, .v = f->v, .n = SAMPLES, .lo = f->lo, .hi = f->hi};
}

static bool close_enough(double a, double b)
{
    if (is_absent(a) || is_absent(b))
        return is_absent(a) && is_absent(b);
    if (isnan(a) || isnan(b))
        return isnan(a) && isnan(b);
    return a == b || fabs(a - b) <= 1e-7 * (fabs(a) + fabs(b)) + 1e-7;
}

static struct window_function function_of(enum function_id id)
{
    struct window_function f = over_time_function(id);

    return f.each ? f : regress_function(id);
}

static void check(struct fixture *f, enum function_id id)
{
    const double *args[2] = {f->q, NULL};
    struct window_function function = function_of(id);
    struct slide x = {.stream = &f->stream,
                      .windows = &f->windows,
                      .args = args,
                      .each = function.each,
                      .scratch = f->scratch,
                      .out = f->out};

    assert_non_null(function.slide);
    function.slide(&x);
    for (size_t i = 0; i < STEPS; i++) {
        double own[SAMPLES];
        struct window w = {.ts = f->ts + f->lo[i],
                           .v = f->v + f->lo[i],
                           .n = f->hi[i] - f->lo[i],
                           .end = window_end(&f->stream, i),
                           .now = grid_at(&f->stream.grid, i),
                           .args = {f->q[i]},
                           .scratch = own};
        double wanted = w.n ? function.each(&w) : ABSENT;

        if (!close_enough(wanted, f->out[i]))
            fail_msg("%s at step %zu of [%u, %u): %.17g slid, %.17g afresh", function_at(id)->name,
                     i, f->lo[i], f->hi[i], f->out[i], wanted);
    }
}

static void sliding_gives_what_each_window_gives(void **state)
{
    static const enum function_id ids[] = {
        FN_sum_over_time, FN_avg_over_time,    FN_min_over_time,
        FN_max_over_time, FN_stdvar_over_time, FN_stddev_over_time,
        FN_deriv,         FN_predict_linear,   FN_quantile_over_time};
    static struct fixture f;

    (void)state;
    for (uint64_t seed = 0; seed < 40; seed++)
        for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
            fill(&f, seed, seed % 2);
            check(&f, ids[i]);
        }
}

static void sums_of_small_and_huge_values_lose_nothing_while_sliding(void **state)
{
    static struct fixture f;

    (void)state;
    fill(&f, 1, 0);
    for (size_t i = 0; i < SAMPLES; i++)
        f.v[i] = i % 3 == 0 ? 1e100 : i % 3 == 1 ? 1 : -1e100;
    for (size_t i = 0; i < STEPS; i++) {
        f.lo[i] = (uint32_t)i;
        f.hi[i] = (uint32_t)i + 9;
    }
    check(&f, FN_sum_over_time);
    assert_true(f.out[10] == 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sliding_gives_what_each_window_gives),
        cmocka_unit_test(sums_of_small_and_huge_values_lose_nothing_while_sliding),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
