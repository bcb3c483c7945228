#include "promql/parser.h"

#include <math.h>

#define SECONDS_MAX (9223372036.854775807) /* what fits 64 bits of nanoseconds */

enum { TIGHTEST = 3 };

static int check_bounds(struct parser *p, const struct expr *e)
{
    if (!(fabs(e->number.value) > SECONDS_MAX) && !isnan(e->number.value))
        return 0;
    return parser_fail(p, e->start, e->end, "duration out of range");
}

static int parse_literal(struct parser *p, struct expr **out)
{
    struct expr *e = parser_node(p, EXPR_NUMBER, p->item.start, p->item.end);

    if (!e || parser_number(p, &e->number.value, &e->number.is_duration) < 0)
        return -1;
    *out = e;
    return check_bounds(p, e);
}

static int parse_operation(struct parser *p, int tightness, struct expr **out);

static int wrong_item(struct parser *p)
{
    return parser_unexpected(p, p->duration_context, p->duration_expected);
}

static int expect(struct parser *p, enum token token)
{
    return p->item.token == token ? parser_advance(p) : wrong_item(p);
}

/* step(), range(), max_of(a, b), min_of(a, b). */
static int parse_word(struct parser *p, struct expr **out)
{
    struct item word = p->item;
    struct expr *e = parser_node(p, EXPR_DURATION, word.start, word.end);

    if (!e || parser_advance(p) < 0 || expect(p, TOK_LEFT_PAREN) < 0)
        return -1;
    e->duration.op = word.token;
    if (word.token == TOK_MAX_OF || word.token == TOK_MIN_OF) {
        if (parse_operation(p, 1, &e->duration.left) < 0 || expect(p, TOK_COMMA) < 0 ||
            parse_operation(p, 1, &e->duration.right) < 0)
            return -1;
    }
    e->end = p->item.end;
    if (expect(p, TOK_RIGHT_PAREN) < 0)
        return -1;
    *out = e;
    return parser_depth(p, e, e->duration.left, e->duration.right);
}

/* Parentheses are kept for printing; around a bare number they become a plus sign that is not
 * printed. */
static int wrap(struct parser *p, struct expr *inner, uint32_t start, struct expr **out)
{
    struct expr *e = inner;

    if (inner->kind == EXPR_NUMBER) {
        e = parser_node(p, EXPR_DURATION, start, p->last_closing);
        if (!e)
            return -1;
        e->duration.op = TOK_ADD;
        e->duration.right = inner;
    }
    e->duration.wrapped = true;
    *out = e;
    return parser_depth(p, e, e->duration.left, e->duration.right);
}

static int parse_parens(struct parser *p, struct expr **out)
{
    uint32_t start = p->item.start;
    struct expr *inner;

    if (parser_advance(p) < 0 || parse_operation(p, 1, &inner) < 0 ||
        expect(p, TOK_RIGHT_PAREN) < 0)
        return -1;
    return wrap(p, inner, start, out);
}

static int apply_sign(struct parser *p, const struct item *sign, struct expr *e, struct expr **out)
{
    struct expr *negated;

    if (e->kind == EXPR_NUMBER) {
        if (sign->token == TOK_SUB)
            e->number.value = -e->number.value;
        e->start = sign->start;
        *out = e;
        return 0;
    }
    if (sign->token == TOK_ADD) {
        *out = e;
        return 0;
    }
    negated = parser_node(p, EXPR_DURATION, sign->start, e->end);
    if (!negated)
        return -1;
    negated->duration.op = TOK_SUB;
    negated->duration.right = e;
    *out = negated;
    return parser_depth(p, negated, e, NULL);
}

static int parse_signed(struct parser *p, struct expr **out)
{
    struct item sign = p->item;
    struct expr *e;

    switch (sign.token) {
    case TOK_ADD:
    case TOK_SUB:
        if (parser_advance(p) < 0 || parser_enter(p) < 0 || parse_operation(p, TIGHTEST, &e) < 0)
            return -1;
        p->nesting--;
        return apply_sign(p, &sign, e, out);
    case TOK_NUMBER:
    case TOK_DURATION:
        return parse_literal(p, out);
    case TOK_LEFT_PAREN:
        return parse_parens(p, out);
    case TOK_STEP:
    case TOK_RANGE:
    case TOK_MAX_OF:
    case TOK_MIN_OF:
        return parse_word(p, out);
    default:
        return wrong_item(p);
    }
}

static int tightness_of(enum token t)
{
    switch (t) {
    case TOK_ADD:
    case TOK_SUB:
        return 1;
    case TOK_MUL:
    case TOK_DIV:
    case TOK_MOD:
        return 2;
    case TOK_POW:
        return TIGHTEST;
    default:
        return 0;
    }
}

static int parse_operation(struct parser *p, int tightness, struct expr **out)
{
    struct expr *left;
    int binds;

    if (parser_enter(p) < 0 || parse_signed(p, &left) < 0)
        return -1;
    while ((binds = tightness_of(p->item.token)) >= tightness && binds) {
        struct item op = p->item;
        struct expr *e = parser_node(p, EXPR_DURATION, left->start, left->end);

        if (!e || parser_advance(p) < 0 ||
            parse_operation(p, binds == TIGHTEST ? TIGHTEST : binds + 1, &e->duration.right) < 0)
            return -1;
        e->duration.op = op.token;
        e->duration.left = left;
        e->end = e->duration.right->end;
        if ((op.token == TOK_DIV || op.token == TOK_MOD) &&
            e->duration.right->kind == EXPR_NUMBER && e->duration.right->number.value == 0)
            return parser_fail(p, op.start, op.end, "%s by zero",
                               op.token == TOK_DIV ? "division" : "modulo");
        if (parser_depth(p, e, left, e->duration.right) < 0)
            return -1;
        left = e;
    }
    p->nesting--;
    *out = left;
    return 0;
}

int parse_duration(struct parser *p, struct expr **out)
{
    return parse_operation(p, 1, out);
}

/* Behind `offset` a bare number, a word or a sign ends the duration: `foo offset 5m * 2` doubles
 * foo. In parentheses anything goes. */
int parse_offset(struct parser *p, struct expr **out)
{
    struct item sign = p->item;
    struct expr *e;

    p->duration_context = "offset";
    p->duration_expected = DURATION_ITEMS;
    switch (sign.token) {
    case TOK_LEFT_PAREN:
        return parse_operation(p, 1, out);
    case TOK_ADD:
    case TOK_SUB:
        if (parser_advance(p) < 0)
            return -1;
        if (p->item.token == TOK_ADD || p->item.token == TOK_SUB)
            break;
        if (parse_signed(p, &e) < 0)
            return -1;
        return apply_sign(p, &sign, e, out);
    case TOK_NUMBER:
    case TOK_DURATION:
    case TOK_STEP:
    case TOK_RANGE:
    case TOK_MAX_OF:
    case TOK_MIN_OF:
        return parse_signed(p, out);
    default:
        break;
    }
    return wrong_item(p);
}
