/* parts: what the files of explain share: one explanation on its way, running a part, words.
 *
 * Texts and findings live in the report's arena; what a run gives lives in an arena of its own,
 * freed as soon as it was counted.
 */
#ifndef PROMQL_EXPLAIN_PARTS_H
#define PROMQL_EXPLAIN_PARTS_H

#include "base/arena.h"
#include "model/sample.h"
#include "promql/ast.h"
#include "promql/explain.h"

/* The times a part is wanted at: step 0: at `start` alone. */
struct when {
    ts_ms start, end;
    int64_t step;
};

struct owned_matcher;

struct explain {
    const struct promql_params *params;
    struct arena *arena;
    struct str text;   /* of the whole expression */
    unsigned features; /* it was parsed with */
    struct explain_report *report;
    size_t parts_cap, findings_cap;
    struct owned_matcher *owned; /* what explain_fini releases */
    bool in_histogram;           /* below histogram_quantile and its like */
    bool never;                  /* two sides that no data can bring together */
};

void explain_fini(struct explain *x);

/* ---- running ---- */

struct measure {
    bool counted; /* a vector */
    size_t series;
    double min, max;     /* of all values but NaN; min > max: there is none */
    const char *refused; /* it cannot be run alone: why; NULL: it was run */
};

/* Range vectors come as the number of samples in each window. */
MUST_USE int explain_run(const struct explain *x, const struct expr *e, const struct when *w,
                         struct arena *a, struct promql_result *out, struct err *err);
MUST_USE int explain_measure(const struct explain *x, const struct expr *e, const struct when *w,
                             struct measure *out, struct err *err);
/* Series of a SELECTOR or RANGE with other matchers in its place. */
MUST_USE int explain_count(const struct explain *x, const struct expr *e, const struct when *w,
                           struct matcher *matchers, size_t n, size_t *out, struct err *err);
/* The times inside a subquery; false: they cannot be told. */
bool explain_inside(const struct explain *x, const struct expr *subquery, const struct when *w,
                    struct when *out);
/* From when to when a SELECTOR or RANGE looks, both inclusive. */
void explain_reach(const struct explain *x, const struct expr *e, const struct when *w, ts_ms *mint,
                   ts_ms *maxt);
static inline const struct expr *explain_selector_of(const struct expr *e)
{
    return e->kind == EXPR_RANGE ? e->range.selector : e;
}
/* A matcher in the arena, released by explain_fini. */
MUST_USE int explain_matcher(struct explain *x, enum match_op op, struct str name, struct str value,
                             struct matcher *out, struct err *err);

/* ---- findings ---- */

MUST_USE int explain_add(struct explain *x, enum explain_kind kind, const struct expr *at,
                         const char *text, const char *suggestion, struct err *err);

/* What a part that lost everything has to say: adds findings, sets the row's note. Its inputs,
 * where there are any, have series. */
MUST_USE int explain_selector(struct explain *x, const struct expr *e, const struct when *w,
                              const char **note, struct err *err);
/* "job: 2, instance: 6; last sample 4 s before": of a selector that has series. */
MUST_USE int explain_describe(struct explain *x, const struct expr *e, const struct when *w,
                              const char **note, struct err *err);
MUST_USE int explain_binary(struct explain *x, const struct expr *e, const struct when *w,
                            const struct measure *left, const struct measure *right,
                            const char **note, struct err *err);
MUST_USE int explain_call(struct explain *x, const struct expr *e, const struct when *w,
                          const struct measure *arg, const char **note, struct err *err);
MUST_USE int explain_aggregate(struct explain *x, const struct expr *e, const char **note,
                               struct err *err);
/* Notices on parts that have inputs, whether anything comes out or not. */
MUST_USE int explain_notice(struct explain *x, const struct expr *e, const struct when *w,
                            const struct measure *whole, struct err *err);

/* ---- words ---- */

/* "a", "b" and 3 more; with quotes or without. */
MUST_USE int explain_list(struct arena *a, const struct str items[], size_t n, bool quoted,
                          const char **out, struct err *err);
/* The expression with bytes [start, end) replaced. NULL: out of budget. */
const char *explain_splice(const struct explain *x, uint32_t start, uint32_t end,
                           const char *replacement, struct err *err);
/* The source text of a node, or what it prints to. NULL: out of budget. */
const char *explain_print(const struct explain *x, const struct expr *e, struct err *err);
const char *explain_duration(const struct explain *x, int64_t ms, struct err *err);
/* 2026-11-27 01:40:05 UTC */
const char *explain_time(const struct explain *x, ts_ms t, struct err *err);
/* "12.4", "between 2 and 55" */
const char *explain_values(const struct explain *x, const struct measure *m, struct err *err);

#endif
