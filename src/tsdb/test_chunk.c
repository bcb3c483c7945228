#include "tsdb/chunk.h"

#include <math.h>

#include "base/rng.h"
#include "base/test.h"
#include "model/sample.h"

static size_t round_trip(const double *v, size_t n)
{
    SCOPED(buf_fini) struct buf out = {0};
    double got[CHUNK_VALUES_MAX];

    chunk_encode(v, n, &out);
    assert_int_equal(chunk_decode(buf_str(&out), got, n), 0);
    assert_memory_equal(got, v, n * sizeof *v); /* bits, not numbers */
    return out.n;
}

static double odd(struct rng *rng)
{
    static const double values[] = {0.0,   -0.0,      INFINITY, -INFINITY,          5e-324,
                                    1e308, 0.1 + 0.2, -1e-300,  9007199254740993.0, 1e22};

    if (rng_below(rng, 3) == 0)
        return value_of_bits(STALE_NAN_BITS);
    if (rng_below(rng, 3) == 0)
        return value_of_bits(rng_next(rng)); /* any NaN payload among them */
    return values[rng_below(rng, sizeof values / sizeof *values)];
}

static void every_value_comes_back_bit_for_bit(void **state)
{
    struct rng rng;
    double v[CHUNK_VALUES_MAX];

    (void)state;
    rng_seed(&rng, 1);
    for (int round = 0; round < 3000; round++) {
        size_t n = 1 + (size_t)rng_below(&rng, round % 20 ? 100 : CHUNK_VALUES_MAX);
        unsigned kind = (unsigned)rng_below(&rng, 6);
        uint64_t odds = rng_below(&rng, 3) == 0 ? 2 + rng_below(&rng, 60) : 0;
        double at = 0;

        for (size_t i = 0; i < n; i++) {
            switch (kind) {
            case 0:
                at += (double)rng_below(&rng, 100);
                break;
            case 1:
                at = (double)rng_below(&rng, 100000) / 1000;
                break;
            case 2:
                at += rng_unit(&rng);
                break;
            case 3:
                at = value_of_bits(rng_next(&rng));
                break;
            case 4:
                at += (double)rng_below(&rng, 1000000) / 1e9;
                break;
            default:
                at = (double)rng_below(&rng, 2);
            }
            v[i] = odds && rng_below(&rng, odds) == 0 ? odd(&rng) : at;
        }
        (void)round_trip(v, n);
    }
}

static void a_constant_takes_few_bytes(void **state)
{
    static const double values[] = {0, 1, -1, 0.25, 1e9};
    double v[CHUNK_VALUES_MAX];

    (void)state;
    for (size_t k = 0; k < sizeof values / sizeof *values; k++) {
        for (size_t i = 0; i < CHUNK_VALUES_MAX; i++)
            v[i] = values[k];
        assert_true(round_trip(v, CHUNK_VALUES_MAX) <= 6);
    }
    for (size_t i = 0; i < CHUNK_VALUES_MAX; i++)
        v[i] = value_of_bits(UINT64_C(0x7ff4dead0000beef));
    assert_int_equal(round_trip(v, CHUNK_VALUES_MAX), 9);
}

static void what_exporters_send_is_small(void **state)
{
    struct rng rng;
    double counter[500], percent[500], seconds[500], stale[500];
    double c = 1e9, s = 0;

    (void)state;
    rng_seed(&rng, 5);
    for (size_t i = 0; i < 500; i++) {
        counter[i] = c += (double)rng_below(&rng, 16);
        percent[i] = (double)rng_below(&rng, 1024) / 100;
        seconds[i] = s += (double)rng_below(&rng, 1 << 20) * 1e-9;
        stale[i] = i % 100 ? 7 : value_of_bits(STALE_NAN_BITS);
    }
    assert_true((double)round_trip(counter, 500) < 500 * 4.2 / 8 + 20);
    assert_true((double)round_trip(percent, 500) < 500 * 10.2 / 8 + 20);
    assert_true((double)round_trip(seconds, 500) < 500 * 24.0 / 8 + 20);
    assert_true(round_trip(stale, 500) < 30);
}

static void bytes_that_are_no_chunk_are_refused(void **state)
{
    struct rng rng;
    double v[64];
    char bytes[64];

    (void)state;
    rng_seed(&rng, 9);
    assert_int_equal(chunk_decode(STR(""), v, 1), -1);
    assert_int_equal(chunk_decode(STR("\x07"), v, 1), -1);
    assert_int_equal(chunk_decode(STR("\xf8\x02"), v, 1), -1);
    for (int round = 0; round < 20000; round++) {
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (char)rng_next(&rng);
        /* Any answer will do, without a crash. */
        (void)!chunk_decode((struct str){bytes, (size_t)rng_below(&rng, 65)}, v,
                            1 + (size_t)rng_below(&rng, 64));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_comes_back_bit_for_bit),
        cmocka_unit_test(a_constant_takes_few_bytes),
        cmocka_unit_test(what_exporters_send_is_small),
        cmocka_unit_test(bytes_that_are_no_chunk_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
