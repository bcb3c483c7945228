/* matcher: one condition on one label: =, !=, =~, !~.
 *
 * Regular expressions are RE2, anchored at both ends. A missing label is the empty string.
 * The common shapes (literal, prefix.*, .*suffix, .+, .*, a|b|c) are found when the matcher is
 * made and never reach the regex engine; `set` lets an index look values up instead of scanning.
 *
 * Ownership: arena; matcher_fini releases the compiled expression (not arena memory).
 * Threads: immutable after matcher_init; any may match.
 */
#ifndef MODEL_MATCHER_H
#define MODEL_MATCHER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

struct arena;
struct err;
struct labels;
struct regex;

enum match_op { MATCH_EQ, MATCH_NE, MATCH_RE, MATCH_NRE };

enum match_shape {
    SHAPE_LITERAL, /* set[0] */
    SHAPE_SET,     /* set[0..set_n): alternation of literals */
    SHAPE_PREFIX,  /* prefix.* */
    SHAPE_ANY,     /* .* */
    SHAPE_SOME,    /* .+ */
    SHAPE_REGEX,   /* needs the engine; prefix may be non-empty: every match starts with it */
};

struct matcher {
    enum match_op op;
    struct str name, value; /* as written */
    enum match_shape shape;
    struct str prefix;
    struct str *set; /* sorted, unique */
    size_t set_n;
    struct regex *regex; /* owned; NULL unless SHAPE_REGEX */
};

/* Copies name and value into the arena. A bad expression is ERR_SYNTAX with RE2's words. */
MUST_USE int matcher_init(struct matcher *m, struct arena *a, enum match_op op, struct str name,
                          struct str value, struct err *err);
void matcher_fini(struct matcher *m);

bool matcher_matches(const struct matcher *m, struct str value);
bool matcher_matches_empty(const struct matcher *m); /* would a series without the label match? */
bool matchers_match(const struct matcher *matchers, size_t n, const struct labels *ls);
/* name=~"value", as in PromQL. */
void matcher_print(const struct matcher *m, struct buf *out);

#endif
