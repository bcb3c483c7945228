#include "tsdb/retention.h"

#include "base/attr.h"
#include "base/test.h"

#define DAY  INT64_C(86400000)
#define HOUR INT64_C(3600000)
#define NOW  (INT64_C(1700000000000))

static const struct retention_block blocks[] = {
    {NOW - 5 * DAY, 100},
    {NOW - 9 * DAY, 100},
    {NOW - DAY, 100},
};

static int choose(struct retention *r, struct manual_clock *c, ts_ms newest)
{
    return retention_choose(r, &c->clock, blocks, ARRAY_LEN(blocks), newest, 50);
}

static void the_oldest_block_past_the_limit_goes_and_no_other(void **state)
{
    struct retention r = {.limit_ms = 8 * DAY};
    struct manual_clock c;

    (void)state;
    manual_clock_init(&c, NOW);
    assert_int_equal(choose(&r, &c, NOW), 1);
    r = (struct retention){.limit_ms = 10 * DAY};
    assert_int_equal(choose(&r, &c, NOW), RETENTION_NONE);
    r = (struct retention){.limit_ms = INT64_MAX};
    assert_int_equal(choose(&r, &c, NOW), RETENTION_NONE);
    r = (struct retention){0};
    assert_int_equal(choose(&r, &c, NOW), RETENTION_NONE);
    assert_int_equal(retention_choose(&r, &c.clock, NULL, 0, NOW, 0), RETENTION_NONE);
}

static void over_the_size_the_oldest_block_goes(void **state)
{
    struct retention r = {.limit_bytes = 349};
    struct manual_clock c;

    (void)state;
    manual_clock_init(&c, NOW);
    assert_int_equal(choose(&r, &c, NOW), 1);
    r = (struct retention){.limit_bytes = 350};
    assert_int_equal(choose(&r, &c, NOW), RETENTION_NONE);
}

static void at_most_one_block_a_minute_goes(void **state)
{
    struct retention r = {.limit_ms = DAY / 2};
    struct manual_clock c;

    (void)state;
    manual_clock_init(&c, NOW);
    assert_int_equal(choose(&r, &c, NOW), 1);
    manual_clock_advance(&c, 59999);
    assert_int_equal(choose(&r, &c, NOW), RETENTION_NONE);
    manual_clock_advance(&c, 1);
    assert_int_equal(choose(&r, &c, NOW), 1);
}

static void a_clock_that_runs_ahead_deletes_nothing(void **state)
{
    struct retention r = {.limit_ms = 20 * DAY};
    struct manual_clock c;

    (void)state;
    manual_clock_init(&c, NOW + 3650 * DAY); /* wrong from the start: no jump to see */
    assert_int_equal(choose(&r, &c, NOW), RETENTION_NONE);
}

static void for_an_hour_after_a_jump_nothing_goes(void **state)
{
    static const int64_t jumps[] = {HOUR, -HOUR, DAY, 3650 * DAY, -3650 * DAY, 10001};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(jumps); i++) {
        struct retention r = {.limit_bytes = 1};
        struct manual_clock c;

        manual_clock_init(&c, NOW);
        assert_int_equal(retention_choose(&r, &c.clock, blocks, 0, NOW, 0), RETENTION_NONE);
        manual_clock_advance(&c, 20000);
        c.wall_ms += jumps[i];
        assert_int_equal(choose(&r, &c, NOW), RETENTION_NONE);
        manual_clock_advance(&c, HOUR - 1);
        assert_int_equal(choose(&r, &c, NOW), RETENTION_NONE);
        manual_clock_advance(&c, 1);
        assert_int_equal(choose(&r, &c, NOW), 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_block_past_the_limit_goes_and_no_other),
        cmocka_unit_test(over_the_size_the_oldest_block_goes),
        cmocka_unit_test(at_most_one_block_a_minute_goes),
        cmocka_unit_test(a_clock_that_runs_ahead_deletes_nothing),
        cmocka_unit_test(for_an_hour_after_a_jump_nothing_goes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
