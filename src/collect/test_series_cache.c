#include "base/test.h"

#include "base/rng.h"
#include "collect/series_cache.h"

static struct hash128 key(unsigned i)
{
    return hash_bytes128(&i, sizeof i);
}

static void fill(struct series_cache *c, unsigned from, unsigned to, uint32_t round)
{
    for (unsigned i = from; i < to; i++) {
        size_t at = series_cache_add(c, key(i), 0, round);

        c->items[at].slot = i;
    }
}

static void entries_are_found_in_any_order(void **state)
{
    struct series_cache c;
    struct rng rng;

    (void)state;
    series_cache_init(&c);
    assert_int_equal(series_cache_find(&c, key(0)), -1);
    fill(&c, 0, 1000, 1);
    assert_true(series_cache_check(&c));
    rng_seed(&rng, 1);
    for (int i = 0; i < 3000; i++) {
        unsigned k = (unsigned)rng_below(&rng, 1200);

        assert_int_equal(series_cache_find(&c, key(k)), k < 1000 ? (int)k : -1);
    }
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal(series_cache_find(&c, key(i)), (int)i);
        assert_int_equal(c.next, i + 1); /* the order is guessed */
    }
    series_cache_fini(&c);
}

static void a_sweep_keeps_what_this_round_saw_and_placed(void **state)
{
    struct series_cache c;

    (void)state;
    series_cache_init(&c);
    fill(&c, 0, 100, 1);
    for (size_t i = 0; i < 100; i += 2)
        c.items[i].round = 2;
    c.items[4].slot = SERIES_CACHE_NO_SLOT;
    series_cache_sweep(&c, 2);
    assert_true(series_cache_check(&c));
    assert_int_equal(c.n, 49);
    assert_int_equal(series_cache_find(&c, key(1)), -1);
    assert_int_equal(series_cache_find(&c, key(4)), -1);
    assert_int_equal(c.items[series_cache_find(&c, key(98))].slot, 98);
    series_cache_fini(&c);
}

static void the_next_entry_is_known_by_its_text(void **state)
{
    static const char *const texts[] = {"a{x=\"1\"}", "b"};
    struct series_cache c;

    (void)state;
    series_cache_init(&c);
    assert_int_equal(series_cache_expect(&c, STR("a")), 0);
    for (size_t i = 0; i < 2; i++)
        (void)series_cache_add(&c, hash_bytes128(texts[i], strlen(texts[i])),
                               (uint32_t)strlen(texts[i]), 1);
    assert_int_equal(series_cache_expect(&c, STR("a{x=\"1\"} 1")), 8);
    assert_int_equal(series_cache_expect(&c, STR("a{x=\"2\"} 1")), 0);
    assert_int_equal(series_cache_expect(&c, STR("a{x=")), 0);
    assert_int_equal(series_cache_expect(&c, STR("b 1")), 0); /* not its turn */
    c.next = 1;
    assert_int_equal(series_cache_expect(&c, STR("b 1")), 1);
    c.next = 2;
    assert_int_equal(series_cache_expect(&c, STR("b 1")), 0);
    series_cache_fini(&c);
}

static void a_cut_forgets_the_newest(void **state)
{
    struct series_cache c;

    (void)state;
    series_cache_init(&c);
    fill(&c, 0, 100, 1);
    series_cache_cut(&c, 10);
    assert_true(series_cache_check(&c));
    assert_int_equal(series_cache_find(&c, key(10)), -1);
    assert_int_equal(series_cache_find(&c, key(9)), 9);
    fill(&c, 10, 20, 1);
    assert_true(series_cache_check(&c));
    series_cache_cut(&c, 0);
    assert_int_equal(series_cache_find(&c, key(0)), -1);
    series_cache_fini(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_found_in_any_order),
        cmocka_unit_test(a_sweep_keeps_what_this_round_saw_and_placed),
        cmocka_unit_test(the_next_entry_is_known_by_its_text),
        cmocka_unit_test(a_cut_forgets_the_newest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
