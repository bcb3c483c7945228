#include "base/test.h"

#include "base/err.h"
#include "text/regex_set.h"

static struct regex_set *set_of(const struct str patterns[], size_t n)
{
    struct regex_set *s = NULL;
    struct err err = {0};

    assert_ok(regex_set_new(patterns, n, &s, &err), err);
    return s;
}

static void all_patterns_that_match_are_named_in_order(void **state)
{
    const struct str patterns[] = {STR("oom"), STR("memory$"), STR("(?P<a>x)(?<b>y)"),
                                   STR("out of")};
    struct regex_set *s = set_of(patterns, ARRAY_LEN(patterns));
    uint32_t found[ARRAY_LEN(patterns)];

    (void)state;
    assert_int_equal(regex_set_match(s, STR("CUDA out of memory"), found), 2);
    assert_int_equal(found[0], 1);
    assert_int_equal(found[1], 3);
    assert_int_equal(regex_set_match(s, STR("an xy"), found), 1);
    assert_int_equal(found[0], 2);
    assert_int_equal(regex_set_match(s, STR("nothing"), found), 0);
    assert_int_equal(regex_set_match(s, (struct str){NULL, 0}, found), 0);
    regex_set_free(s);
}

static void an_empty_set_matches_nothing(void **state)
{
    struct regex_set *s = set_of(NULL, 0);

    (void)state;
    assert_int_equal(regex_set_match(s, STR("x"), NULL), 0);
    regex_set_free(s);
}

static void a_pattern_that_does_not_compile_is_told(void **state)
{
    const struct str patterns[] = {STR("a(")};
    struct regex_set *s = NULL;
    struct err err = {0};

    (void)state;
    assert_fails(regex_set_new(patterns, 1, &s, &err), err, ERR_SYNTAX, "missing )");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_patterns_that_match_are_named_in_order),
        cmocka_unit_test(an_empty_set_matches_nothing),
        cmocka_unit_test(a_pattern_that_does_not_compile_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
