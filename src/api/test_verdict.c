#include "api/verdict.h"
#include "base/test.h"

static void assert_sentence(const struct verdict *v, const char *wanted)
{
    struct buf b;

    buf_init(&b, 0);
    verdict_sentence(v, &b);
    assert_string_equal(b.p, wanted);
    buf_fini(&b);
}

static void nothing_to_tell_is_said_too(void **state)
{
    struct verdict *v = test_calloc(1, sizeof *v);

    (void)state;
    assert_sentence(v, "Everything is fine.");
    assert_string_equal(verdict_word(verdict_level(v)), "ok");
    test_free(v);
}

static void causes_are_counted_and_urgent_ones_come_first(void **state)
{
    struct verdict *v = test_calloc(1, sizeof *v);

    (void)state;
    verdict_add(v, VERDICT_WARNING, "Disk %s is full in about 9 d", "/srv");
    assert_sentence(v, "One thing needs a look. Disk /srv is full in about 9 d.");
    assert_int_equal(verdict_level(v), VERDICT_WARNING);
    verdict_add(v, VERDICT_WARNING, "nas: it does not answer (no route).");
    verdict_add(v, VERDICT_CRITICAL, "Memory is short");
    assert_sentence(v, "Three things need a look, one is urgent. Memory is short. Disk /srv is "
                       "full in about 9 d. nas: it does not answer (no route).");
    assert_int_equal(verdict_level(v), VERDICT_CRITICAL);
    verdict_add(v, VERDICT_CRITICAL, "x");
    assert_sentence(v, "Four things need a look, two are urgent. Memory is short. x. Disk /srv is "
                       "full in about 9 d. And one more.");
    test_free(v);
}

static void all_urgent_is_said_plainly(void **state)
{
    struct verdict *v = test_calloc(1, sizeof *v);

    (void)state;
    verdict_add(v, VERDICT_CRITICAL, "a");
    assert_sentence(v, "One thing needs a look, it is urgent. a.");
    verdict_add(v, VERDICT_CRITICAL, "b");
    assert_sentence(v, "Two things need a look, both are urgent. a. b.");
    for (int i = 2; i < 150; i++)
        verdict_add(v, VERDICT_CRITICAL, "c");
    assert_sentence(v, "150 things need a look, all are urgent. a. b. c. And 147 more.");
    test_free(v);
}

static void numbers_have_three_digits_and_a_unit(void **state)
{
    char out[VERDICT_NUMBER_MAX];

    (void)state;
    assert_string_equal(verdict_bytes(18.04e9, out), "18 GB");
    assert_string_equal(verdict_bytes(1.234e9, out), "1.23 GB");
    assert_string_equal(verdict_bytes(999.6e6, out), "1 GB");
    assert_string_equal(verdict_bytes(0, out), "0 B");
    assert_string_equal(verdict_memory(1.2 * (1 << 30), out), "1.2 GB");
    assert_string_equal(verdict_memory(32.0 * (1 << 30), out), "32 GB");
    assert_string_equal(verdict_memory(300.0 * (1 << 20), out), "300 MB");
    assert_string_equal(verdict_duration(9960, out), "2 h 46 min");
    assert_string_equal(verdict_duration(777600, out), "9 d");
    assert_string_equal(verdict_duration(50 * 3600, out), "2 d 2 h");
    assert_string_equal(verdict_duration(12.9 * 86400, out), "12 d");
    assert_string_equal(verdict_duration(0, out), "0 s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_to_tell_is_said_too),
        cmocka_unit_test(causes_are_counted_and_urgent_ones_come_first),
        cmocka_unit_test(all_urgent_is_said_plainly),
        cmocka_unit_test(numbers_have_three_digits_and_a_unit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
