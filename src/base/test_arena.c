#include "base/arena.h"

#include "base/err.h"
#include "base/test.h"

static void allocations_are_aligned_and_do_not_overlap(void **state)
{
    struct arena a;
    char *before = NULL;

    (void)state;
    arena_init(&a, NULL);
    for (size_t i = 1; i < 2000; i++) {
        char *p = arena_alloc(&a, i, NULL);

        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        memset(p, (int)(i & 0xff), i);
        if (before)
            assert_int_equal((unsigned char)before[0], (i - 1) & 0xff);
        before = p;
    }
    arena_fini(&a);
}

static void nothing_asked_of_a_fresh_arena_is_no_failure(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, NULL);
    assert_non_null(arena_alloc(&a, 0, NULL));
    assert_non_null(arena_zalloc_array(&a, 0, 8, NULL));
    arena_fini(&a);
}

static void a_used_up_budget_fails_and_is_given_back(void **state)
{
    struct budget process, query;
    struct arena a;
    struct err err;

    (void)state;
    budget_init(&process, "all memory", 1u << 20, NULL);
    budget_init(&query, "query memory", 4u << 20, &process);
    arena_init(&a, &query);
    assert_null(arena_alloc(&a, 2u << 20, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
    assert_non_null(strstr(err.text, "all memory"));
    assert_int_equal(query.used_bytes, 0);
    assert_non_null(arena_alloc(&a, 512u << 10, &err));
    assert_true(process.used_bytes >= 512u << 10);
    arena_fini(&a);
    assert_int_equal(process.used_bytes, 0);
    assert_int_equal(query.used_bytes, 0);
}

static void a_cancelled_budget_gives_nothing_more(void **state)
{
    struct budget b;
    atomic_bool cancel = false;
    struct arena a;
    struct err err;

    (void)state;
    budget_init(&b, "query memory", 1u << 20, NULL);
    atomic_store(&b.cancel, &cancel);
    arena_init(&a, &b);
    assert_non_null(arena_alloc(&a, 100000, &err));
    cancel = true;
    assert_null(arena_alloc(&a, 100000, &err));
    assert_int_equal(err.kind, ERR_CANCELLED);
    arena_fini(&a);
    assert_int_equal(b.used_bytes, 0);
}

static void a_shared_budget_keeps_its_last_quarter_for_small_ones(void **state)
{
    struct budget process, all, large, larger, small;
    struct err err;

    (void)state;
    budget_init(&process, "all memory", 64u << 20, NULL);
    budget_init_shared(&all, "all queries together", 32u << 20, &process);
    budget_init(&large, "query memory", 32u << 20, &all);
    budget_init(&larger, "query memory", 8u << 20, &all);
    budget_init(&small, "query memory", 32u << 20, &all);
    assert_ok(budget_charge(&large, 20u << 20, &err), err);
    assert_ok(budget_charge(&larger, 4u << 20, &err), err);
    assert_int_equal(budget_charge(&large, 1, &err), -1);
    assert_int_equal(err.kind, ERR_BUSY);
    assert_non_null(strstr(err.text, "all queries together: more than 32 MiB"));
    /* Its own bound is another matter: waiting does not help. */
    assert_int_equal(budget_charge(&larger, 8u << 20, &err), -1);
    assert_int_equal(err.kind, ERR_LIMIT);
    assert_ok(budget_charge(&small, 1u << 20, &err), err);
    assert_int_equal(budget_charge(&small, 1u << 20, &err), -1); /* that would be a large one */
    budget_return(&larger, 4u << 20);
    assert_ok(budget_charge(&small, 1u << 20, &err), err);
    assert_int_equal(process.used_bytes, 22u << 20);
    budget_return(&large, 20u << 20);
    budget_return(&small, 2u << 20);
    assert_int_equal(all.used_bytes, 0);
    assert_int_equal(process.used_bytes, 0);
}

static void sizes_that_overflow_are_refused(void **state)
{
    struct arena a;
    struct err err;

    (void)state;
    arena_init(&a, NULL);
    assert_null(arena_alloc(&a, SIZE_MAX, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
    assert_null(arena_zalloc_array(&a, SIZE_MAX / 2, 3, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
    arena_fini(&a);
}

static void an_allocation_of_nothing_is_a_pointer_too(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, NULL);
    assert_non_null(arena_alloc(&a, 0, NULL));
    assert_non_null(arena_zalloc_array(&a, 0, 24, NULL));
    arena_fini(&a);
}

static void growing_keeps_what_was_there(void **state)
{
    struct arena a;
    uint32_t *items = NULL;
    size_t cap = 0;

    (void)state;
    arena_init(&a, NULL);
    for (uint32_t i = 0; i < 10000; i++) {
        void *moved = items;

        assert_int_equal(arena_grow(&a, &moved, &cap, i + 1, sizeof *items, NULL), 0);
        items = moved;
        items[i] = i;
    }
    for (uint32_t i = 0; i < 10000; i++)
        assert_int_equal(items[i], i);
    arena_fini(&a);
}

static void a_joined_arena_keeps_its_memory_and_its_charge(void **state)
{
    struct budget b;
    struct arena into, from;
    char *p;

    (void)state;
    budget_init(&b, "query memory", 1u << 20, NULL);
    arena_init(&into, &b);
    arena_init(&from, &b);
    assert_non_null(arena_alloc(&into, 100, NULL));
    p = arena_alloc(&from, 100, NULL);
    memset(p, 'x', 100);
    assert_non_null(arena_alloc(&from, 9000, NULL));
    arena_join(&into, &from);
    arena_fini(&from);
    assert_int_equal(p[99], 'x');
    assert_non_null(arena_alloc(&into, 100, NULL));
    assert_true(b.used_bytes > 9000);
    arena_fini(&into);
    assert_int_equal(b.used_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations_are_aligned_and_do_not_overlap),
        cmocka_unit_test(nothing_asked_of_a_fresh_arena_is_no_failure),
        cmocka_unit_test(a_used_up_budget_fails_and_is_given_back),
        cmocka_unit_test(a_cancelled_budget_gives_nothing_more),
        cmocka_unit_test(a_shared_budget_keeps_its_last_quarter_for_small_ones),
        cmocka_unit_test(sizes_that_overflow_are_refused),
        cmocka_unit_test(an_allocation_of_nothing_is_a_pointer_too),
        cmocka_unit_test(growing_keeps_what_was_there),
        cmocka_unit_test(a_joined_arena_keeps_its_memory_and_its_charge),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
