#include "base/test.h"

#include <stdio.h>

#include "collect/cost.h"

static const struct cost one = {
    .cycles = 1, .cpu_ns = 1000, .wall_ns = 5000, .bytes = 70, .samples = 7};

static void the_targets_of_a_job_are_summed(void **state)
{
    struct costs cs = {.n = 0};
    struct cost_sum *sum = costs_join(&cs, "node", "scrape");
    struct cost a = {.cycles = 0}, b = {.cycles = 0};

    (void)state;
    assert_ptr_equal(costs_join(&cs, "node", "scrape"), sum);
    assert_ptr_not_equal(costs_join(&cs, "node", "json"), sum);
    cost_add(&a, sum, &one);
    cost_add(&a, sum, &one);
    cost_add(&b, sum, &one);
    assert_int_equal(a.cycles, 2);
    assert_int_equal(a.cpu_ns, 2000);
    assert_int_equal(a.samples, 7); /* the last cycle's */
    assert_int_equal(sum->cost.cpu_ns, 3000);
    assert_int_equal(sum->cost.wall_ns, 15000);
    assert_int_equal(sum->cost.bytes, 210);
    assert_int_equal(sum->cost.samples, 14);
    costs_leave(&cs, sum, a.samples);
    assert_int_equal(sum->cost.samples, 7);
    assert_int_equal(sum->cost.cpu_ns, 3000); /* a counter does not go back */
    costs_fini(&cs);
}

static void a_sum_goes_with_the_last_of_its_targets(void **state)
{
    struct costs cs = {.n = 0};
    struct cost_sum *first = costs_join(&cs, "a", "scrape"), *last = costs_join(&cs, "b", "scrape");

    (void)state;
    costs_leave(&cs, first, 0);
    assert_int_equal(cs.n, 1);
    assert_ptr_equal(cs.sums[0], last);
    costs_leave(&cs, last, 0);
    assert_int_equal(cs.n, 0);
    costs_fini(&cs);
}

static void a_thousand_jobs_are_no_thousand_sums(void **state)
{
    struct costs cs = {.n = 0};
    struct cost_sum *sum = NULL;

    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        char job[20];

        (void)snprintf(job, sizeof job, "job%u", i);
        sum = costs_join(&cs, job, "scrape");
    }
    assert_int_equal(cs.n, COSTS_MAX + 1);
    assert_string_equal(sum->job, COSTS_REST);
    assert_int_equal(sum->targets, 1000 - COSTS_MAX);
    costs_fini(&cs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_targets_of_a_job_are_summed),
        cmocka_unit_test(a_sum_goes_with_the_last_of_its_targets),
        cmocka_unit_test(a_thousand_jobs_are_no_thousand_sums),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
