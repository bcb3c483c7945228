#include "base/test.h"

#include "base/arena.h"
#include "base/err.h"
#include "collect/target_labels.h"
#include "model/emit.h"

/* "a=1,b=" into pairs. */
static size_t pairs_of(const char *text, struct label pairs[8])
{
    struct str left = str_c(text);
    size_t n = 0;

    while (left.p && left.n) {
        struct str value = str_split(&left, ',');

        pairs[n].name = str_split(&value, '=');
        pairs[n++].value = value;
    }
    return n;
}

static void assert_merged(bool honor, const char *target, const char *sample, const char *expected)
{
    SCOPED(arena_fini) struct arena arena;
    SCOPED(buf_fini) struct buf text = {0};
    struct label target_pairs[8], sample_pairs[8];
    struct emit_sample s = {.name = STR("m"), .labels = sample_pairs};
    const struct labels *target_labels, *merged;
    struct err err;

    arena_init(&arena, NULL);
    assert_ok(
        labels_build(&arena, target_pairs, pairs_of(target, target_pairs), &target_labels, &err),
        err);
    s.labels_n = pairs_of(sample, sample_pairs);
    assert_ok(target_labels_build(&arena, target_labels, honor, &s, &merged, &err), err);
    labels_print(merged, &text);
    assert_string_equal(text.p, expected);
}

static void the_targets_labels_are_added(void **state)
{
    (void)state;
    assert_merged(false, "job=j,instance=i", "a=1", "m{a=\"1\", instance=\"i\", job=\"j\"}");
    assert_merged(true, "job=j,instance=i", "a=1", "m{a=\"1\", instance=\"i\", job=\"j\"}");
    assert_merged(false, "", "a=1", "m{a=\"1\"}");
    assert_merged(false, "job=j", "", "m{job=\"j\"}");
}

static void a_hidden_label_is_exported(void **state)
{
    (void)state;
    assert_merged(false, "job=j", "job=x", "m{exported_job=\"x\", job=\"j\"}");
    assert_merged(false, "job=j", "job=x,exported_job=y",
                  "m{exported_exported_job=\"x\", exported_job=\"y\", job=\"j\"}");
    assert_merged(false, "job=j", "job=x,exported_job=", "m{exported_job=\"x\", job=\"j\"}");
    assert_merged(false, "job=j", "job=", "m{job=\"j\"}");
}

static void hidden_labels_with_short_names_come_first(void **state)
{
    (void)state;
    /* Both want exported_a...: foo first, as Prometheus does it. */
    assert_merged(false, "foo=t1,exported_foo=t2", "exported_foo=x,foo=y",
                  "m{exported_exported_exported_foo=\"x\", exported_exported_foo=\"y\", "
                  "exported_foo=\"t2\", foo=\"t1\"}");
}

static void honored_labels_stay_and_empty_ones_take_away(void **state)
{
    (void)state;
    assert_merged(true, "job=j,instance=i", "job=x", "m{instance=\"i\", job=\"x\"}");
    assert_merged(true, "job=j,instance=i", "job=", "m{instance=\"i\"}");
}

static void a_label_given_twice_is_refused(void **state)
{
    struct label pairs[] = {{STR("a"), STR("1")}, {STR("a"), STR("2")}};
    struct emit_sample s = {.name = STR("m"), .labels = pairs, .labels_n = 2};
    SCOPED(arena_fini) struct arena arena;
    const struct labels *merged;
    struct err err;

    (void)state;
    arena_init(&arena, NULL);
    assert_fails(target_labels_build(&arena, &labels_empty, false, &s, &merged, &err), err,
                 ERR_SYNTAX, "given twice");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_targets_labels_are_added),
        cmocka_unit_test(a_hidden_label_is_exported),
        cmocka_unit_test(hidden_labels_with_short_names_come_first),
        cmocka_unit_test(honored_labels_stay_and_empty_ones_take_away),
        cmocka_unit_test(a_label_given_twice_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
