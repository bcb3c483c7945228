#include "tsdb/cache.h"

#include <pthread.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/test.h"

#define PAGE 1000u

static struct err err;

static int load_page(void *arg, struct cache_key key, unsigned char **bytes, size_t *n,
                     struct err *e)
{
    size_t *loads = arg;

    if (key.page == UINT32_MAX)
        return err_set(e, ERR_CORRUPT, "no such page");
    (void)__atomic_add_fetch(loads, 1, __ATOMIC_RELAXED);
    *bytes = mem_zalloc(PAGE);
    memset(*bytes, (int)key.page & 0xff, PAGE);
    *n = PAGE;
    return 0;
}

static const struct cache_page *pin(struct cache *c, uint32_t page, size_t *loads)
{
    const struct cache_page *p;

    assert_ok(cache_pin(c, (struct cache_key){1, 0, page}, load_page, loads, &p, &err), err);
    return p;
}

static void a_page_is_loaded_once_while_it_is_kept(void **state)
{
    struct cache *c = cache_new(1 << 20);
    const struct cache_page *p, *q;
    size_t loads = 0;

    (void)state;
    p = pin(c, 7, &loads);
    q = pin(c, 7, &loads);
    assert_ptr_equal(p, q);
    assert_int_equal(p->bytes[PAGE - 1], 7);
    assert_int_equal(loads, 1);
    cache_unpin(c, p);
    cache_unpin(c, q);
    cache_unpin(c, NULL);
    assert_int_equal(cache_stats(c).hits, 1);
    cache_forget(c, 1);
    assert_int_equal(cache_stats(c).bytes, 0);
    cache_unpin(c, pin(c, 7, &loads));
    assert_int_equal(loads, 2);
    cache_free(c);
}

static void the_bound_holds_and_pinned_pages_stay(void **state)
{
    struct cache *c = cache_new(64 * PAGE);
    const struct cache_page *kept;
    size_t loads = 0;

    (void)state;
    kept = pin(c, 5, &loads);
    for (uint32_t i = 100; i < 2100; i++)
        cache_unpin(c, pin(c, i, &loads));
    assert_true(cache_stats(c).bytes <= 64 * PAGE);
    assert_true(cache_stats(c).evictions > 1900);
    assert_int_equal(kept->bytes[0], 5);
    loads = 0;
    cache_unpin(c, pin(c, 5, &loads));
    assert_int_equal(loads, 0);
    cache_unpin(c, kept);
    cache_free(c);
}

static void a_failed_load_leaves_nothing_behind(void **state)
{
    struct cache *c = cache_new(1 << 20);
    const struct cache_page *p = NULL;
    size_t loads = 0;

    (void)state;
    assert_fails(cache_pin(c, (struct cache_key){1, 0, UINT32_MAX}, load_page, &loads, &p, &err),
                 err, ERR_CORRUPT, "no such page");
    assert_null(p);
    assert_int_equal(cache_stats(c).bytes, 0);
    assert_true(cache_file(c) != cache_file(c));
    cache_free(c);
    cache_free(NULL);
}

static void *hammer(void *arg)
{
    size_t loads = 0;

    for (uint32_t i = 0; i < 20000; i++)
        cache_unpin(arg, pin(arg, i * 7919u % 200, &loads));
    return NULL;
}

static void threads_share_it(void **state)
{
    struct cache *c = cache_new(100 * PAGE);
    pthread_t threads[3];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, c), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        (void)pthread_join(threads[i], NULL);
    assert_true(cache_stats(c).bytes <= 100 * PAGE);
    cache_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_is_loaded_once_while_it_is_kept),
        cmocka_unit_test(the_bound_holds_and_pinned_pages_stay),
        cmocka_unit_test(a_failed_load_leaves_nothing_behind),
        cmocka_unit_test(threads_share_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
