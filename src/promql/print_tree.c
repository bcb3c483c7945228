/* print_tree: an expression as JSON, node by node, as Prometheus' parse_query answers it.
 *
 * Written straight into the buffer: a tree is deeper than the JSON writer keeps count of (its
 * depth is bounded by the parser's PROMQL_NESTING_MAX).
 */
#include <math.h>

#include "base/err.h"
#include "promql/ast.h"
#include "promql/format.h"
#include "text/json.h"

static void add_node(struct buf *out, const struct expr *e);

static void add_text(struct buf *out, struct str s)
{
    buf_addc(out, '"');
    json_escape(out, s);
    buf_addc(out, '"');
}

static void add_bool(struct buf *out, const char *key, bool v)
{
    buf_addf(out, ",\"%s\":%s", key, v ? "true" : "false");
}

static void add_child(struct buf *out, const char *key, const struct expr *e)
{
    buf_addf(out, ",\"%s\":", key);
    if (e)
        add_node(out, e);
    else
        buf_adds(out, "null");
}

static void add_texts(struct buf *out, const char *key, const struct str *texts, size_t n)
{
    buf_addf(out, ",\"%s\":[", key);
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_addc(out, ',');
        add_text(out, texts[i]);
    }
    buf_addc(out, ']');
}

static void add_timing(struct buf *out, const struct timing *t)
{
    buf_addf(out, ",\"offset\":%lld", (long long)t->offset_ms);
    add_child(out, "offsetExpr", t->offset_expr);
    if (t->at == AT_TIME)
        buf_addf(out, ",\"timestamp\":%lld", (long long)t->at_ms);
    else
        buf_adds(out, ",\"timestamp\":null");
    if (t->at == AT_START || t->at == AT_END)
        buf_addf(out, ",\"startOrEnd\":\"%s\"", t->at == AT_START ? "start" : "end");
    else
        buf_adds(out, ",\"startOrEnd\":null");
}

/* Name, matchers, times: what an instant and a range selector have in common. */
static void add_selector(struct buf *out, const struct expr *e)
{
    static const char *const ops[] = {
        [MATCH_EQ] = "=", [MATCH_NE] = "!=", [MATCH_RE] = "=~", [MATCH_NRE] = "!~"};

    buf_adds(out, ",\"name\":");
    add_text(out, e->selector.name);
    buf_adds(out, ",\"matchers\":[");
    for (size_t i = 0; i < e->selector.matchers_n; i++) {
        const struct matcher *m = &e->selector.matchers[i];

        buf_adds(out, i ? ",{\"name\":" : "{\"name\":");
        add_text(out, m->name);
        buf_adds(out, ",\"value\":");
        add_text(out, m->value);
        buf_addf(out, ",\"type\":\"%s\"}", ops[m->op]);
    }
    buf_addc(out, ']');
    add_timing(out, &e->selector.timing);
    add_bool(out, "anchored", e->selector.anchored);
    add_bool(out, "smoothed", e->selector.smoothed);
}

static void add_range(struct buf *out, const struct expr *e)
{
    buf_addf(out, ",\"range\":%lld", (long long)e->range.range_ms);
    add_child(out, "rangeExpr", e->range.range_expr);
    add_selector(out, e->range.selector);
}

static void add_subquery(struct buf *out, const struct expr *e)
{
    add_child(out, "expr", e->subquery.inner);
    buf_addf(out, ",\"range\":%lld", (long long)e->subquery.range_ms);
    add_child(out, "rangeExpr", e->subquery.range_expr);
    buf_addf(out, ",\"step\":%lld", (long long)e->subquery.step_ms);
    add_child(out, "stepExpr", e->subquery.step_expr);
    add_timing(out, &e->subquery.timing);
}

static const char *type_word(enum promql_type type)
{
    static const char *const words[] = {[PROMQL_SCALAR] = "scalar",
                                        [PROMQL_VECTOR] = "vector",
                                        [PROMQL_MATRIX] = "matrix",
                                        [PROMQL_STRING] = "string"};

    return words[type];
}

static void add_call(struct buf *out, const struct expr *e)
{
    const struct function *f = e->call.function;

    buf_addf(out, ",\"func\":{\"name\":\"%s\",\"argTypes\":[", f->name);
    for (size_t i = 0; f->args[i]; i++)
        buf_addf(out, "%s\"%s\"", i ? "," : "", type_word(function_arg(f, i)));
    buf_addf(out, "],\"variadic\":%d,\"returnType\":\"%s\"},\"args\":[", f->optional,
             type_word(f->result));
    for (size_t i = 0; i < e->call.args_n; i++) {
        if (i)
            buf_addc(out, ',');
        add_node(out, e->call.args[i]);
    }
    buf_addc(out, ']');
}

static void add_aggregate(struct buf *out, const struct expr *e)
{
    buf_addf(out, ",\"op\":\"%s\"", token_text(e->aggregate.op));
    add_child(out, "expr", e->aggregate.inner);
    add_child(out, "param", e->aggregate.param);
    add_texts(out, "grouping", e->aggregate.labels, e->aggregate.labels_n);
    add_bool(out, "without", e->aggregate.without);
}

static void add_fill(struct buf *out, const char *key, bool fills, double v)
{
    buf_addf(out, "\"%s\":", key);
    if (!fills)
        buf_adds(out, "null");
    else if (isfinite(v))
        format_fixed(out, v);
    else
        buf_adds(out, isnan(v) ? "\"NaN\"" : v > 0 ? "\"+Inf\"" : "\"-Inf\""); /* JSON has none */
}

static void add_matching(struct buf *out, const struct matching *m)
{
    static const char *const cards[] = {[ONE_TO_ONE] = "one-to-one",
                                        [MANY_TO_ONE] = "many-to-one",
                                        [ONE_TO_MANY] = "one-to-many",
                                        [MANY_TO_MANY] = "many-to-many"};

    if (!m->used) {
        buf_adds(out, ",\"matching\":null");
        return;
    }
    buf_addf(out, ",\"matching\":{\"card\":\"%s\"", cards[m->card]);
    add_texts(out, "labels", m->labels, m->labels_n);
    add_bool(out, "on", m->on);
    add_texts(out, "include", m->include, m->include_n);
    buf_adds(out, ",\"fillValues\":{");
    add_fill(out, "lhs", m->fills_left, m->fill_left);
    buf_addc(out, ',');
    add_fill(out, "rhs", m->fills_right, m->fill_right);
    buf_adds(out, "}}");
}

static void add_binary(struct buf *out, const struct expr *e)
{
    buf_addf(out, ",\"op\":\"%s\"", token_text(e->binary.op));
    add_child(out, "lhs", e->binary.left);
    add_child(out, "rhs", e->binary.right);
    add_matching(out, &e->binary.matching);
    add_bool(out, "bool", e->binary.returns_bool);
}

static void add_number(struct buf *out, const struct expr *e)
{
    buf_adds(out, ",\"val\":\"");
    format_fixed(out, e->number.value);
    buf_addc(out, '"');
}

static void add_duration_part(struct buf *out, const char *key, const struct expr *e)
{
    add_child(out, key, e);
    if (e && e->kind == EXPR_NUMBER) {
        out->n--; /* its brace: here a number says besides how it was written */
        add_bool(out, "duration", e->number.is_duration);
        buf_addc(out, '}');
    }
}

static void add_duration(struct buf *out, const struct expr *e)
{
    buf_addf(out, ",\"op\":\"%s\"", token_text(e->duration.op));
    add_duration_part(out, "lhs", e->duration.left);
    add_duration_part(out, "rhs", e->duration.right);
    add_bool(out, "wrapped", e->duration.wrapped);
}

static void add_node(struct buf *out, const struct expr *e)
{
    static const char *const types[] = {
        [EXPR_NUMBER] = "numberLiteral",    [EXPR_STRING] = "stringLiteral",
        [EXPR_SELECTOR] = "vectorSelector", [EXPR_RANGE] = "matrixSelector",
        [EXPR_SUBQUERY] = "subquery",       [EXPR_CALL] = "call",
        [EXPR_AGGREGATE] = "aggregation",   [EXPR_BINARY] = "binaryExpr",
        [EXPR_UNARY] = "unaryExpr",         [EXPR_PAREN] = "parenExpr",
        [EXPR_DURATION] = "durationExpr",
    };

    buf_addf(out, "{\"type\":\"%s\"", types[e->kind]);
    switch (e->kind) {
    case EXPR_NUMBER:
        add_number(out, e);
        break;
    case EXPR_STRING:
        buf_adds(out, ",\"val\":");
        add_text(out, e->string);
        break;
    case EXPR_SELECTOR:
        add_selector(out, e);
        break;
    case EXPR_RANGE:
        add_range(out, e);
        break;
    case EXPR_SUBQUERY:
        add_subquery(out, e);
        break;
    case EXPR_CALL:
        add_call(out, e);
        break;
    case EXPR_AGGREGATE:
        add_aggregate(out, e);
        break;
    case EXPR_BINARY:
        add_binary(out, e);
        break;
    case EXPR_UNARY:
        buf_addf(out, ",\"op\":\"%s\"", token_text(e->unary.op));
        add_child(out, "expr", e->unary.inner);
        break;
    case EXPR_PAREN:
        add_child(out, "expr", e->paren);
        break;
    case EXPR_DURATION:
        add_duration(out, e);
        break;
    }
    buf_addc(out, '}');
}

int promql_print_tree(const struct expr *e, struct buf *out, struct err *err)
{
    add_node(out, e);
    if (out->overflowed)
        return err_set(err, ERR_LIMIT, "the tree of the query is longer than %zu bytes",
                       out->max_bytes);
    return 0;
}
