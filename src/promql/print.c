/* print: an expression as text, in the two forms Prometheus prints: on one line, and with lines
 * broken where one would be longer than 100 characters. */
#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "promql/ast.h"
#include "promql/format.h"
#include "text/duration.h"

#define LINE_CHARS_MAX 100u

static void add_expr(struct buf *out, const struct expr *e);

static void add_labels(struct buf *out, const struct str *labels, size_t n)
{
    buf_addc(out, '(');
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_adds(out, ", ");
        if (name_is_legacy_label(labels[i]))
            buf_add(out, labels[i]);
        else
            quote_append(out, labels[i]);
    }
    buf_addc(out, ')');
}

static void add_duration(struct buf *out, int64_t ms)
{
    char text[32];

    if (ms < 0)
        buf_addc(out, '-');
    buf_adds(out, duration_print(ms < 0 ? -ms : ms, text));
}

static void add_duration_or(struct buf *out, int64_t ms, const struct expr *expr)
{
    if (expr)
        add_expr(out, expr);
    else
        add_duration(out, ms);
}

static void add_at(struct buf *out, const struct timing *t)
{
    if (t->at == AT_TIME)
        buf_addf(out, " @ %.3f", (double)t->at_ms / 1000);
    else if (t->at != AT_NONE)
        buf_adds(out, t->at == AT_START ? " @ start()" : " @ end()");
}

static void add_offset(struct buf *out, const struct timing *t)
{
    if (!t->offset_expr && !t->offset_ms)
        return;
    buf_adds(out, " offset ");
    add_duration_or(out, t->offset_ms, t->offset_expr);
}

static void add_extension(struct buf *out, const struct expr *selector)
{
    if (selector->selector.anchored)
        buf_adds(out, " anchored");
    else if (selector->selector.smoothed)
        buf_adds(out, " smoothed");
}

static int compare_texts(const void *a, const void *b)
{
    const struct buf *x = a, *y = b;

    return str_cmp(buf_str(x), buf_str(y));
}

/* The name and what is in braces, sorted, without the matcher the name stands for. */
static void add_matchers(struct buf *out, const struct expr *e)
{
    const struct matcher *m = e->selector.matchers;
    struct buf *texts = mem_new_array(struct buf, e->selector.matchers_n + 1);
    size_t n = 0;

    for (size_t i = 0; i < e->selector.matchers_n; i++) {
        if (str_eq(m[i].name, STR(LABEL_NAME)) && m[i].op == MATCH_EQ && m[i].value.n &&
            str_eq(m[i].value, e->selector.name))
            continue;
        matcher_print(&m[i], &texts[n++]);
    }
    qsort(texts, n, sizeof *texts, compare_texts);
    buf_add(out, e->selector.name);
    if (n || !e->selector.name.n)
        buf_addc(out, '{');
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_addc(out, ',');
        buf_add(out, buf_str(&texts[i]));
        buf_fini(&texts[i]);
    }
    if (n || !e->selector.name.n)
        buf_addc(out, '}');
    mem_free(texts);
}

static void add_selector(struct buf *out, const struct expr *e)
{
    add_matchers(out, e);
    add_at(out, &e->selector.timing);
    add_extension(out, e);
    add_offset(out, &e->selector.timing);
}

static void add_range(struct buf *out, const struct expr *e)
{
    const struct expr *selector = e->range.selector;

    add_matchers(out, selector);
    buf_addc(out, '[');
    add_duration_or(out, e->range.range_ms, e->range.range_expr);
    buf_addc(out, ']');
    add_extension(out, selector);
    add_at(out, &selector->selector.timing);
    add_offset(out, &selector->selector.timing);
}

static void add_subquery_suffix(struct buf *out, const struct expr *e)
{
    buf_addc(out, '[');
    add_duration_or(out, e->subquery.range_ms, e->subquery.range_expr);
    buf_addc(out, ':');
    if (e->subquery.step_ms || e->subquery.step_expr)
        add_duration_or(out, e->subquery.step_ms, e->subquery.step_expr);
    buf_addc(out, ']');
    add_at(out, &e->subquery.timing);
    add_offset(out, &e->subquery.timing);
}

static void add_aggregate_head(struct buf *out, const struct expr *e)
{
    buf_adds(out, token_text(e->aggregate.op));
    if (!e->aggregate.without && !e->aggregate.labels_n)
        return;
    buf_adds(out, e->aggregate.without ? " without " : " by ");
    add_labels(out, e->aggregate.labels, e->aggregate.labels_n);
    buf_addc(out, ' ');
}

static void add_args(struct buf *out, const struct expr *e)
{
    for (size_t i = 0; i < e->call.args_n; i++) {
        if (i)
            buf_adds(out, ", ");
        add_expr(out, e->call.args[i]);
    }
}

static void add_fill(struct buf *out, const char *word, double v)
{
    buf_addf(out, " %s (", word);
    format_general(out, v);
    buf_addc(out, ')');
}

/* "== bool on (a) group_left (b) fill (0)" */
static void add_operator(struct buf *out, const struct expr *e)
{
    const struct matching *m = &e->binary.matching;
    bool grouped = m->card == MANY_TO_ONE || m->card == ONE_TO_MANY;

    buf_adds(out, token_text(e->binary.op));
    if (e->binary.returns_bool)
        buf_adds(out, " bool");
    if (!m->used)
        return;
    if (m->labels_n || m->on || grouped) {
        buf_adds(out, m->on ? " on " : " ignoring ");
        add_labels(out, m->labels, m->labels_n);
    }
    if (grouped) {
        buf_adds(out, m->card == MANY_TO_ONE ? " group_left " : " group_right ");
        add_labels(out, m->include, m->include_n);
    }
    if (m->fills_left && m->fills_right && m->fill_left == m->fill_right) {
        add_fill(out, "fill", m->fill_left);
        return;
    }
    if (m->fills_left)
        add_fill(out, "fill_left", m->fill_left);
    if (m->fills_right)
        add_fill(out, "fill_right", m->fill_right);
}

static void add_duration_expr(struct buf *out, const struct expr *e)
{
    enum token op = e->duration.op;

    if (e->duration.wrapped)
        buf_addc(out, '(');
    if (op == TOK_STEP || op == TOK_RANGE) {
        buf_addf(out, "%s()", token_text(op));
    } else if (op == TOK_MAX_OF || op == TOK_MIN_OF) {
        buf_addf(out, "%s(", token_text(op));
        add_expr(out, e->duration.left);
        buf_adds(out, ", ");
        add_expr(out, e->duration.right);
        buf_addc(out, ')');
    } else if (!e->duration.left) {
        if (op == TOK_SUB)
            buf_addc(out, '-');
        add_expr(out, e->duration.right);
    } else {
        add_expr(out, e->duration.left);
        buf_addf(out, " %s ", token_text(op));
        add_expr(out, e->duration.right);
    }
    if (e->duration.wrapped)
        buf_addc(out, ')');
}

static void add_number(struct buf *out, const struct expr *e)
{
    double v = e->number.value;

    if (e->number.is_duration)
        add_duration(out, (int64_t)round(v * 1000));
    else
        format_fixed(out, v);
}

static bool is_infinity(const struct expr *e)
{
    return e->kind == EXPR_NUMBER && isinf(e->number.value) && e->number.value > 0;
}

static void add_expr(struct buf *out, const struct expr *e)
{
    switch (e->kind) {
    case EXPR_NUMBER:
        add_number(out, e);
        break;
    case EXPR_STRING:
        quote_append(out, e->string);
        break;
    case EXPR_SELECTOR:
        add_selector(out, e);
        break;
    case EXPR_RANGE:
        add_range(out, e);
        break;
    case EXPR_SUBQUERY:
        add_expr(out, e->subquery.inner);
        add_subquery_suffix(out, e);
        break;
    case EXPR_CALL:
        buf_adds(out, e->call.function->name);
        buf_addc(out, '(');
        add_args(out, e);
        buf_addc(out, ')');
        break;
    case EXPR_AGGREGATE:
        add_aggregate_head(out, e);
        buf_addc(out, '(');
        if (e->aggregate.param) {
            add_expr(out, e->aggregate.param);
            buf_adds(out, ", ");
        }
        add_expr(out, e->aggregate.inner);
        buf_addc(out, ')');
        break;
    case EXPR_BINARY:
        if (e->binary.op == TOK_POW && is_infinity(e->binary.left))
            buf_adds(out, "Inf"); /* a plus would bind less tightly than ^ */
        else
            add_expr(out, e->binary.left);
        buf_addc(out, ' ');
        add_operator(out, e);
        buf_addc(out, ' ');
        add_expr(out, e->binary.right);
        break;
    case EXPR_UNARY:
        buf_adds(out, token_text(e->unary.op));
        add_expr(out, e->unary.inner);
        break;
    case EXPR_PAREN:
        buf_addc(out, '(');
        add_expr(out, e->paren);
        buf_addc(out, ')');
        break;
    case EXPR_DURATION:
        add_duration_expr(out, e);
        break;
    }
}

/* ---- with broken lines ---- */

static void add_pretty(struct buf *out, const struct expr *e, unsigned level);

static void indent(struct buf *out, unsigned level)
{
    while (level--)
        buf_adds(out, "  ");
}

static bool fits_a_line(const struct expr *e)
{
    SCOPED(buf_fini) struct buf line = {0};

    buf_init(&line, LINE_CHARS_MAX);
    add_expr(&line, e);
    return !line.overflowed;
}

static void add_pretty_parts(struct buf *out, const struct expr *const parts[], size_t n,
                             unsigned level)
{
    buf_adds(out, "(\n");
    for (size_t i = 0; i < n; i++) {
        add_pretty(out, parts[i], level + 1);
        buf_adds(out, i + 1 < n ? ",\n" : "\n");
    }
    indent(out, level);
    buf_addc(out, ')');
}

static void add_pretty_aggregate(struct buf *out, const struct expr *e, unsigned level)
{
    const struct expr *parts[] = {e->aggregate.param, e->aggregate.inner};
    size_t skip = e->aggregate.param ? 0 : 1;

    add_aggregate_head(out, e);
    add_pretty_parts(out, parts + skip, 2 - skip, level);
}

static void add_pretty_unary(struct buf *out, const struct expr *e, unsigned level)
{
    SCOPED(buf_fini) struct buf inner = {0};

    add_pretty(&inner, e->unary.inner, level);
    indent(out, level);
    buf_adds(out, token_text(e->unary.op));
    buf_add(out, str_trim(buf_str(&inner)));
}

static void add_pretty(struct buf *out, const struct expr *e, unsigned level)
{
    if (e->kind == EXPR_UNARY) {
        add_pretty_unary(out, e, level);
        return;
    }
    if (e->kind == EXPR_SUBQUERY && !fits_a_line(e)) {
        add_pretty(out, e->subquery.inner, level);
        add_subquery_suffix(out, e);
        return;
    }
    if (e->kind == EXPR_BINARY && !fits_a_line(e)) {
        add_pretty(out, e->binary.left, level + 1);
        buf_addc(out, '\n');
        indent(out, level);
        add_operator(out, e);
        buf_addc(out, '\n');
        add_pretty(out, e->binary.right, level + 1);
        return;
    }
    if (e->kind != EXPR_SUBQUERY)
        indent(out, level);
    if (e->kind == EXPR_AGGREGATE && !fits_a_line(e)) {
        add_pretty_aggregate(out, e, level);
    } else if (e->kind == EXPR_CALL && !fits_a_line(e)) {
        buf_adds(out, e->call.function->name);
        add_pretty_parts(out, (const struct expr *const *)e->call.args, e->call.args_n, level);
    } else if (e->kind == EXPR_PAREN && !fits_a_line(e)) {
        const struct expr *inner = e->paren;

        add_pretty_parts(out, &inner, 1, level);
    } else {
        add_expr(out, e);
    }
}

int promql_print(const struct expr *e, bool pretty, struct buf *out, struct err *err)
{
    if (pretty)
        add_pretty(out, e, 0);
    else
        add_expr(out, e);
    if (out->overflowed)
        return err_set(err, ERR_LIMIT, "the printed query is longer than %zu bytes",
                       out->max_bytes);
    return 0;
}
