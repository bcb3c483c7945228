/* query: PromQL in, series out. The folder's entry header.
 *
 * Semantics are those of Prometheus 3.x: ranges and lookback are open on the left, numbers are
 * durations too, __name__ is removed late where asked, sums are Kahan sums. The lexer, parser,
 * checker and planner are charged to the same budget as the engine.
 *
 *   promql_parse -> expr -> promql_run (on a lane) -> promql_result, all in the query's arena
 *
 * Errors: ERR_SYNTAX and ERR_TYPE carry the place; the text is Prometheus' where it has one, with a
 * "did you mean" behind it. ERR_EVAL: on these data. ERR_LIMIT, ERR_TIMEOUT, ERR_CANCELLED.
 * Threads: an expr is immutable after parsing; a run uses the calling thread.
 */
#ifndef PROMQL_QUERY_H
#define PROMQL_QUERY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/str.h"

struct arena;
struct err;
struct expr;
struct labels;
struct source;

/* --enable-feature names. */
enum promql_feature {
    PROMQL_EXPERIMENTAL_FUNCTIONS = 1 << 0, /* promql-experimental-functions */
    PROMQL_NO_FEATURE = 1 << 1,             /* a known name that switches nothing any more */
    PROMQL_EXTENDED_RANGES = 1 << 2,        /* promql-extended-range-selectors */
    PROMQL_DELAYED_NAME_REMOVAL = 1 << 3,   /* promql-delayed-name-removal */
    PROMQL_FILL_MODIFIERS = 1 << 4,         /* promql-binop-fill-modifiers */
};
/* 0 when the name is not one. */
unsigned promql_feature_of(struct str name);

#define PROMQL_TEXT_BYTES_MAX (64u << 10)
#define PROMQL_NESTING_MAX    250u
#define PROMQL_STEPS_MAX      11000u
#define PROMQL_SAMPLES_MAX    50000000u
#define PROMQL_LOOKBACK_MS    300000

enum promql_type { PROMQL_SCALAR, PROMQL_VECTOR, PROMQL_MATRIX, PROMQL_STRING };

MUST_USE int promql_parse(struct arena *a, struct str text, unsigned features, struct expr **out,
                          struct err *err);
/* Releases what an expr holds besides its arena (compiled regular expressions); call it before the
 * arena goes. NULL is fine. */
void promql_free(struct expr *e);
enum promql_type promql_type_of(const struct expr *e);
/* The expression printed in Prometheus' own form: `pretty` breaks lines as format_query does. */
MUST_USE int promql_print(const struct expr *e, bool pretty, struct buf *out, struct err *err);
/* Its nodes as JSON, in the shape of Prometheus' parse_query. */
MUST_USE int promql_print_tree(const struct expr *e, struct buf *out, struct err *err);

/* Called at every series: a long run may sleep here until others have had their turn. */
struct promql_pause {
    void (*pause)(struct promql_pause *p);
};

struct promql_params {
    struct source *source;
    ts_ms start_ms, end_ms;
    int64_t step_ms;     /* 0: instant, start_ms == end_ms */
    int64_t lookback_ms; /* 0: the default */
    unsigned features;
    uint64_t samples_max;         /* 0: the default */
    const atomic_bool *cancelled; /* NULL: cannot be */
    int64_t deadline_ns;          /* by mono; 0: none */
    const struct clock *clock;
    struct promql_pause *pause; /* NULL: never */
};

struct promql_series {
    const struct labels *labels;
    const ts_ms *ts; /* [n] */
    const double *values;
    size_t n;
};

struct promql_result {
    enum promql_type type;        /* of the answer: range queries give PROMQL_MATRIX */
    struct promql_series *series; /* vector: n == 1 each; matrix: sorted by labels */
    size_t series_n;
    double scalar;
    struct str string;
    const char **warnings, **infos; /* unique, in order of first sight */
    size_t warnings_n, infos_n;
    uint64_t samples_read, samples_peak;
};

/* Everything in the result lives in `a`, whose budget bounds the query. */
MUST_USE int promql_run(const struct expr *e, const struct promql_params *params, struct arena *a,
                        struct promql_result *out, struct err *err);

/* The vector selectors of an expression, left to right; the matchers are the expression's. */
struct source_selector;
MUST_USE int promql_selectors(const struct expr *e, struct arena *a, struct source_selector **out,
                              size_t *n, struct err *err);

/* One vector selector, for series, federation, lint and explain: its matchers, the metric name's
 * among them. matcher_fini each before the arena goes. */
struct matcher;
MUST_USE int promql_parse_selector(struct arena *a, struct str text, struct matcher **out,
                                   size_t *n, struct err *err);

#endif
