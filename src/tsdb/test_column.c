#include "tsdb/column.h"

#include "base/rng.h"
#include "base/test.h"

#define N 5760u

static void regular_and_jittered_columns_come_back(void **state)
{
    static const uint64_t jitters[] = {1, 7, 1000};
    struct rng rng;

    (void)state;
    rng_seed(&rng, 4);
    for (size_t k = 0; k < sizeof jitters / sizeof *jitters; k++) {
        SCOPED(buf_fini) struct buf out = {0};
        ts_ms ts[N], got[N];
        size_t n;

        for (size_t i = 0; i < N; i++)
            ts[i] = 1700000000000 + (ts_ms)i * 15000 + (ts_ms)rng_below(&rng, jitters[k]);
        column_encode(ts, N, &out);
        if (jitters[k] == 1)
            assert_true(out.n < 50); /* a day at 15 s */
        assert_int_equal(column_count(buf_str(&out), &n), 0);
        assert_int_equal(n, N);
        assert_int_equal(column_decode(buf_str(&out), got, n), 0);
        assert_memory_equal(got, ts, sizeof ts);
        assert_int_equal(column_decode((struct str){out.p, out.n - 1}, got, n), -1);
    }
}

static void times_that_do_not_ascend_are_refused(void **state)
{
    SCOPED(buf_fini) struct buf out = {0};
    const ts_ms ts[] = {1, 2, 2};
    ts_ms got[3];

    (void)state;
    column_encode(ts, 3, &out);
    assert_int_equal(column_decode(buf_str(&out), got, 3), -1);
}

static void a_claim_that_cannot_be_true_is_refused_before_memory_is_taken(void **state)
{
    size_t n;

    (void)state;
    assert_int_equal(column_count(STR("\xff\xff\xff\x1f\x00"), &n), -1);
    assert_int_equal(column_count(STR(""), &n), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regular_and_jittered_columns_come_back),
        cmocka_unit_test(times_that_do_not_ascend_are_refused),
        cmocka_unit_test(a_claim_that_cannot_be_true_is_refused_before_memory_is_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
