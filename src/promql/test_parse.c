#include "base/test.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/matcher.h"
#include "promql/query.h"

#define ALL 0xffu

/* Parses and prints; the text lives until the next call. */
static const char *printed(const char *text, bool pretty)
{
    static char out[4096];
    struct arena a;
    struct expr *e = NULL;
    struct err err = {0};
    struct buf buf = {0};

    arena_init(&a, NULL);
    if (promql_parse(&a, str_c(text), ALL, &e, &err) < 0)
        (void)err_format(&err, out, sizeof out);
    else if (promql_print(e, pretty, &buf, &err) < 0)
        fail_msg("%s", err.text);
    else
        (void)snprintf(out, sizeof out, "%s", buf.p);
    buf_fini(&buf);
    promql_free(e);
    arena_fini(&a);
    return out;
}

static void check_pairs(const char *const pairs[][2], size_t n)
{
    size_t wrong = 0;

    for (size_t i = 0; i < n; i++) {
        const char *got = printed(pairs[i][0], false);

        if (strcmp(got, pairs[i][1]) != 0) {
            print_message("%s\n    expected %s\n    got      %s\n", pairs[i][0], pairs[i][1], got);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

static void what_is_printed_reads_as_prometheus_prints_it(void **state)
{
    static const char *const pairs[][2] = {
        {"1", "1"},
        {"0x1F + 017 - 1_000.5", "31 + 15 - 1000.5"},
        {"1e30", "1000000000000000000000000000000"},
        {"-Inf", "-Inf"},
        {"90s", "1m30s"},
        {"'it''s'", "1:5: parse error: unexpected string \"'s'\""},
        {"'it\\'s \\x41\\u00e9\\U0001F600'", "\"it's A\xc3\xa9\xf0\x9f\x98\x80\""},
        {"`a\\b`", "\"a\\\\b\""},
        {"foo", "foo"},
        {"foo{}", "foo"},
        {"foo{b='2',a=~\"1.*\"}", "foo{a=~\"1.*\",b=\"2\"}"},
        {"{'utf8 name', 'a b'!='x'}", "{\"a b\"!=\"x\",__name__=\"utf8 name\"}"},
        {"{__name__=~'a|b'}", "{__name__=~\"a|b\"}"},
        {"sum(x)by(a,b)", "sum by (a, b) (x)"},
        {"sum without() (x)", "sum without () (x)"},
        {"sum by ('a b') (x)", "sum by (\"a b\") (x)"},
        {"TOPK(3, x)", "topk(3, x)"},
        {"count_values('v', x)", "count_values(\"v\", x)"},
        {"sum", "sum"},
        {"by + offset", "by + offset"},
        {"fill + fill_left", "fill + fill_left"},
        {"x[5m]offset 1h@10", "x[5m] @ 10.000 offset 1h"},
        {"x@start() offset -1m", "x @ start() offset -1m"},
        {"x[1h:5m] @ end() offset 1d", "x[1h:5m] @ end() offset 1d"},
        {"rate(x[1m])[1h:]", "rate(x[1m])[1h:]"},
        {"x[300]", "x[5m]"},
        {"x[5m * 2 + (1m)]", "x[5m * 2 + (1m)]"},
        {"x offset 5m * 2", "x offset 5m * 2"},
        {"x offset (5m * 2)", "x offset (5m * 2)"},
        {"x offset -(step())", "x offset -(step())"},
        {"x[max_of(step(), 1m):range()]", "x[max_of(step(), 1m):range()]"},
        {"x offset -2^2", "x offset -2s ^ 2"},
        {"x[1m] anchored", "x[1m] anchored"},
        {"-x^2", "-x ^ 2"},
        {"-1^2", "-1 ^ 2"},
        {"2^3^2", "2 ^ 3 ^ 2"},
        {"(a)", "(a)"},
        {"a == bool on(x) group_left(y) b", "a == bool on (x) group_left (y) b"},
        {"a / ignoring(x) group_right b", "a / ignoring (x) group_right () b"},
        {"a and on() b", "a and on () b"},
        {"a + fill_left(1) fill_right(-2) b", "a + fill_left (1) fill_right (-2) b"},
        {"a + fill(0) b", "a + fill (0) b"},
        {"a # comment\n+ b", "a + b"},
        {"label_replace(a,'b','$1','c','(.*)')",
         "label_replace(a, \"b\", \"$1\", \"c\", \"(.*)\")"},
    };

    (void)state;
    check_pairs(pairs, ARRAY_LEN(pairs));
}

static void texts_are_quoted_as_go_quotes_them(void **state)
{
    static const char *const pairs[][2] = {
        {"'\\a\\t\\n\\\\\"'", "\"\\a\\t\\n\\\\\\\"\""},
        {"'\\x00\\x1b\\x7f'", "\"\\x00\\x1b\\x7f\""},
        {"'\u00e9\\xff\U0001f600'", "\"\u00e9\\xff\U0001f600\""},
        {"'\u00e9\\x80'", "\"\u00e9\\x80\""},
        {"'\\u00a0\\u200b\\ufeff\\U000e0001'", "\"\\u00a0\\u200b\\ufeff\\U000e0001\""},
    };

    (void)state;
    check_pairs(pairs, ARRAY_LEN(pairs));
}

static void what_is_printed_parses_to_the_same(void **state)
{
    static const char *const texts[] = {
        "a or b and c unless d == e + f * g ^ h",
        "(a or b) and -(c ^ 2)",
        "histogram_quantile(0.9, sum by (le) (rate(x_bucket[5m])))",
        "max_over_time(sum(x)[1h:1m] @ 100 offset 5m)",
        "{\"\\n\\t\\\"\\\\\"}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        char once[4096];

        (void)snprintf(once, sizeof once, "%s", printed(texts[i], false));
        assert_string_equal(printed(once, false), once);
    }
}

static void mistakes_are_named_with_their_place(void **state)
{
    static const char *const pairs[][2] = {
        {"", "1:1: parse error: no expression found in input"},
        {"# only this", "1:1: parse error: no expression found in input"},
        {"(1", "1:3: parse error: unclosed left parenthesis"},
        {"1)", "1:3: parse error: unexpected right parenthesis ')'"},
        {"foo[5m", "1:7: parse error: unclosed left bracket"},
        {"foo[", "1:5: parse error: unexpected end of input in duration expression"},
        {"(foo[5m", "1:8: parse error: unclosed left parenthesis"},
        {"foo[x]", "1:5: parse error: unexpected character in duration expression: 'x'"},
        {"foo['5m']", "1:5: parse error: unexpected character in duration expression: '\\''"},
        {"foo[5m:x]", "1:8: parse error: unexpected character: 'x', expected ':'"},
        {"foo[:5m]", "1:6: parse error: unexpected colon before duration in duration expression"},
        {"foo[]",
         "1:5: parse error: unexpected \"]\" in subquery or range selector, expected number, "
         "duration, step(), or range()"},
        {"foo[5mm]", "1:5: parse error: bad number or duration syntax: \"5mm\""},
        {"foo[0]", "1:5: parse error: duration must be greater than 0"},
        {"foo{", "1:5: parse error: unexpected end of input inside braces"},
        {"foo{a}",
         "1:6: parse error: unexpected \"}\" in label matching, expected label matching operator"},
        {"foo{a=1}", "1:7: parse error: unexpected character inside braces: '1'"},
        {"foo{a=b}",
         "1:7: parse error: unexpected identifier \"b\" in label matching, expected string"},
        {"foo{a='1' b='2'}",
         "1:11: parse error: unexpected identifier \"b\" in label matching, expected \",\" or "
         "\"}\""},
        {"foo{,}",
         "1:5: parse error: unexpected \",\" in label matching, expected identifier or \"}\""},
        {"{}", "1:1: parse error: vector selector must contain at least one non-empty matcher"},
        {"{a=~'.*'}",
         "1:1: parse error: vector selector must contain at least one non-empty matcher"},
        {"a{__name__='b'}", "1:1: parse error: metric name must not be set twice: \"a\" or \"b\""},
        {"'abc", "1:1: parse error: unterminated quoted string"},
        {"'\\q'", "1:1: parse error: unknown escape sequence U+0071 'q'"},
        {"'\\xé1'", "1:1: parse error: illegal character U+00E9 'é' in escape sequence"},
        {"'\\\n'", "1:1: parse error: unknown escape sequence U+000A"},
        {"a !b", "1:3: parse error: unexpected character after '!': 'b'"},
        {"a =~ b", "1:3: parse error: unexpected character after '=': '~'"},
        {"a ? b", "1:3: parse error: unexpected character: '?'"},
        {"a b", "1:3: parse error: unexpected identifier \"b\""},
        {"1 +", "1:4: parse error: unexpected end of input"},
        {"* 1", "1:1: parse error: unexpected <op:*>"},
        {"sum x", "1:5: parse error: unexpected identifier \"x\""},
        {"sum()", "1:1: parse error: no arguments for aggregate expression provided"},
        {"sum(a, b)",
         "1:1: parse error: wrong number of arguments for aggregate expression provided, expected "
         "1, got 2"},
        {"sum by a (b)",
         "1:8: parse error: unexpected identifier \"a\" in grouping opts, expected \"(\""},
        {"sum(1)",
         "1:5: parse error: expected type instant vector in aggregation expression, got scalar"},
        {"topk(a, b)",
         "1:6: parse error: expected type scalar in aggregation parameter, got instant vector"},
        {"increse(x[5m])",
         "1:1: parse error: unknown function with name \"increse\" (did you mean \"increase\"?)"},
        {"rate(x)",
         "1:6: parse error: expected type range vector in call to function \"rate\", got instant "
         "vector"},
        {"rate(x[5m], 1)", "1:1: parse error: expected 1 argument(s) in call to \"rate\", got 2"},
        {"round()",
         "1:1: parse error: expected at least 1 argument(s) in call to \"round\", got 0"},
        {"rate(x[5m],)", "1:11: parse error: trailing commas not allowed in function call args"},
        {"a[5m] + 1",
         "1:1: parse error: binary expression must contain only scalar and instant vector types"},
        {"1 > 2", "1:3: parse error: comparisons between scalars must use BOOL modifier"},
        {"1 + bool 2", "1:3: parse error: bool modifier can only be used on comparison operators"},
        {"1 and 2",
         "1:1: parse error: set operator \"and\" not allowed in binary scalar expression"},
        {"a and group_left b", "1:7: parse error: unexpected <group_left>"},
        {"a or on(x) group_left b", "1:1: parse error: no grouping allowed for \"or\" operation"},
        {"a + on(x) group_left(x) b",
         "1:3: parse error: label \"x\" must not occur in ON and GROUP clause at once"},
        {"a + on(x) 1", "1:1: parse error: vector matching only allowed between instant vectors"},
        {"sum(a)[5m]", "1:7: parse error: ranges only allowed for vector selectors"},
        {"a offset 5m [5m]", "1:13: parse error: no offset modifiers allowed before range"},
        {"a @ 1 [5m]", "1:7: parse error: no @ modifiers allowed before range"},
        {"sum(a b)", "1:7: parse error: unexpected identifier \"b\" in aggregation"},
        {"sum(rate(a[5m] b))", "1:16: parse error: unexpected identifier \"b\" in aggregation"},
        {"sum(a) b", "1:8: parse error: unexpected identifier \"b\""},
        {"round(a , )", "1:9: parse error: trailing commas not allowed in function call args"},
        {"round(a, == 1)", "1:8: parse error: trailing commas not allowed in function call args"},
        {"none(a) + sum(", "1:1: parse error: unknown function with name \"none\""},
        {"5h1d", "1:1: parse error: not a valid duration string: \"5h1d\""},
        {"a[300y]", "1:3: parse error: duration out of range"},
        {"a offset - b",
         "1:12: parse error: unexpected identifier \"b\" in offset, expected number, duration, "
         "step(), or range()"},
        {"a[5m: ;]", "1:7: parse error: unexpected character: ';'"},
        {"a[5m:1m 2]", "1:9: parse error: unexpected number \"2\" in subquery selector, expected "
                       "\"]\""},
        {"a[5m:1m + ]",
         "1:11: parse error: unexpected \"]\" in subquery selector, expected number, duration, "
         "step(), range(), or \"]\""},
        {"a + on(b) group_left on c",
         "1:22: parse error: unexpected <on> in grouping opts, expected \"(\""},
        {"a offset 1m offset 2m", "1:1: parse error: offset may not be set multiple times"},
        {"a @ 1 @ 2", "1:1: parse error: @ <timestamp> may not be set multiple times"},
        {"a @ Inf", "1:1: parse error: timestamp out of bounds for @ modifier: +Inf"},
        {"1 offset 1m",
         "1:1: parse error: offset modifier must be preceded by an instant vector selector or "
         "range vector selector or a subquery"},
        {"a[5m:1m", "1:8: parse error: unclosed left bracket"},
        {"a[5m:5m:5m]", "1:8: parse error: unexpected colon ':'"},
        {"1e999",
         "1:1: parse error: error parsing number: strconv.ParseFloat: parsing \"1e999\": value out "
         "of range"},
        {"1_ + 1",
         "1:1: parse error: error parsing number: strconv.ParseFloat: parsing \"1_\": invalid "
         "syntax"},
        {"a @ NaN", "1:1: parse error: timestamp out of bounds for @ modifier: NaN"},
        {"info(a, 1)",
         "1:1: parse error: expected type instant vector in call to function \"info\", got scalar"},
        {"-'x'",
         "1:1: parse error: unary expression only allowed on expressions of type scalar or instant "
         "vector, got \"string\""},
        {"a\n+ rate(b)",
         "2:8: parse error: expected type range vector in call to function \"rate\", got instant "
         "vector"},
    };

    (void)state;
    check_pairs(pairs, ARRAY_LEN(pairs));
}

static void a_bad_regular_expression_says_so(void **state)
{
    (void)state;
    assert_non_null(strstr(printed("a{b=~'('}", false), "1:3: parse error: "));
}

static void long_lines_are_broken_as_format_query_does(void **state)
{
    (void)state;
    assert_string_equal(
        printed("histogram_quantile(0.99, sum by (le, service) "
                "(rate(http_request_duration_seconds_bucket{service=\"stt\"}[5m]))) > on (service) "
                "group_left 0.5 * vector(1)",
                true),
        "  histogram_quantile(\n    0.99,\n    sum by (le, service) "
        "(rate(http_request_duration_seconds_bucket{service=\"stt\"}[5m]))\n  )\n> on (service) "
        "group_left ()\n  0.5 * vector(1)");
    assert_string_equal(printed("sum(a)", true), "sum(a)");
}

static int parse_with(const char *text, unsigned features, struct err *err)
{
    struct arena a;
    struct expr *e = NULL;
    int status;

    arena_init(&a, NULL);
    status = promql_parse(&a, str_c(text), features, &e, err);
    promql_free(e);
    arena_fini(&a);
    return status;
}

static void what_is_experimental_must_be_enabled(void **state)
{
    struct err err;

    (void)state;
    assert_fails(parse_with("mad_over_time(x[5m])", 0, &err), err, ERR_SYNTAX,
                 "function \"mad_over_time\" is not enabled");
    assert_fails(parse_with("limitk(1, x)", 0, &err), err, ERR_SYNTAX, "limitk() is experimental");
    assert_ok(parse_with("x[5m + 1m]", 0, &err), err); /* no longer */
    assert_fails(parse_with("x anchored", 0, &err), err, ERR_SYNTAX,
                 "anchored modifier is experimental and not enabled");
    assert_fails(parse_with("x + fill(0) y", 0, &err), err, ERR_SYNTAX,
                 "binop fill modifiers are experimental and not enabled");
    assert_ok(parse_with("x + fill(0) y", PROMQL_FILL_MODIFIERS, &err), err);
}

static void depth_and_length_are_bounded(void **state)
{
    static char text[PROMQL_TEXT_BYTES_MAX + 2];
    struct err err;

    (void)state;
    memset(text, '(', 300);
    assert_fails(parse_with(text, 0, &err), err, ERR_LIMIT, "nested more than 250 levels deep");
    memset(text, '-', 300);
    assert_fails(parse_with(text, 0, &err), err, ERR_LIMIT, "nested more than 250 levels deep");
    text[0] = '1';
    for (size_t i = 1; i < 600; i += 2)
        memcpy(text + i, "+1", 3);
    assert_fails(parse_with(text, 0, &err), err, ERR_LIMIT, "nested more than 250 levels deep");
    memset(text, ' ', sizeof text - 1);
    assert_fails(parse_with(text, 0, &err), err, ERR_LIMIT, "at most 65536");
}

static void the_budget_counts_while_parsing(void **state)
{
    struct budget budget;
    struct arena a;
    struct expr *e;
    struct err err;

    (void)state;
    budget_init(&budget, "query memory", 2048, NULL);
    arena_init(&a, &budget);
    assert_fails(promql_parse(&a, STR("a + b + c + d + e + f + g + h + i + j"), 0, &e, &err), err,
                 ERR_LIMIT, "query memory");
    arena_fini(&a);
    assert_int_equal(budget.used_bytes, 0);
}

static void a_selector_alone_gives_its_matchers(void **state)
{
    struct arena a;
    struct matcher *m;
    size_t n;
    struct err err;

    (void)state;
    arena_init(&a, NULL);
    assert_ok(promql_parse_selector(&a, STR("up{job=~\"a.c|x\"}"), &m, &n, &err), err);
    assert_int_equal(n, 2);
    assert_true(str_eq(m[1].value, STR("up")));
    for (size_t i = 0; i < n; i++)
        matcher_fini(&m[i]);
    assert_ok(promql_parse_selector(&a, STR("{}"), &m, &n, &err), err);
    assert_int_equal(n, 0);
    assert_fails(promql_parse_selector(&a, STR("up[5m]"), &m, &n, &err), err, ERR_SYNTAX,
                 "unexpected \"[\"");
    assert_fails(promql_parse_selector(&a, STR("1"), &m, &n, &err), err, ERR_SYNTAX,
                 "unexpected number \"1\"");
    arena_fini(&a);
}

static void features_go_by_their_names(void **state)
{
    (void)state;
    assert_int_equal(promql_feature_of(STR("promql-duration-expr")), PROMQL_NO_FEATURE);
    assert_int_equal(promql_feature_of(STR("promql")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_printed_reads_as_prometheus_prints_it),
        cmocka_unit_test(texts_are_quoted_as_go_quotes_them),
        cmocka_unit_test(what_is_printed_parses_to_the_same),
        cmocka_unit_test(mistakes_are_named_with_their_place),
        cmocka_unit_test(a_bad_regular_expression_says_so),
        cmocka_unit_test(long_lines_are_broken_as_format_query_does),
        cmocka_unit_test(what_is_experimental_must_be_enabled),
        cmocka_unit_test(depth_and_length_are_bounded),
        cmocka_unit_test(the_budget_counts_while_parsing),
        cmocka_unit_test(a_selector_alone_gives_its_matchers),
        cmocka_unit_test(features_go_by_their_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
