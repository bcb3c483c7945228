#include "base/test.h"

#include <stdio.h>

#include "collect/push/rate.h"

#define SECOND INT64_C(1000000000)

static void an_address_has_a_burst_and_then_so_many_a_second(void **state)
{
    struct rate r;

    (void)state;
    rate_init(&r, 20, 100);
    for (int i = 0; i < 100; i++)
        assert_true(rate_take(&r, STR("10.0.0.1"), SECOND));
    assert_false(rate_take(&r, STR("10.0.0.1"), SECOND));
    assert_true(rate_take(&r, STR("10.0.0.2"), SECOND)); /* another is not touched */
    for (int i = 0; i < 20; i++)
        assert_true(rate_take(&r, STR("10.0.0.1"), 2 * SECOND));
    assert_false(rate_take(&r, STR("10.0.0.1"), 2 * SECOND));
    for (int i = 0; i < 100; i++) /* never more than the burst */
        assert_true(rate_take(&r, STR("10.0.0.1"), 3600 * SECOND));
    assert_false(rate_take(&r, STR("10.0.0.1"), 3600 * SECOND));
    rate_fini(&r);
}

static void many_addresses_neither_grow_it_nor_shut_others_out(void **state)
{
    struct rate r;
    char address[32];

    (void)state;
    rate_init(&r, 20, 100);
    for (int i = 0; i < RATE_ADDRESSES_MAX + 1000; i++) {
        (void)snprintf(address, sizeof address, "%d", i);
        assert_true(rate_take(&r, str_c(address), SECOND));
    }
    assert_int_equal(r.buckets.n, RATE_ADDRESSES_MAX);
    assert_true(rate_take(&r, STR("late"), 2 * SECOND)); /* all are full again: forgotten */
    assert_int_equal(r.buckets.n, 1);
    rate_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_has_a_burst_and_then_so_many_a_second),
        cmocka_unit_test(many_addresses_neither_grow_it_nor_shut_others_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
