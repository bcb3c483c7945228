#include "tsdb/presence.h"

#include "base/rng.h"
#include "base/test.h"

#define MAX 1000u

static void any_pattern_comes_back_and_counts_agree(void **state)
{
    struct rng rng;

    (void)state;
    rng_seed(&rng, 4);
    for (int round = 0; round < 2000; round++) {
        SCOPED(buf_fini) struct buf out = {0};
        size_t n = 1 + (size_t)rng_below(&rng, MAX), count = 0;
        uint64_t rarity = 1 + rng_below(&rng, 60), bits[MAX / 64 + 1] = {0};
        uint64_t got[MAX / 64 + 1];
        bool set = rng_below(&rng, 2);

        for (size_t i = 0; i < n; i++) {
            set ^= rng_below(&rng, rarity) == 0;
            if (set)
                presence_set(bits, i);
        }
        presence_encode(bits, n, &out);
        assert_true(out.n <= 1 + (n + 7) / 8);
        assert_int_equal(presence_decode(buf_str(&out), got, n), 0);
        assert_memory_equal(got, bits, presence_words(n) * 8);
        for (size_t i = 0; i < n; i++)
            count += presence_at(bits, i);
        assert_int_equal(presence_count(bits, 0, n), count);
        assert_int_equal(presence_count(bits, 0, n / 2) + presence_count(bits, n / 2, n), count);
        for (size_t i = presence_next(bits, 0, n, true); i < n;
             i = presence_next(bits, i + 1, n, true))
            count--;
        assert_int_equal(count, 0);
    }
}

static void bytes_that_make_no_sense_are_refused(void **state)
{
    uint64_t bits[2];

    (void)state;
    assert_int_equal(presence_decode(STR(""), bits, 10), -1);
    assert_int_equal(presence_decode(STR("\x02"), bits, 10), -1);
    assert_int_equal(presence_decode(STR("\x00\x0b"), bits, 10), -1);         /* too long */
    assert_int_equal(presence_decode(STR("\x00\x05\x00\x05"), bits, 10), -1); /* an empty run */
    assert_int_equal(presence_decode(STR("\x00\x05\x05\x01"), bits, 10), -1); /* and more */
    assert_int_equal(presence_decode(STR("\x01\xff\xff"), bits, 10), -1);     /* bits past n */
    assert_int_equal(presence_decode(STR("\x01\xff\x03"), bits, 10), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_pattern_comes_back_and_counts_agree),
        cmocka_unit_test(bytes_that_make_no_sense_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
