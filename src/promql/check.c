#include "promql/ast.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"

const char *type_name(enum promql_type type)
{
    static const char *const names[] = {
        [PROMQL_SCALAR] = "scalar",
        [PROMQL_VECTOR] = "instant vector",
        [PROMQL_MATRIX] = "range vector",
        [PROMQL_STRING] = "string",
    };

    return names[type];
}

enum promql_type promql_type_of(const struct expr *e)
{
    switch (e->kind) {
    case EXPR_NUMBER:
    case EXPR_DURATION:
        return PROMQL_SCALAR;
    case EXPR_STRING:
        return PROMQL_STRING;
    case EXPR_SELECTOR:
    case EXPR_AGGREGATE:
        return PROMQL_VECTOR;
    case EXPR_RANGE:
    case EXPR_SUBQUERY:
        return PROMQL_MATRIX;
    case EXPR_CALL:
        return e->call.function->result;
    case EXPR_BINARY:
        return promql_type_of(e->binary.left) == PROMQL_SCALAR &&
                       promql_type_of(e->binary.right) == PROMQL_SCALAR
                   ? PROMQL_SCALAR
                   : PROMQL_VECTOR;
    case EXPR_UNARY:
        return promql_type_of(e->unary.inner);
    case EXPR_PAREN:
        return promql_type_of(e->paren);
    }
    return PROMQL_SCALAR;
}

/* Always -1; the format is a literal. */
#define wrong(e, err, ...) err_at((err), ERR_SYNTAX, expr_span(e), "parse error: " __VA_ARGS__)

static int check_selector(const struct expr *e, bool may_match_all, struct err *err)
{
    const struct matcher *m = e->selector.matchers;
    size_t n = e->selector.matchers_n;

    if (e->selector.name.n) { /* its matcher is the last */
        for (size_t i = 0; i + 1 < n; i++)
            if (str_eq(m[i].name, STR(LABEL_NAME)))
                return wrong(e, err, "metric name must not be set twice: \"%.*s\" or \"%.*s\"",
                             (int)str_take(e->selector.name, 100).n, e->selector.name.p,
                             (int)str_take(m[i].value, 100).n, m[i].value.p);
        return 0;
    }
    for (size_t i = 0; i < n; i++)
        if (!matcher_matches_empty(&m[i]))
            return 0;
    if (may_match_all)
        return 0;
    return wrong(e, err, "vector selector must contain at least one non-empty matcher");
}

static int check_type(const struct expr *e, enum promql_type wanted, const char *context,
                      struct err *err)
{
    enum promql_type found = promql_type_of(e);

    if (found == wanted)
        return 0;
    return wrong(e, err, "expected type %s in %s, got %s", type_name(wanted), context,
                 type_name(found));
}

static int check_aggregate(struct expr *e, struct err *err)
{
    struct expr *param = e->aggregate.param;

    if (check_expr(e->aggregate.inner, err) < 0 ||
        check_type(e->aggregate.inner, PROMQL_VECTOR, "aggregation expression", err) < 0)
        return -1;
    if (!param)
        return 0;
    if (check_expr(param, err) < 0)
        return -1;
    return check_type(param, e->aggregate.op == TOK_COUNT_VALUES ? PROMQL_STRING : PROMQL_SCALAR,
                      "aggregation parameter", err);
}

/* Between the two sides, blanks left out: where an operator's own mistakes are. */
static struct span operator_span(const struct expr *e)
{
    struct str text = e->source->text;
    uint32_t start = e->binary.left->end, end = e->binary.right->start;

    while (start < end && strchr(" \t\r\n", text.p[start]))
        start++;
    while (end > start && strchr(" \t\r\n", text.p[end - 1]))
        end--;
    return text_span(text, start, end);
}

static int check_matching(const struct expr *e, struct err *err)
{
    const struct matching *m = &e->binary.matching;

    for (size_t i = 0; m->on && i < m->labels_n; i++)
        for (size_t j = 0; j < m->include_n; j++)
            if (str_eq(m->labels[i], m->include[j]))
                return err_at(err, ERR_SYNTAX, operator_span(e),
                              "parse error: label \"%.*s\" must not occur in ON and GROUP clause "
                              "at once",
                              (int)str_take(m->labels[i], 100).n, m->labels[i].p);
    return 0;
}

static int check_sides(struct expr *e, enum promql_type left, enum promql_type right,
                       struct err *err)
{
    struct matching *m = &e->binary.matching;
    bool set = token_is_set_operator(e->binary.op);

    if (left != PROMQL_VECTOR || right != PROMQL_VECTOR) {
        if (m->labels_n)
            return wrong(e, err, "vector matching only allowed between instant vectors");
        if (m->fills_left || m->fills_right)
            return wrong(e, err, "filling in missing series only allowed between instant vectors");
        if (set)
            return wrong(e, err, "set operator \"%s\" not allowed in binary scalar expression",
                         token_text(e->binary.op));
        return 0;
    }
    m->used = true;
    if (!set)
        return 0;
    if (m->card != ONE_TO_ONE && m->card != MANY_TO_MANY)
        return wrong(e, err, "no grouping allowed for \"%s\" operation", token_text(e->binary.op));
    m->card = MANY_TO_MANY;
    if (m->fills_left || m->fills_right)
        return wrong(e, err, "filling in missing series not allowed for set operators");
    return 0;
}

static int check_binary(struct expr *e, struct err *err)
{
    struct expr *l = e->binary.left, *r = e->binary.right;
    enum promql_type left, right;

    if (check_expr(l, err) < 0 || check_expr(r, err) < 0)
        return -1;
    left = promql_type_of(l);
    right = promql_type_of(r);
    if (e->binary.returns_bool && !token_is_comparison(e->binary.op))
        return err_at(err, ERR_SYNTAX, operator_span(e),
                      "parse error: bool modifier can only be used on comparison operators");
    if (token_is_comparison(e->binary.op) && !e->binary.returns_bool && left == PROMQL_SCALAR &&
        right == PROMQL_SCALAR)
        return err_at(err, ERR_SYNTAX, operator_span(e),
                      "parse error: comparisons between scalars must use BOOL modifier");
    if (check_matching(e, err) < 0)
        return -1;
    if (left != PROMQL_SCALAR && left != PROMQL_VECTOR)
        return wrong(l, err, "binary expression must contain only scalar and instant vector types");
    if (right != PROMQL_SCALAR && right != PROMQL_VECTOR)
        return wrong(r, err, "binary expression must contain only scalar and instant vector types");
    if ((e->binary.op == TOK_TRIM_UPPER || e->binary.op == TOK_TRIM_LOWER) &&
        left == PROMQL_SCALAR && right == PROMQL_SCALAR)
        return wrong(e, err, "operator \"%s\" not allowed for Scalar operations",
                     token_text(e->binary.op));
    return check_sides(e, left, right, err);
}

/* The second argument of info() is no vector but a set of conditions on labels. */
static int check_info(struct expr *e, struct err *err)
{
    const struct expr *data = e->call.args[1];

    if (promql_type_of(data) != PROMQL_VECTOR)
        return wrong(e, err, "expected type instant vector in call to function \"info\", got %s",
                     type_name(promql_type_of(data)));
    if (data->kind != EXPR_SELECTOR)
        return wrong(data, err, "expected label selectors only");
    if (data->selector.name.n)
        return wrong(data, err, "expected label selectors only, got vector selector instead");
    return check_selector(data, true, err);
}

static int check_call(struct expr *e, struct err *err)
{
    const struct function *f = e->call.function;
    size_t n = strlen(f->args), given = e->call.args_n;
    char context[80];

    if (f->optional == 0 && given != n)
        return wrong(e, err, "expected %zu argument(s) in call to \"%s\", got %zu", n, f->name,
                     given);
    if (f->optional != 0 && given + 1 < n)
        return wrong(e, err, "expected at least %zu argument(s) in call to \"%s\", got %zu", n - 1,
                     f->name, given);
    if (f->optional > 0 && given > n - 1 + (size_t)f->optional)
        return wrong(e, err, "expected at most %zu argument(s) in call to \"%s\", got %zu",
                     n - 1 + (size_t)f->optional, f->name, given);
    (void)snprintf(context, sizeof context, "call to function \"%s\"", f->name);
    for (size_t i = 0; i < given; i++) {
        if (f->id == FN_info && i == 1) {
            if (check_info(e, err) < 0)
                return -1;
            continue;
        }
        if (check_expr(e->call.args[i], err) < 0 ||
            check_type(e->call.args[i], function_arg(f, i), context, err) < 0)
            return -1;
    }
    return 0;
}

static int check_unary(struct expr *e, struct err *err)
{
    enum promql_type type = promql_type_of(e->unary.inner);

    if (check_expr(e->unary.inner, err) < 0)
        return -1;
    if (type != PROMQL_SCALAR && type != PROMQL_VECTOR)
        return wrong(e, err,
                     "unary expression only allowed on expressions of type scalar or instant "
                     "vector, got \"%s\"",
                     type_name(type));
    return 0;
}

int check_expr(struct expr *e, struct err *err)
{
    enum promql_type type;

    switch (e->kind) {
    case EXPR_NUMBER:
    case EXPR_STRING:
    case EXPR_DURATION:
        return 0;
    case EXPR_SELECTOR:
        return check_selector(e, false, err);
    case EXPR_RANGE:
        return check_selector(e->range.selector, false, err);
    case EXPR_SUBQUERY:
        if (check_expr(e->subquery.inner, err) < 0)
            return -1;
        type = promql_type_of(e->subquery.inner);
        if (type == PROMQL_VECTOR)
            return 0;
        return wrong(e, err, "subquery is only allowed on instant vector, got %s instead",
                     type == PROMQL_MATRIX ? "matrix" : type_name(type));
    case EXPR_CALL:
        return check_call(e, err);
    case EXPR_AGGREGATE:
        return check_aggregate(e, err);
    case EXPR_BINARY:
        return check_binary(e, err);
    case EXPR_UNARY:
        return check_unary(e, err);
    case EXPR_PAREN:
        return check_expr(e->paren, err);
    }
    return 0;
}
