#include "base/rng.h"

#include "base/test.h"

static void a_seed_repeats_and_another_differs(void **state)
{
    struct rng a, b, c;

    (void)state;
    rng_seed(&a, 1);
    rng_seed(&b, 1);
    rng_seed(&c, 2);
    for (int i = 0; i < 10; i++) {
        uint64_t x = rng_next(&a);

        assert_true(x == rng_next(&b));
        assert_true(x != rng_next(&c));
    }
}

static void numbers_stay_in_their_range_and_fill_it(void **state)
{
    struct rng r;
    unsigned seen[5] = {0};

    (void)state;
    rng_seed(&r, 3);
    for (int i = 0; i < 1000; i++) {
        double unit = rng_unit(&r);

        seen[rng_below(&r, 5)]++;
        assert_true(unit >= 0 && unit < 1);
    }
    for (int i = 0; i < 5; i++)
        assert_in_range(seen[i], 150, 250);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seed_repeats_and_another_differs),
        cmocka_unit_test(numbers_stay_in_their_range_and_fill_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
