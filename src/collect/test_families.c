#include "base/test.h"

#include <stdio.h>

#include "collect/families.h"
#include "model/metadata.h"

static struct metadata family(const char *name, enum metric_type type, const char *help)
{
    return (struct metadata){.family = str_c(name), .type = type, .help = str_c(help)};
}

static void a_family_is_told_once_and_again_when_it_changes(void **state)
{
    struct metadata a = family("a", METRIC_GAUGE, "x"), b = family("b", METRIC_GAUGE, "x");
    struct metadata a2 = family("a", METRIC_GAUGE, "y"), a3 = family("a", METRIC_COUNTER, "y");
    struct families f;

    (void)state;
    families_init(&f);
    assert_true(families_note(&f, &a));
    assert_true(families_note(&f, &b));
    assert_false(families_note(&f, &a));
    assert_true(families_note(&f, &a2));
    assert_true(families_note(&f, &a3));
    assert_false(families_note(&f, &a3));
    assert_int_equal(f.n, 2);
    families_forget(&f);
    assert_true(families_note(&f, &a3));
    families_fini(&f);
}

static void what_changes_or_is_forgotten_is_seen(void **state)
{
    struct metadata m = {.family = STR("a"), .help = STR("x"), .unit = STR("")};
    struct families f;

    (void)state;
    families_init(&f);
    assert_true(families_note(&f, &m));
    assert_false(families_note(&f, &m));
    assert_false(f.changed);
    m.help = STR("y");
    assert_true(families_note(&f, &m));
    assert_true(f.changed);
    f.changed = false;
    families_forget(&f);
    assert_true(f.changed);
    families_fini(&f);
}

static void another_type_is_seen_and_an_unknown_one_is_none(void **state)
{
    static const struct {
        enum metric_type says, before, after;
    } steps[] = {
        {METRIC_UNKNOWN, METRIC_UNKNOWN, METRIC_UNKNOWN},
        {METRIC_COUNTER, METRIC_UNKNOWN, METRIC_UNKNOWN},
        {METRIC_GAUGE, METRIC_COUNTER, METRIC_GAUGE},
        {METRIC_UNKNOWN, METRIC_UNKNOWN, METRIC_UNKNOWN},
        {METRIC_GAUGE, METRIC_UNKNOWN, METRIC_UNKNOWN},
        {METRIC_UNKNOWN, METRIC_UNKNOWN, METRIC_UNKNOWN},
        {METRIC_STATESET, METRIC_GAUGE, METRIC_STATESET},
    };
    struct metadata other = family("b", METRIC_SUMMARY, "");
    struct families f;

    (void)state;
    families_init(&f);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct metadata m = family("a", steps[i].says, "");

        assert_true(families_note(&f, &m));
        assert_int_equal(f.type_before, steps[i].before);
        assert_int_equal(f.type_after, steps[i].after);
    }
    assert_true(families_note(&f, &other));
    assert_int_equal(f.type_before, METRIC_UNKNOWN);
    families_fini(&f);
}

static void a_flood_of_families_stays_within_the_bound(void **state)
{
    struct families f;
    char name[32];

    (void)state;
    families_init(&f);
    for (unsigned i = 0; i < FAMILIES_MAX + 100; i++) {
        struct metadata m;

        (void)snprintf(name, sizeof name, "m%u", i);
        m = family(name, METRIC_GAUGE, "");
        assert_true(families_note(&f, &m));
        assert_true(f.n <= FAMILIES_MAX);
    }
    families_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_family_is_told_once_and_again_when_it_changes),
        cmocka_unit_test(what_changes_or_is_forgotten_is_seen),
        cmocka_unit_test(another_type_is_seen_and_an_unknown_one_is_none),
        cmocka_unit_test(a_flood_of_families_stays_within_the_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
