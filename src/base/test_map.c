#include "base/map.h"

#include "base/rng.h"
#include "base/test.h"

#define KEYS 400u

static bool same_number(const void *item, const void *key)
{
    return *(const uint32_t *)item == *(const uint32_t *)key;
}

/* Few distinct hashes, so that probes are long and wrap around. */
static uint64_t bad_hash(uint32_t key)
{
    return key % 13 + (key % 3 ? 0 : UINT64_MAX - 5);
}

static void it_agrees_with_an_array_over_random_steps(void **state)
{
    uint32_t numbers[KEYS];
    bool in[KEYS] = {false};
    struct map m;
    struct rng rng;
    size_t n = 0, seen = 0, at = 0;

    (void)state;
    map_init(&m);
    rng_seed(&rng, 7);
    for (uint32_t i = 0; i < KEYS; i++)
        numbers[i] = i;
    for (int step = 0; step < 20000; step++) {
        uint32_t k = (uint32_t)rng_below(&rng, KEYS);
        void *found = map_get(&m, bad_hash(k), &k, same_number);

        assert_ptr_equal(found, in[k] ? &numbers[k] : NULL);
        if (in[k]) {
            assert_ptr_equal(map_remove(&m, bad_hash(k), &k, same_number), &numbers[k]);
            n--;
        } else {
            map_put(&m, bad_hash(k), &numbers[k]);
            n++;
        }
        in[k] = !in[k];
        if (step % 100 == 0)
            assert_true(map_check(&m));
    }
    assert_int_equal(m.n, n);
    while (map_next(&m, &at))
        seen++;
    assert_int_equal(seen, n);
    map_fini(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_agrees_with_an_array_over_random_steps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
