/* lex: PromQL text to tokens, one at a time.
 *
 * Which characters are fine depends on where we are: inside braces every word is a name, inside
 * brackets only numbers, durations and arithmetic on them are expected. Comments and blanks are
 * skipped. The grammar and its messages are Prometheus' (promql/parser/lex.go, written anew).
 *
 * Errors: ERR_SYNTAX with the place; a lexer that failed is not used again.
 */
#ifndef PROMQL_LEX_H
#define PROMQL_LEX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"
#include "promql/quote.h"

enum token {
    TOK_EOF,
    TOK_IDENTIFIER,
    TOK_METRIC_IDENTIFIER, /* a word with a colon in it */
    TOK_STRING,
    TOK_NUMBER,
    TOK_DURATION,
    TOK_LEFT_PAREN,
    TOK_RIGHT_PAREN,
    TOK_LEFT_BRACE,
    TOK_RIGHT_BRACE,
    TOK_LEFT_BRACKET,
    TOK_RIGHT_BRACKET,
    TOK_COMMA,
    TOK_COLON,
    TOK_EQL,

    /* Operators. */
    TOK_ADD,
    TOK_SUB,
    TOK_MUL,
    TOK_DIV,
    TOK_MOD,
    TOK_POW,
    TOK_ATAN2,
    TOK_EQLC,
    TOK_NEQ,
    TOK_LTE,
    TOK_LSS,
    TOK_GTE,
    TOK_GTR,
    TOK_TRIM_UPPER,
    TOK_TRIM_LOWER,
    TOK_AND,
    TOK_OR,
    TOK_UNLESS,
    TOK_EQL_REGEX,
    TOK_NEQ_REGEX,
    TOK_AT,

    /* Aggregators. */
    TOK_SUM,
    TOK_AVG,
    TOK_COUNT,
    TOK_MIN,
    TOK_MAX,
    TOK_GROUP,
    TOK_STDDEV,
    TOK_STDVAR,
    TOK_TOPK,
    TOK_BOTTOMK,
    TOK_COUNT_VALUES,
    TOK_QUANTILE,
    TOK_LIMITK,
    TOK_LIMIT_RATIO,

    /* Keywords. */
    TOK_OFFSET,
    TOK_SMOOTHED,
    TOK_ANCHORED,
    TOK_BY,
    TOK_WITHOUT,
    TOK_ON,
    TOK_IGNORING,
    TOK_GROUP_LEFT,
    TOK_GROUP_RIGHT,
    TOK_FILL,
    TOK_FILL_LEFT,
    TOK_FILL_RIGHT,
    TOK_BOOL,

    /* Words with a meaning in durations and behind @. */
    TOK_START,
    TOK_END,
    TOK_STEP,
    TOK_RANGE,
    TOK_MAX_OF,
    TOK_MIN_OF,

    TOK_COUNT_OF_TOKENS
};

struct item {
    enum token token;
    uint32_t start, end; /* bytes of the text */
};

struct lex {
    struct str text;
    uint32_t pos;
    int paren_depth;
    bool in_braces, in_brackets;
    bool in_length; /* inside [ ], before the first number */
    bool had_colon, had_duration;
};

void lex_init(struct lex *l, struct str text);
MUST_USE int lex_next(struct lex *l, struct item *out, struct err *err);

static inline bool token_is_operator(enum token t)
{
    return t >= TOK_ADD && t <= TOK_AT;
}

static inline bool token_is_aggregator(enum token t)
{
    return t >= TOK_SUM && t <= TOK_LIMIT_RATIO;
}

static inline bool token_is_keyword(enum token t)
{
    return t >= TOK_OFFSET && t <= TOK_BOOL;
}

/* "sum", "==", "(": how the token is written; NULL for names, numbers and the like. */
const char *token_text(enum token t);
/* The item as messages name it: `identifier "foo"`, `<op:+>`, `end of input`. */
void item_describe(const struct lex *l, const struct item *item, struct buf *out);

/* Line and column (1-based) of a byte of the text. */
struct span text_span(struct str text, uint32_t start, uint32_t end);

#endif
