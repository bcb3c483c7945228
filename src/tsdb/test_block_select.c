#include <stdio.h>

#include "base/err.h"
#include "base/test.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "sys/fs_fault.h"
#include "tsdb/block_fixture.h"
#include "tsdb/cache.h"

static struct err err;

/* What a matcher can be asked, over the labels of the fixture and others. */
static void random_matcher(struct block_fixture *f, struct matcher *m)
{
    static const char *const names[] = {"__name__", "instance", "cpu",    "id",
                                        "label_0",  "label_5",  "missing"};
    static const char *const values[] = {
        "",
        "host-1",
        "host-.*",
        "host-(0|2)",
        ".*",
        ".+",
        "3",
        "[0-4]",
        "metric_1_total",
        "metric_.*_total",
        "metric_(1|2|3)_total",
        "unique-.*",
        "x",
        "x|y",
        "unique-11|unique-22|3",
        "|x",
        "metric_1.*",
    };
    enum match_op op = (enum match_op)rng_below(&f->rng, 4);

    assert_ok(matcher_init(m, &f->arena, op, str_c(names[rng_below(&f->rng, ARRAY_LEN(names))]),
                           str_c(values[rng_below(&f->rng, ARRAY_LEN(values))]), &err),
              err);
}

static void check(struct block_fixture *f, const struct matcher *matchers, size_t n)
{
    uint32_t *got;
    size_t got_n, at = 0;

    assert_ok(block_select(f->block, &f->arena, matchers, n, &got, &got_n, &err), err);
    for (uint32_t i = 0; i < f->series_n; i++) {
        if (!matchers_match(matchers, n, f->series[i].labels))
            continue;
        assert_true(at < got_n);
        assert_int_equal(got[at], i);
        at++;
    }
    assert_int_equal(at, got_n);
}

static void selection_equals_looking_at_every_series(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct block_fixture f;

        block_fixture_init(&f, seed, seed * seed * 150, 2, 5);
        block_fixture_write(&f, 1, false);
        for (int round = 0; round < 400; round++) {
            struct matcher matchers[3];
            size_t n = 1 + (size_t)rng_below(&f.rng, 3);

            for (size_t i = 0; i < n; i++)
                random_matcher(&f, &matchers[i]);
            check(&f, matchers, n);
            for (size_t i = 0; i < n; i++)
                matcher_fini(&matchers[i]);
        }
        block_fixture_fini(&f);
    }
}

/* The lists become unreadable: labels are looked at instead, and the answer is the same. */
static void without_posting_lists_labels_decide(void **state)
{
    struct block_fixture f;
    unsigned char *bytes;
    size_t n;

    (void)state;
    block_fixture_init(&f, 7, 700, 2, 5);
    block_fixture_write(&f, 1, false);
    bytes = fs_fault_bytes(f.fs, f.name, &n);
    bytes[block_fixture_post_offset(bytes, n)] ^= 1;
    for (int round = 0; round < 100; round++) {
        struct matcher m[2];

        random_matcher(&f, &m[0]);
        random_matcher(&f, &m[1]);
        check(&f, m, 2);
        matcher_fini(&m[0]);
        matcher_fini(&m[1]);
    }
    assert_true(block_bad_pages(f.block) >= 1);
    block_fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(selection_equals_looking_at_every_series),
        cmocka_unit_test(without_posting_lists_labels_decide),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
