#include "base/test.h"

#include "base/arena.h"
#include "base/err.h"
#include "model/template.h"
#include "text/regex.h"

/* The groups of ^(f)(?P<word>oo)(x)?$ in "foo". */
static void assert_expands(const char *template, const char *expected)
{
    SCOPED(arena_fini) struct arena a;
    struct str groups[4], out;
    struct regex *r = NULL;
    struct err err = {0};

    arena_init(&a, NULL);
    assert_ok(regex_new(STR("(f)(?P<word>oo)(x)?"), true, &r, &err), err);
    assert_true(regex_find(r, STR("foo"), groups, 4));
    assert_ok(template_expand(str_c(template), r, groups, 4, &a, &out, &err), err);
    if (!str_eq(out, str_c(expected)))
        fail_msg("%s: expected \"%s\", got \"%.*s\"", template, expected, STR_ARGS(out));
    regex_free(r);
}

static void numbers_and_names_stand_for_what_was_found(void **state)
{
    (void)state;
    assert_expands("plain", "plain");
    assert_expands("", "");
    assert_expands("$1-${2}-$word-${word}", "f-oo-oo-oo");
    assert_expands("[$0]", "[foo]");
}

static void a_group_that_took_no_part_or_is_unknown_is_empty(void **state)
{
    (void)state;
    assert_expands("<$3>", "<>");
    assert_expands("<$4${99}$other>", "<>");
    assert_expands("<$99999999999>", "<>");
    assert_expands("<$01>", "<>"); /* no leading zeros */
}

static void a_name_is_as_long_as_it_can_be(void **state)
{
    (void)state;
    assert_expands("$1x", "");
    assert_expands("${1}x", "fx");
    assert_expands("$1_$2", "oo");
    assert_expands("$1-$2", "f-oo");
    assert_expands("$1\xc3\xa9", ""); /* a letter of the name */
    assert_expands("$1\xc2\xb0"
                   "C",
                   "f\xc2\xb0"
                   "C");                                   /* a degree sign is none */
    assert_expands("$1\xe2\x86\x92$2", "f\xe2\x86\x92oo"); /* nor is an arrow */
    assert_expands("$1\xff", "f\xff");
}

static void dollars_that_start_nothing_stay(void **state)
{
    (void)state;
    assert_expands("$$1", "$1");
    assert_expands("$$$1", "$f");
    assert_expands("$", "$");
    assert_expands("${", "${");
    assert_expands("${}", "${}");
    assert_expands("${1", "${1");
    assert_expands("a$ b$-", "a$ b$-");
}

static void legacy_names_are_told_from_other_texts(void **state)
{
    static const char *const names[] = {"label", "label${1}", "${1}label", "${1}",        "$1",
                                        "_a9",   "asd$2asd",  "_${1}_",    "foo${bar}foo"};
    static const char *const others[] = {"",    "-label",   "${",           "$",
                                         "${}", "foo${",    "-foo${1}bar-", "bar.foo${1}bar",
                                         "9",   "$\xc3\xa9"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_true(template_is_legacy_name(str_c(names[i])));
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_false(template_is_legacy_name(str_c(others[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_and_names_stand_for_what_was_found),
        cmocka_unit_test(a_group_that_took_no_part_or_is_unknown_is_empty),
        cmocka_unit_test(a_name_is_as_long_as_it_can_be),
        cmocka_unit_test(dollars_that_start_nothing_stay),
        cmocka_unit_test(legacy_names_are_told_from_other_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
