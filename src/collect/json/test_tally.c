#include "base/test.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "collect/json/tally.h"
#include "model/labels.h"

static const struct labels *with_model(struct arena *a, const char *model)
{
    struct label pair = {STR("model"), str_c(model)};
    const struct labels *ls = NULL;
    struct err err = {0};

    assert_ok(labels_build(a, &pair, 1, &ls, &err), err);
    return ls;
}

static double value_of(const struct tally *t, const char *model)
{
    for (size_t i = 0; i < t->groups_n; i++)
        if (str_eq(labels_get(t->groups[i].labels, STR("model")), str_c(model)))
            return t->groups[i].value;
    return -1;
}

/* One answer with these ids, each a letter, of one model. */
static void answer(struct tally *t, struct arena *a, ts_ms now, const char *ids)
{
    tally_begin(t, now);
    for (; *ids; ids++)
        assert_true(tally_add(t, with_model(a, "m"), (struct str){ids, 1}));
    tally_end(t);
}

static void what_was_counted_once_is_counted_as_none_later(void **state)
{
    SCOPED(arena_fini) struct arena a;
    SCOPED(tally_fini) struct tally t;

    (void)state;
    arena_init(&a, NULL);
    tally_init(&t, TALLY_COUNT);
    tally_begin(&t, 0);
    assert_true(tally_add(&t, with_model(&a, "m"), STR("")));
    assert_true(tally_add(&t, with_model(&a, "m"), STR("")));
    assert_true(tally_add(&t, with_model(&a, "n"), STR("")));
    tally_end(&t);
    assert_true(value_of(&t, "m") == 2 && value_of(&t, "n") == 1);
    tally_begin(&t, 0);
    assert_true(tally_add(&t, with_model(&a, "n"), STR("")));
    tally_end(&t);
    assert_true(value_of(&t, "m") == 0 && value_of(&t, "n") == 1);
}

static void the_oldest_id_gives_the_age(void **state)
{
    SCOPED(arena_fini) struct arena a;
    SCOPED(tally_fini) struct tally t;

    (void)state;
    arena_init(&a, NULL);
    tally_init(&t, TALLY_FIRST_SEEN);
    answer(&t, &a, 1000, "a");
    assert_true(value_of(&t, "m") == 0);
    answer(&t, &a, 6000, "ab");
    assert_true(value_of(&t, "m") == 5);
    answer(&t, &a, 9000, "b");
    assert_true(value_of(&t, "m") == 3);
    answer(&t, &a, 10000, "");
    assert_true(value_of(&t, "m") == 0);
    answer(&t, &a, 20000, "b"); /* it was gone */
    assert_true(value_of(&t, "m") == 0);
}

static void an_id_is_counted_once_and_those_of_the_first_answer_not_at_all(void **state)
{
    SCOPED(arena_fini) struct arena a;
    SCOPED(tally_fini) struct tally t;

    (void)state;
    arena_init(&a, NULL);
    tally_init(&t, TALLY_ONCE);
    answer(&t, &a, 0, "ab");
    assert_true(value_of(&t, "m") == 0);
    answer(&t, &a, 0, "abc");
    answer(&t, &a, 0, "abc");
    assert_true(value_of(&t, "m") == 1);
    answer(&t, &a, 0, "");
    answer(&t, &a, 0, "cd");
    assert_true(value_of(&t, "m") == 2);
}

static void labels_and_ids_are_bounded(void **state)
{
    SCOPED(arena_fini) struct arena a;
    SCOPED(tally_fini) struct tally t;
    const struct labels *m;
    char text[32];

    (void)state;
    arena_init(&a, NULL);
    tally_init(&t, TALLY_ONCE);
    m = with_model(&a, "m");
    tally_begin(&t, 0);
    for (unsigned i = 0; i < TALLY_IDS_MAX + 7; i++) {
        (void)snprintf(text, sizeof text, "%u", i);
        assert_int_equal(tally_add(&t, m, str_c(text)), i < TALLY_IDS_MAX);
    }
    tally_end(&t);
    tally_begin(&t, 0);
    assert_true(tally_add(&t, m, STR("another"))); /* those that are gone make room */
    tally_end(&t);
    assert_true(value_of(&t, "m") == 1);
    assert_int_equal(t.ids.n, 1);
    for (unsigned i = 0; i < TALLY_GROUPS_MAX + 7; i++) {
        (void)snprintf(text, sizeof text, "%u", i);
        assert_int_equal(tally_note(&t, with_model(&a, text)), i < TALLY_GROUPS_MAX - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_counted_once_is_counted_as_none_later),
        cmocka_unit_test(the_oldest_id_gives_the_age),
        cmocka_unit_test(an_id_is_counted_once_and_those_of_the_first_answer_not_at_all),
        cmocka_unit_test(labels_and_ids_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
