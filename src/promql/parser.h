/* parser: what the files of the parser share: the token at hand, nodes, complaints.
 *
 * Recursive descent with one token of lookahead; the first mistake ends it. Every recursion is
 * counted against PROMQL_NESTING_MAX, every node against the arena's budget.
 */
#ifndef PROMQL_PARSER_H
#define PROMQL_PARSER_H

#include "base/arena.h"
#include "promql/ast.h"

struct parser {
    struct arena *arena;
    struct expr_text *source;
    struct lex lex;
    struct item item;      /* the next token, not consumed */
    uint32_t last_closing; /* end of the last ) ] } number or duration consumed */
    unsigned nesting;
    unsigned aggregating; /* aggregations whose arguments are being read */
    /* Of the duration being read: what it is in, and what could stand there. */
    const char *duration_context, *duration_expected;
    struct err *err;
};

/* parse.c */
MUST_USE int parser_advance(struct parser *p);
MUST_USE int parser_expect(struct parser *p, enum token token, const char *context,
                           const char *expected);
/* Always -1, for `return parser_fail(...)`: the place and the words; "unexpected X in context,
 * expected Y", where either may be NULL. */
#define parser_fail(p, ...)                     (parser_complain((p), __VA_ARGS__), -1)
#define parser_unexpected(p, context, expected) (parser_wonder((p), (context), (expected)), -1)
void parser_complain(struct parser *p, uint32_t start, uint32_t end, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
void parser_wonder(struct parser *p, const char *context, const char *expected);
MUST_USE struct expr *parser_node(struct parser *p, enum expr_kind kind, uint32_t start,
                                  uint32_t end);
/* Sets the depth from the children; -1 past PROMQL_NESTING_MAX. */
MUST_USE int parser_depth(struct parser *p, struct expr *e, const struct expr *a,
                          const struct expr *b);
MUST_USE int parser_enter(struct parser *p); /* one level of recursion; p->nesting-- ends it */
static inline struct str parser_text(const struct parser *p, const struct item *item)
{
    return (struct str){p->lex.text.p + item->start, item->end - item->start};
}
MUST_USE int parser_unquote(struct parser *p, const struct item *item, struct str *out);
MUST_USE int parser_number(struct parser *p, double *out, bool *is_duration); /* consumes it */
MUST_USE int parse_expr(struct parser *p, struct expr **out);
MUST_USE int parse_primary(struct parser *p, struct expr **out);

/* parse_postfix.c: a primary and all modifiers behind it */
MUST_USE int parse_postfix(struct parser *p, struct expr **out);

/* parse_selector.c: a metric name and what is in braces; `name` NULL: starts with {. */
MUST_USE int parse_vector_selector(struct parser *p, const struct item *name, struct expr **out);
/* (a, b, "c") */
MUST_USE int parse_grouping(struct parser *p, struct str **out, size_t *n);

/* parse_duration.c */
#define DURATION_ITEMS "number, duration, step(), or range()"
MUST_USE int parse_duration(struct parser *p, struct expr **out); /* inside brackets */
MUST_USE int parse_offset(struct parser *p, struct expr **out);   /* behind `offset` */

#endif
