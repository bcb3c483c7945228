/* ast: what a PromQL expression is made of.
 *
 * Nodes live in the arena of promql_parse and never change afterwards; what depends on the query's
 * times (@ start(), step() in durations) is resolved while evaluating. Positions are bytes of the
 * text. A node's depth bounds the recursion of whoever walks the tree.
 */
#ifndef PROMQL_AST_H
#define PROMQL_AST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/labels.h"
#include "model/matcher.h"
#include "promql/functions.h"
#include "promql/lex.h"
#include "promql/query.h"

enum expr_kind {
    EXPR_NUMBER,
    EXPR_STRING,
    EXPR_SELECTOR, /* an instant vector selector */
    EXPR_RANGE,    /* a selector with [range] */
    EXPR_SUBQUERY,
    EXPR_CALL,
    EXPR_AGGREGATE,
    EXPR_BINARY,
    EXPR_UNARY,
    EXPR_PAREN,
    EXPR_DURATION, /* arithmetic on durations; never a value of its own */
};

/* What all nodes of one text share; owned by the arena, the compiled regexes by promql_free. */
struct expr_text {
    struct str text;
    unsigned features;
    struct matchers_of *matchers; /* of every selector */
};

struct matchers_of {
    struct matchers_of *next;
    struct matcher *items;
    size_t n;
};

enum at_kind { AT_NONE, AT_TIME, AT_START, AT_END };

/* offset and @ of a selector or subquery. */
struct timing {
    int64_t offset_ms;
    struct expr *offset_expr; /* EXPR_DURATION; NULL: offset_ms counts */
    enum at_kind at;
    ts_ms at_ms;
};

enum cardinality { ONE_TO_ONE, MANY_TO_ONE, ONE_TO_MANY, MANY_TO_MANY };

struct matching {
    bool used; /* both sides are vectors */
    bool on;   /* else ignoring */
    struct str *labels;
    size_t labels_n;
    enum cardinality card;
    struct str *include; /* of group_left, group_right */
    size_t include_n;
    bool fills_left, fills_right;
    double fill_left, fill_right;
};

struct expr {
    enum expr_kind kind;
    uint32_t start, end;
    uint32_t depth;
    const struct expr_text *source;
    union {
        struct {
            double value;
            bool is_duration; /* written as 5m */
        } number;
        struct str string;
        struct {
            struct str name; /* written before the braces; empty: none */
            struct matcher *matchers;
            size_t matchers_n;
            struct timing timing;
            bool anchored, smoothed;
        } selector;
        struct {
            struct expr *selector;
            int64_t range_ms;
            struct expr *range_expr; /* EXPR_DURATION or NULL */
        } range;
        struct {
            struct expr *inner;
            int64_t range_ms, step_ms; /* step 0: the default */
            struct expr *range_expr, *step_expr;
            struct timing timing;
        } subquery;
        struct {
            const struct function *function;
            struct expr **args;
            size_t args_n;
        } call;
        struct {
            enum token op;
            struct expr *inner, *param; /* param NULL unless the operator takes one */
            struct str *labels;
            size_t labels_n;
            bool without;
        } aggregate;
        struct {
            enum token op;
            struct expr *left, *right;
            bool returns_bool;
            struct matching matching;
        } binary;
        struct {
            enum token op; /* TOK_ADD or TOK_SUB */
            struct expr *inner;
        } unary;
        struct expr *paren;
        struct {
            enum token op;
            struct expr *left, *right; /* left NULL: a sign; both NULL: step(), range() */
            bool wrapped;              /* in parentheses */
        } duration;
    };
};

/* Behind all parentheses. */
static inline const struct expr *expr_unwrap(const struct expr *e)
{
    while (e->kind == EXPR_PAREN)
        e = e->paren;
    return e;
}

static inline struct span expr_span(const struct expr *e)
{
    return text_span(e->source->text, e->start, e->end);
}

static inline bool token_is_comparison(enum token t)
{
    return t >= TOK_EQLC && t <= TOK_GTR;
}

static inline bool token_is_set_operator(enum token t)
{
    return t >= TOK_AND && t <= TOK_UNLESS;
}

static inline bool aggregator_has_param(enum token t)
{
    return t >= TOK_TOPK && t <= TOK_LIMIT_RATIO;
}

/* "instant vector", "range vector", "scalar", "string". */
const char *type_name(enum promql_type type);

/* Types, arity, matching: all that parses but means nothing. ERR_SYNTAX with Prometheus' words
 * (there it is a parse error as well). Decides how operators match. */
MUST_USE int check_expr(struct expr *e, struct err *err);

#endif
