#include "base/test.h"

#include "collect/push/ref_cache.h"

#define N 5000u

static struct hash128 keys[N];
static uint32_t ids[N], found[N];

static int set_up(void **state)
{
    struct ref_cache *c = malloc(sizeof *c);

    for (uint32_t i = 0; i < N; i++) {
        keys[i] = hash_bytes128(&i, sizeof i);
        ids[i] = i * 3;
    }
    ref_cache_init(c, N);
    *state = c;
    return 0;
}

static int tear_down(void **state)
{
    ref_cache_fini(*state);
    free(*state);
    return 0;
}

static void what_was_put_is_found_with_its_generation(void **state)
{
    struct ref_cache *c = *state;
    uint32_t generation;

    assert_int_equal(ref_cache_find(c, keys, sizeof *keys, N, found, &generation), N);
    ref_cache_put(c, 7, keys, sizeof *keys, N / 2, ids);
    assert_int_equal(ref_cache_find(c, keys, sizeof *keys, N, found, &generation), N - N / 2);
    assert_int_equal(generation, 7);
    assert_memory_equal(found, ids, N / 2 * sizeof *ids);
    assert_int_equal(found[N / 2], REF_CACHE_UNKNOWN);
    assert_int_equal(ref_cache_count(c), N / 2);
}

static void a_newer_generation_empties_and_an_older_one_is_ignored(void **state)
{
    struct ref_cache *c = *state;
    uint32_t generation;

    ref_cache_put(c, 7, keys, sizeof *keys, 10, ids);
    ref_cache_put(c, 8, keys + 10, sizeof *keys, 10, ids + 10);
    assert_int_equal(ref_cache_find(c, keys, sizeof *keys, 20, found, &generation), 10);
    assert_int_equal(generation, 8);
    assert_int_equal(found[10], ids[10]);
    ref_cache_put(c, 7, keys, sizeof *keys, 10, ids);
    assert_int_equal(ref_cache_count(c), 10);
}

static void dropping_counts_only_for_its_own_generation(void **state)
{
    struct ref_cache *c = *state;

    ref_cache_put(c, 8, keys, sizeof *keys, 10, ids);
    ref_cache_drop(c, 7);
    assert_int_equal(ref_cache_count(c), 10);
    ref_cache_drop(c, 8);
    assert_int_equal(ref_cache_count(c), 0);
}

static void it_never_grows_past_its_bound(void **state)
{
    struct ref_cache *c = *state;
    uint32_t generation;

    ref_cache_put(c, 1, keys, sizeof *keys, N, ids);
    assert_int_equal(ref_cache_count(c), N);
    for (uint32_t i = 0; i < N; i++) {
        uint32_t key = i + N;
        struct hash128 hash = hash_bytes128(&key, sizeof key);

        ref_cache_put(c, 1, &hash, sizeof hash, 1, &key);
        assert_true(ref_cache_count(c) <= N);
        assert_int_equal(ref_cache_find(c, &hash, sizeof hash, 1, found, &generation), 0);
        assert_int_equal(found[0], key);
    }
}

static void half_a_hash_is_not_enough(void **state)
{
    struct ref_cache *c = *state;
    struct hash128 near = {keys[0].low, keys[0].high ^ 1};
    uint32_t generation;

    ref_cache_put(c, 1, keys, sizeof *keys, 1, ids);
    assert_int_equal(ref_cache_find(c, &near, sizeof near, 1, found, &generation), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_put_is_found_with_its_generation, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_newer_generation_empties_and_an_older_one_is_ignored,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(dropping_counts_only_for_its_own_generation, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(it_never_grows_past_its_bound, set_up, tear_down),
        cmocka_unit_test_setup_teardown(half_a_hash_is_not_enough, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
