#include "base/test.h"

#include "base/err.h"
#include "text/regex.h"

static struct regex *compile(const char *pattern, bool anchored)
{
    struct regex *r = NULL;
    struct err err = {0};

    assert_ok(regex_new(str_c(pattern), anchored, &r, &err), err);
    return r;
}

static void anchored_means_the_whole_text_newlines_too(void **state)
{
    struct regex *r = compile("a.*b", true);

    (void)state;
    assert_true(regex_matches(r, STR("a\nb")));
    assert_false(regex_matches(r, STR("xab")));
    assert_false(regex_matches(r, STR("abx")));
    regex_free(r);
    r = compile("a|bc", true);
    assert_false(regex_matches(r, STR("ac")));
    assert_true(regex_matches(r, STR("bc")));
    regex_free(r);
}

static void unanchored_finds_inside_and_dot_stops_at_newlines(void **state)
{
    struct regex *r = compile("a.c", false);

    (void)state;
    assert_true(regex_matches(r, STR("xxabcxx")));
    assert_false(regex_matches(r, STR("a\nc")));
    regex_free(r);
}

static void groups_are_handed_out_and_missing_ones_are_null(void **state)
{
    struct regex *r = compile("(?P<job>[a-z]+)(-(\\d+))?", true);
    struct str groups[6];

    (void)state;
    assert_int_equal(regex_groups(r), 3);
    assert_int_equal(regex_group_index(r, STR("job")), 1);
    assert_int_equal(regex_group_index(r, STR("none")), -1);
    assert_true(regex_find(r, STR("redis"), groups, 6));
    assert_true(str_eq(groups[0], STR("redis")));
    assert_true(str_eq(groups[1], STR("redis")));
    assert_null(groups[2].p);
    assert_null(groups[5].p);
    assert_false(regex_find(r, STR("?"), groups, 6));
    assert_null(groups[0].p);
    regex_free(r);
}

static void empty_text_matches_what_may_be_empty(void **state)
{
    struct regex *r = compile("(x*)", true);
    struct str groups[2];

    (void)state;
    assert_true(regex_find(r, (struct str){NULL, 0}, groups, 2));
    assert_non_null(groups[1].p);
    assert_int_equal(groups[1].n, 0);
    regex_free(r);
}

static void a_bad_pattern_is_a_syntax_error_with_res_words(void **state)
{
    struct regex *r = NULL;
    struct err err = {0};

    (void)state;
    assert_fails(regex_new(STR("a(b"), true, &r, &err), err, ERR_SYNTAX, "missing )");
    assert_fails(regex_new(STR("\xff"), true, &r, &err), err, ERR_SYNTAX, "UTF-8");
    assert_null(r);
}

static void a_pattern_that_would_take_too_much_memory_is_refused(void **state)
{
    struct regex *r = NULL;
    struct err err = {0};

    (void)state;
    assert_fails(regex_new(STR("((a{100}){100}){100}"), true, &r, &err), err, ERR_SYNTAX, "");
    assert_fails(regex_new(STR("(\\pL{100}\\pN{100}){9}"), true, &r, &err), err, ERR_LIMIT,
                 "too large");
    assert_null(r);
}

static void a_group_is_named_with_and_without_p(void **state)
{
    struct regex *r = compile("(?<a>x)(?P<b>y)[](?<c>[:alpha:]]\\Q(?<d>\\E\\(?<", true);
    struct str groups[3];

    (void)state;
    assert_int_equal(regex_groups(r), 2);
    assert_int_equal(regex_group_index(r, STR("a")), 1);
    assert_int_equal(regex_group_index(r, STR("b")), 2);
    assert_int_equal(regex_group_index(r, STR("c")), -1);
    assert_true(regex_find(r, STR("xy<(?<d><"), groups, 3));
    assert_true(str_eq(groups[1], STR("x")));
    regex_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_group_is_named_with_and_without_p),
        cmocka_unit_test(anchored_means_the_whole_text_newlines_too),
        cmocka_unit_test(unanchored_finds_inside_and_dot_stops_at_newlines),
        cmocka_unit_test(groups_are_handed_out_and_missing_ones_are_null),
        cmocka_unit_test(empty_text_matches_what_may_be_empty),
        cmocka_unit_test(a_bad_pattern_is_a_syntax_error_with_res_words),
        cmocka_unit_test(a_pattern_that_would_take_too_much_memory_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
