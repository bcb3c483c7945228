#include "base/mem.h"
#include "base/rng.h"
#include "base/test.h"
#include "model/sample.h"
#include "tsdb/stream.h"

static struct stream_view view_of(const struct stream *st)
{
    return (struct stream_view){st->first, st->bytes, st->start, st->end};
}

struct truth {
    uint64_t bits[3000];
    bool there[3000];
};

static void check(const struct stream *st, const struct truth *t, uint32_t lo, uint32_t hi)
{
    struct stream_view v = view_of(st);
    struct stream_runs runs = {0};
    double values[3000];
    size_t n = stream_decode(&v, lo, hi, values, &runs), at = 0;
    uint32_t pos = lo;

    for (size_t r = 0; r < runs.n; r++) {
        for (; pos < runs.items[r].pos; pos++)
            assert_false(t->there[pos]);
        for (uint32_t i = 0; i < runs.items[r].n; i++, pos++, at++) {
            assert_true(t->there[pos]);
            assert_true(value_bits(values[at]) == t->bits[pos]);
        }
    }
    for (; pos < hi; pos++)
        assert_false(t->there[pos]);
    assert_int_equal(at, n);
    mem_free(runs.items);
}

static double walk(struct rng *rng, double v, int kind)
{
    switch (kind) {
    case 0:
        return v + (double)rng_below(rng, 100);
    case 1:
        return (double)rng_below(rng, 1000000) / 1000.0;
    case 2:
        return v;
    case 3:
        return v * 1.1 + rng_unit(rng);
    case 4:
        return -v;
    default:
        return value_of_bits(rng_next(rng));
    }
}

static void every_value_comes_back_bit_for_bit(void **state)
{
    struct rng rng;

    (void)state;
    rng_seed(&rng, 7);
    for (int kind = 0; kind < 7; kind++) {
        struct truth *t = mem_new(struct truth);
        struct slabs pool = {0};
        struct stream st = {0};
        double v = 0;
        uint32_t pos = 0;

        while (pos < 2990) {
            if (rng_below(&rng, 10) == 0) { /* a gap */
                stream_absent(&pool, &st, pos);
                pos += (uint32_t)rng_below(&rng, 300) + 1;
                pos = pos < 2990 ? pos : 2990;
            }
            v = rng_below(&rng, 3) ? walk(&rng, v, kind == 6 ? (int)rng_below(&rng, 6) : kind) : v;
            if (rng_below(&rng, 50) == 0) {
                stream_put(&pool, &st, pos, STALE_NAN_BITS);
                t->bits[pos] = STALE_NAN_BITS;
                t->there[pos++] = true;
                pos += (uint32_t)rng_below(&rng, 3);
            }
            stream_put(&pool, &st, pos, value_bits(v));
            t->there[pos] = !value_is_stale(v);
            t->bits[pos++] = value_bits(v);
            st.end = pos;
        }
        check(&st, t, 0, st.end);
        for (int i = 0; i < 200; i++) {
            uint32_t lo = (uint32_t)rng_below(&rng, st.end);
            uint32_t hi = lo + (uint32_t)rng_below(&rng, st.end - lo + 1);

            check(&st, t, lo, hi);
        }
        slabs_fini(&pool);
        mem_free(t);
    }
}

static void an_unchanged_value_costs_nothing(void **state)
{
    struct slabs pool = {0};
    struct stream st = {0};
    uint32_t bytes;

    (void)state;
    stream_put(&pool, &st, 0, value_bits(42.5));
    bytes = st.bytes;
    for (uint32_t pos = 1; pos < 1000; pos++)
        stream_put(&pool, &st, pos, value_bits(42.5));
    assert_int_equal(st.bytes, bytes);
    slabs_fini(&pool);
}

static void a_counter_costs_two_bytes_a_step(void **state)
{
    struct slabs pool = {0};
    struct stream st = {0};

    (void)state;
    for (uint32_t pos = 0; pos < 1000; pos++)
        stream_put(&pool, &st, pos, value_bits(1e12 + pos * 15));
    assert_true(st.bytes < 2100);
    slabs_fini(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_comes_back_bit_for_bit),
        cmocka_unit_test(an_unchanged_value_costs_nothing),
        cmocka_unit_test(a_counter_costs_two_bytes_a_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
