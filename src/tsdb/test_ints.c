#include "tsdb/ints.h"

#include "base/cursor.h"
#include "base/rng.h"
#include "base/test.h"
#include "tsdb/bits.h"

static size_t round_trip(const int64_t *v, size_t n)
{
    SCOPED(buf_fini) struct buf out = {0};
    int64_t got[INTS_MAX];

    ints_encode(v, n, &out);
    assert_int_equal(ints_decode(buf_str(&out), got, n), 0);
    assert_memory_equal(got, v, n * sizeof *v);
    return out.n;
}

static void every_shape_comes_back_exactly(void **state)
{
    struct rng rng;
    int64_t v[INTS_MAX];

    (void)state;
    rng_seed(&rng, 1);
    for (int round = 0; round < 3000; round++) {
        size_t n = 1 + (size_t)rng_below(&rng, round % 10 ? 200 : INTS_MAX);
        unsigned width = (unsigned)rng_below(&rng, 65), shape = (unsigned)rng_below(&rng, 6);
        int64_t at = (int64_t)rng_next(&rng), step = (int64_t)rng_below(&rng, 1000);

        for (size_t i = 0; i < n; i++) {
            int64_t noise = (int64_t)(rng_next(&rng) & bits_mask(width));

            switch (shape) {
            case 0:
                v[i] = noise;
                break;
            case 1:
                v[i] = at = (int64_t)((uint64_t)at + (uint64_t)noise);
                break;
            case 2:
                v[i] = (int64_t)((uint64_t)at + (uint64_t)step * i);
                break;
            case 3:
                v[i] = rng_below(&rng, 40) ? 7 : noise;
                break;
            case 4:
                v[i] = noise % 1000 * 4096;
                break;
            default:
                v[i] = i & 1 ? INT64_MIN : INT64_MAX;
            }
        }
        (void)round_trip(v, n);
    }
}

static void what_is_regular_costs_almost_nothing(void **state)
{
    int64_t v[INTS_MAX];

    (void)state;
    for (size_t i = 0; i < INTS_MAX; i++)
        v[i] = 1700000000000 + (int64_t)i * 15000;
    assert_true(round_trip(v, INTS_MAX) <= 14);
    for (size_t i = 0; i < INTS_MAX; i++)
        v[i] = (int64_t)(i / 500) * 4096; /* three changes */
    assert_true(round_trip(v, INTS_MAX) <= 24);
}

static void a_cut_or_prolonged_encoding_is_refused(void **state)
{
    SCOPED(buf_fini) struct buf out = {0};
    struct rng rng;
    int64_t v[300], got[300];

    (void)state;
    rng_seed(&rng, 2);
    for (size_t i = 0; i < 300; i++)
        v[i] = (int64_t)(rng_next(&rng) >> (rng_next(&rng) % 60));
    ints_encode(v, 300, &out);
    for (size_t n = 0; n < out.n; n++)
        assert_int_equal(ints_decode((struct str){out.p, n}, got, 300), -1);
    put_u8(&out, 0);
    assert_int_equal(ints_decode(buf_str(&out), got, 300), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shape_comes_back_exactly),
        cmocka_unit_test(what_is_regular_costs_almost_nothing),
        cmocka_unit_test(a_cut_or_prolonged_encoding_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
