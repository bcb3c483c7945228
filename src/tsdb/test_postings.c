#include "tsdb/postings.h"

#include "base/rng.h"
#include "base/test.h"

#define MAX 3000u

static size_t random_list(struct rng *rng, uint32_t *list, uint32_t end)
{
    uint64_t rarity = 1 + rng_below(rng, 40);
    size_t n = 0;

    for (uint32_t i = 0; i < end; i++)
        if (rng_below(rng, rarity) == 0)
            list[n++] = i;
    return n;
}

static void lists_come_back_and_intersections_are_right(void **state)
{
    struct rng rng;

    (void)state;
    rng_seed(&rng, 4);
    for (int round = 0; round < 600; round++) {
        SCOPED(buf_fini) struct buf out = {0};
        uint32_t end = 1 + (uint32_t)rng_below(&rng, MAX);
        uint32_t list[MAX], other[MAX], got[MAX];
        size_t n = random_list(&rng, list, end), m, kept = 0;
        struct postings p;

        if (!n)
            continue;
        postings_encode(list, n, &out);
        assert_int_equal(postings_open(buf_str(&out), end, &p), 0);
        assert_int_equal(p.n, n);
        assert_int_equal(postings_unpack(&p, got), 0);
        assert_memory_equal(got, list, n * sizeof *list);
        m = random_list(&rng, other, end);
        memcpy(got, other, m * sizeof *other);
        assert_int_equal(postings_keep_common(&p, got, &m), 0);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < m; j++)
                kept += list[i] == got[j];
        assert_int_equal(kept, m);
        for (size_t i = 1; i < m; i++)
            assert_true(got[i] > got[i - 1]);
    }
}

static void neighbours_cost_no_bytes(void **state)
{
    SCOPED(buf_fini) struct buf out = {0};
    uint32_t list[MAX];

    (void)state;
    for (uint32_t i = 0; i < MAX; i++)
        list[i] = 100000 + i;
    postings_encode(list, MAX, &out);
    assert_true(out.n <= 6);
}

static void an_index_past_the_end_is_refused(void **state)
{
    SCOPED(buf_fini) struct buf out = {0};
    uint32_t list[200], got[200];
    struct postings p;
    bool refused;

    (void)state;
    for (uint32_t i = 0; i < 200; i++)
        list[i] = i * 3;
    postings_encode(list, 200, &out);
    refused = postings_open(buf_str(&out), 300, &p) < 0 || postings_unpack(&p, got) < 0;
    assert_true(refused);
    assert_int_equal(postings_open((struct str){out.p, 5}, 1000, &p), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_come_back_and_intersections_are_right),
        cmocka_unit_test(neighbours_cost_no_bytes),
        cmocka_unit_test(an_index_past_the_end_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
