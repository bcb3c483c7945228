#include "base/arena.h"
#include "base/err.h"
#include "base/test.h"
#include "promql/query.h"
#include "text/json.h"

#define FEATURES (PROMQL_EXTENDED_RANGES | PROMQL_FILL_MODIFIERS)

static void print(const char *text, struct buf *out)
{
    SCOPED(arena_fini) struct arena a;
    struct expr *e;
    struct err err;

    arena_init(&a, NULL);
    assert_ok(promql_parse(&a, str_c(text), FEATURES, &e, &err), err);
    assert_ok(promql_print_tree(e, out, &err), err);
    promql_free(e);
}

static void holds(const char *text, const char *wanted)
{
    SCOPED(buf_fini) struct buf out = {0};

    print(text, &out);
    if (!strstr(out.p, wanted))
        fail_msg("%s: no %s in %s", text, wanted, out.p);
}

static void each_kind_of_node_has_its_shape(void **state)
{
    (void)state;
    holds("1e-3", "{\"type\":\"numberLiteral\",\"val\":\"0.001\"}");
    holds("\"a\\\"b\"", "{\"type\":\"stringLiteral\",\"val\":\"a\\\"b\"}");
    holds(
        "-(foo)",
        "{\"type\":\"unaryExpr\",\"op\":\"-\",\"expr\":{\"type\":\"parenExpr\",\"expr\":{\"type\":"
        "\"vectorSelector\",\"name\":\"foo\"");
    holds("foo{a!~\"b\"} offset -5m",
          "\"matchers\":[{\"name\":\"a\",\"value\":\"b\",\"type\":\"!~\"},{\"name\":\"__name__\","
          "\"value\":\"foo\",\"type\":\"=\"}],\"offset\":-300000,\"offsetExpr\":null,"
          "\"timestamp\":null,\"startOrEnd\":null,\"anchored\":false,\"smoothed\":false}");
    holds("foo @ 1.5", "\"timestamp\":1500,\"startOrEnd\":null");
    holds("rate(foo[5m] @ end())",
          "{\"type\":\"call\",\"func\":{\"name\":\"rate\",\"argTypes\":[\"matrix\"],\"variadic\":0,"
          "\"returnType\":\"vector\"},\"args\":[{\"type\":\"matrixSelector\",\"range\":300000,"
          "\"rangeExpr\":null,\"name\":\"foo\"");
    holds("rate(foo[5m] @ end())", "\"startOrEnd\":\"end\"");
    holds("foo[1h:5m]", "\"range\":3600000,\"rangeExpr\":null,\"step\":300000,\"stepExpr\":null");
    holds("topk without (a) (3, foo)",
          "\"param\":{\"type\":\"numberLiteral\",\"val\":\"3\"},\"grouping\":[\"a\"],"
          "\"without\":true}");
    holds("sum(foo)", "\"param\":null,\"grouping\":[],\"without\":false}");
}

static void operators_say_how_their_sides_match(void **state)
{
    (void)state;
    holds("1 + 2", "\"matching\":null,\"bool\":false}");
    holds("a == bool b",
          "\"matching\":{\"card\":\"one-to-one\",\"labels\":[],\"on\":false,"
          "\"include\":[],\"fillValues\":{\"lhs\":null,\"rhs\":null}},\"bool\":true}");
    holds("a / on (x) group_left (y) b",
          "{\"card\":\"many-to-one\",\"labels\":[\"x\"],\"on\":true,\"include\":[\"y\"]");
    holds("a and b", "\"card\":\"many-to-many\"");
    holds("a + fill_right (0.5) b", "\"fillValues\":{\"lhs\":null,\"rhs\":0.5}");
}

static void durations_that_are_computed_are_trees_too(void **state)
{
    (void)state;
    holds("foo[(5m + 10)]",
          "\"range\":0,\"rangeExpr\":{\"type\":\"durationExpr\",\"op\":\"+\",\"lhs\":{\"type\":"
          "\"numberLiteral\",\"val\":\"300\",\"duration\":true},\"rhs\":{\"type\":"
          "\"numberLiteral\",\"val\":\"10\",\"duration\":false},\"wrapped\":true}");
}

/* The JSON writer of answers counts 64 levels; an expression may have four times as many. */
static void the_deepest_expression_is_written_whole(void **state)
{
    SCOPED(buf_fini) struct buf text = {0}, out = {0};
    size_t opened = 0;

    (void)state;
    for (unsigned i = 0; i < PROMQL_NESTING_MAX - 10; i++)
        buf_addc(&text, '(');
    buf_addc(&text, '1');
    for (unsigned i = 0; i < PROMQL_NESTING_MAX - 10; i++)
        buf_addc(&text, ')');
    print(buf_str(&text).p, &out);
    for (size_t i = 0; i < out.n; i++)
        opened += out.p[i] == '{';
    assert_int_equal(opened, PROMQL_NESTING_MAX - 10 + 1);
}

static void a_tree_past_the_buffer_is_refused(void **state)
{
    SCOPED(arena_fini) struct arena a;
    SCOPED(buf_fini) struct buf out = {.max_bytes = 50};
    struct expr *e;
    struct err err;

    (void)state;
    arena_init(&a, NULL);
    assert_ok(promql_parse(&a, STR("sum(foo)"), 0, &e, &err), err);
    assert_fails(promql_print_tree(e, &out, &err), err, ERR_LIMIT, "longer than 50 bytes");
    promql_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_node_has_its_shape),
        cmocka_unit_test(operators_say_how_their_sides_match),
        cmocka_unit_test(durations_that_are_computed_are_trees_too),
        cmocka_unit_test(the_deepest_expression_is_written_whole),
        cmocka_unit_test(a_tree_past_the_buffer_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
