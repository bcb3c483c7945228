#include "model/labels.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/test.h"

static const struct labels *build(struct arena *a, const char *const pairs[][2], size_t n)
{
    struct label labels[8];
    const struct labels *out = NULL;
    struct err err;

    for (size_t i = 0; i < n; i++)
        labels[i] = (struct label){str_c(pairs[i][0]), str_c(pairs[i][1])};
    assert_ok(labels_build(a, labels, n, &out, &err), err);
    return out;
}

static void order_given_does_not_matter(void **state)
{
    const char *const one[][2] = {{"job", "a"}, {"__name__", "up"}, {"empty", ""}};
    const char *const two[][2] = {{"__name__", "up"}, {"job", "a"}};
    struct arena a;
    const struct labels *x, *y;

    (void)state;
    arena_init(&a, NULL);
    x = build(&a, one, 3);
    y = build(&a, two, 2);
    assert_true(labels_equal(x, y));
    assert_int_equal(labels_compare(x, y), 0);
    assert_int_equal(x->n, 2);
    assert_true(str_eq(labels_get(x, STR("job")), STR("a")));
    assert_true(str_eq(labels_get(x, STR("empty")), STR("")));
    assert_true(labels_check(x, labels_size(x)));
    arena_fini(&a);
}

static void a_name_given_twice_is_refused(void **state)
{
    struct label labels[] = {{STR("a"), STR("1")}, {STR("a"), STR("")}};
    struct arena a;
    const struct labels *out;
    struct err err;

    (void)state;
    arena_init(&a, NULL);
    assert_fails(labels_build(&a, labels, 2, &out, &err), err, ERR_SYNTAX, "\"a\" is given twice");
    arena_fini(&a);
}

static void sets_sort_by_name_then_value_then_length(void **state)
{
    const char *const sets[][3][2] = {{{"a", "1"}},
                                      {{"a", "1"}, {"b", "1"}},
                                      {{"a", "1"}, {"b", "2"}},
                                      {{"a", "2"}},
                                      {{"b", "0"}}};
    const size_t sizes[] = {1, 2, 2, 1, 1};
    struct arena a;
    const struct labels *before = &labels_empty;

    (void)state;
    arena_init(&a, NULL);
    for (size_t i = 0; i < 5; i++) {
        const struct labels *ls = build(&a, sets[i], sizes[i]);

        assert_true(labels_compare(before, ls) < 0);
        assert_true(labels_compare(ls, before) > 0);
        before = ls;
    }
    arena_fini(&a);
}

static int compared_label_by_label(const struct labels *a, const struct labels *b)
{
    for (size_t i = 0; i < a->n && i < b->n; i++) {
        struct label x = labels_at(a, i), y = labels_at(b, i);
        int c = str_cmp(x.name, y.name);

        if (!c)
            c = str_cmp(x.value, y.value);
        if (c)
            return c;
    }
    return (a->n > b->n) - (a->n < b->n);
}

static int sign_of(int c)
{
    return (c > 0) - (c < 0);
}

/* Short names and values from few letters: sets share beginnings of all lengths. */
static void the_order_is_that_of_their_labels_one_by_one(void **state)
{
    enum { SETS = 300 };
    static const char *const names[] = {"a", "aa", "ab", "b", "bb", "long_name_of_a_label", "z"};
    static const char *const values[] = {"x",       "xx", "xy", "y", "a longer value than eight",
                                         "a longer"};
    const struct labels *sets[SETS];
    struct rng rng;
    struct arena a;

    (void)state;
    arena_init(&a, NULL);
    rng_seed(&rng, 5);
    for (size_t i = 0; i < SETS; i++) {
        struct label pairs[ARRAY_LEN(names)];
        size_t n = 0;

        for (size_t k = 0; k < ARRAY_LEN(names); k++)
            if (rng_below(&rng, 3))
                pairs[n++] = (struct label){str_c(names[k]),
                                            str_c(values[rng_below(&rng, ARRAY_LEN(values))])};
        assert_int_equal(labels_build(&a, pairs, n, &sets[i], NULL), 0);
    }
    for (size_t i = 0; i < SETS; i++)
        for (size_t k = 0; k < SETS; k++)
            assert_int_equal(sign_of(labels_compare(sets[i], sets[k])),
                             sign_of(compared_label_by_label(sets[i], sets[k])));
    arena_fini(&a);
}

static void filters_keep_and_drop_and_change(void **state)
{
    const char *const all[][2] = {{"__name__", "m"}, {"a", "1"}, {"b", "2"}};
    const struct str names[] = {STR("b"), STR("zzz")};
    struct arena a;
    const struct labels *ls, *out;
    struct buf text;

    (void)state;
    arena_init(&a, NULL);
    buf_init(&text, 0);
    ls = build(&a, all, 3);
    assert_int_equal(labels_without(&a, ls, names, 2, &out, NULL), 0);
    labels_print(out, &text);
    assert_string_equal(text.p, "m{a=\"1\"}");
    buf_reset(&text);
    assert_int_equal(labels_only(&a, ls, names, 2, &out, NULL), 0);
    labels_print(out, &text);
    assert_string_equal(text.p, "{b=\"2\"}");
    buf_reset(&text);
    assert_int_equal(labels_with(&a, ls, STR("a"), STR("q\"\\\n"), &out, NULL), 0);
    labels_print(out, &text);
    assert_string_equal(text.p, "m{a=\"q\\\"\\\\\\n\", b=\"2\"}");
    assert_int_equal(labels_with(&a, ls, STR("a"), STR(""), &out, NULL), 0);
    assert_int_equal(out->n, 2);
    buf_fini(&text);
    arena_fini(&a);
}

static void the_empty_set_equals_one_that_became_empty(void **state)
{
    const char *const nothing[][2] = {{"a", ""}};
    struct arena a;
    const struct labels *ls;

    (void)state;
    arena_init(&a, NULL);
    ls = build(&a, nothing, 1);
    assert_true(labels_equal(ls, &labels_empty));
    assert_true(labels_check(ls, labels_size(ls)));
    arena_fini(&a);
}

static void a_damaged_blob_is_found(void **state)
{
    const char *const pairs[][2] = {{"aa", "1"}, {"bb", "2"}};
    struct arena a;
    struct labels *ls;
    size_t size;

    (void)state;
    arena_init(&a, NULL);
    ls = labels_dup(build(&a, pairs, 2));
    size = labels_size(ls);
    assert_true(labels_check(ls, size));
    assert_false(labels_check(ls, size - 1));
    ((char *)ls)[sizeof *ls + 16] = 'c'; /* "ca" after "bb": out of order */
    assert_false(labels_check(ls, size));
    ls->n = 1000000;
    assert_false(labels_check(ls, size));
    mem_free(ls);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_given_does_not_matter),
        cmocka_unit_test(a_name_given_twice_is_refused),
        cmocka_unit_test(sets_sort_by_name_then_value_then_length),
        cmocka_unit_test(the_order_is_that_of_their_labels_one_by_one),
        cmocka_unit_test(filters_keep_and_drop_and_change),
        cmocka_unit_test(the_empty_set_equals_one_that_became_empty),
        cmocka_unit_test(a_damaged_blob_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
