#include "base/test.h"

#include "base/arena.h"
#include "base/err.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "text/regex.h"

static struct arena arena;

static struct matcher make(enum match_op op, const char *value)
{
    struct matcher m = {0};
    struct err err = {0};

    assert_ok(matcher_init(&m, &arena, op, STR("job"), str_c(value), &err), err);
    return m;
}

static void common_expressions_never_reach_the_engine(void **state)
{
    static const struct {
        const char *pattern;
        enum match_shape shape;
        size_t set_n;
    } cases[] = {
        {"node", SHAPE_LITERAL, 1},     {"", SHAPE_LITERAL, 1},      {"a\\.b", SHAPE_LITERAL, 1},
        {"(?:node)", SHAPE_LITERAL, 1}, {"a|b|c", SHAPE_SET, 3},     {"a|b|a", SHAPE_SET, 2},
        {"(a|b)", SHAPE_SET, 2},        {"x(a|b|)y", SHAPE_SET, 3},  {"(a|b)(c|d)", SHAPE_SET, 4},
        {"a|(?:b|c)d", SHAPE_SET, 3},   {"node.*", SHAPE_PREFIX, 0}, {"a\\.b.*", SHAPE_PREFIX, 0},
        {".*", SHAPE_ANY, 0},           {".+", SHAPE_SOME, 0},       {".*x", SHAPE_REGEX, 0},
        {"a|b.*", SHAPE_REGEX, 0},      {"[ab]", SHAPE_REGEX, 0},    {"ab?", SHAPE_REGEX, 0},
        {"(?i)node", SHAPE_REGEX, 0},   {"(a|b)*", SHAPE_REGEX, 0},  {"^a$", SHAPE_REGEX, 0},
        {"\\d", SHAPE_REGEX, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct matcher m = make(MATCH_RE, cases[i].pattern);

        if (m.shape != cases[i].shape || m.set_n != cases[i].set_n)
            fail_msg("\"%s\": shape %d with %zu", cases[i].pattern, (int)m.shape, m.set_n);
        assert_true((m.regex != NULL) == (m.shape == SHAPE_REGEX));
        matcher_fini(&m);
    }
}

static void every_match_of_an_expression_starts_with_its_prefix(void **state)
{
    static const struct {
        const char *pattern, *prefix;
    } cases[] = {{"job-(a|b).*", "job-"}, {"abc+", "ab"},       {"abc*d", "ab"},
                 {"a\\.b\\d", "a.b"},     {"x|yz.", ""},        {"a[(]|b", ""},
                 {"\xc3\xa9*x", ""},      {"a\xc3\xa9?x", "a"}, {"a{2}", ""},
                 {"a\\Q|b", ""},          {"ab\\+?", "ab"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct matcher m = make(MATCH_RE, cases[i].pattern);

        assert_int_equal(m.shape, SHAPE_REGEX);
        if (!str_eq(m.prefix, str_c(cases[i].prefix)))
            fail_msg("\"%s\": prefix \"%.*s\"", cases[i].pattern, STR_ARGS(m.prefix));
        matcher_fini(&m);
    }
}

/* Whatever shape is found, the answer is the engine's. */
static void shapes_and_engine_agree(void **state)
{
    static const char *const patterns[] = {
        "",       "a",     "a|b",        "(a|)b",      "a.*",    "(?:ab|c)(d|)",
        ".*",     ".+",    "a\\|b",      "a|b.*",      "ab*",    "ab+c?",
        "(a)(b)", "a||b",  "x(y(z|)|w)", "a.",         "\\.\\*", "b|a|ab",
        "()",     "(|a)b", "a\xc3\xa9?", "\xc3\xa9.*", "[a|b]c", "ab|(c|d)e*"};
    static const char *const texts[] = {"",   "a",        "b",   "ab",  "abc",       "c",
                                        "cd", "a|b",      "bd",  ".*",  "xy",        "xyz",
                                        "xw", "\xc3\xa9", "a\n", "aa",  "ac",        "|c",
                                        "e",  "ce",       "cee", "abd", "a\xc3\xa9", "\xc3\xa9z"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
        struct matcher m = make(MATCH_RE, patterns[i]), not = make(MATCH_NRE, patterns[i]);
        struct regex *r = NULL;
        struct err err = {0};

        assert_ok(regex_new(str_c(patterns[i]), true, &r, &err), err);
        for (size_t k = 0; k < ARRAY_LEN(texts); k++) {
            bool expected = regex_matches(r, str_c(texts[k]));

            if (matcher_matches(&m, str_c(texts[k])) != expected ||
                matcher_matches(&not, str_c(texts[k])) == expected)
                fail_msg("\"%s\" on \"%s\"", patterns[i], texts[k]);
        }
        regex_free(r);
        matcher_fini(&m);
        matcher_fini(&not );
    }
}

static void a_missing_label_is_the_empty_string(void **state)
{
    struct matcher eq = make(MATCH_EQ, "node"), ne = make(MATCH_NE, "node"),
                   empty = make(MATCH_EQ, ""), some = make(MATCH_RE, ".+");
    struct label pairs[] = {{STR("instance"), STR("a:1")}, {STR("job"), STR("node")}};
    const struct labels *ls;
    struct err err = {0};

    (void)state;
    assert_false(matcher_matches_empty(&eq));
    assert_true(matcher_matches_empty(&ne));
    assert_true(matcher_matches_empty(&empty));
    assert_false(matcher_matches_empty(&some));
    assert_ok(labels_build(&arena, pairs, 2, &ls, &err), err);
    assert_true(matchers_match(&eq, 1, ls));
    assert_false(matchers_match(&ne, 1, ls));
    assert_false(matchers_match(&eq, 1, &labels_empty));
    assert_true(matchers_match(&empty, 1, &labels_empty));
}

static void a_bad_expression_is_refused_with_re2s_words(void **state)
{
    struct matcher m = {0};
    struct err err = {0};

    (void)state;
    assert_fails(matcher_init(&m, &arena, MATCH_RE, STR("job"), STR("a|b)"), &err), err, ERR_SYNTAX,
                 "unexpected )");
    assert_fails(matcher_init(&m, &arena, MATCH_RE, STR("job"), STR("a\xff"), &err), err,
                 ERR_SYNTAX, "UTF-8");
    assert_fails(matcher_init(&m, &arena, MATCH_RE, STR("job"), STR("*"), &err), err, ERR_SYNTAX,
                 "repetition");
    assert_null(m.regex);
}

static void a_budget_bounds_what_an_expression_may_stand_for(void **state)
{
    struct budget budget;
    struct arena small;
    struct matcher m = {0};
    struct err err = {0};
    char text[60000];

    (void)state;
    for (size_t i = 0; i + 1 < sizeof text; i += 2)
        memcpy(text + i, "a|", 2);
    budget_init(&budget, "query memory", 100000, NULL);
    arena_init(&small, &budget);
    assert_fails(
        matcher_init(&m, &small, MATCH_RE, STR("job"), (struct str){text, sizeof text - 1}, &err),
        err, ERR_LIMIT, "query memory");
    arena_fini(&small);
}

static void matchers_print_as_in_promql(void **state)
{
    struct matcher m = make(MATCH_NRE, "a\"\\\n\x01|b");
    struct matcher quoted = {0};
    struct err err = {0};
    struct buf out;

    (void)state;
    buf_init(&out, 0);
    matcher_print(&m, &out);
    buf_addc(&out, ' ');
    assert_ok(matcher_init(&quoted, &arena, MATCH_EQ, STR("a.b"), STR("x"), &err), err);
    matcher_print(&quoted, &out);
    assert_string_equal(out.p, "job!~\"a\\\"\\\\\\n\\x01|b\" \"a.b\"=\"x\"");
    buf_fini(&out);
    matcher_fini(&m);
}

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(common_expressions_never_reach_the_engine),
        cmocka_unit_test(every_match_of_an_expression_starts_with_its_prefix),
        cmocka_unit_test(shapes_and_engine_agree),
        cmocka_unit_test(a_missing_label_is_the_empty_string),
        cmocka_unit_test(a_bad_expression_is_refused_with_re2s_words),
        cmocka_unit_test(a_budget_bounds_what_an_expression_may_stand_for),
        cmocka_unit_test(matchers_print_as_in_promql),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
