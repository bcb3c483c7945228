/* explain: why an expression gave nothing, in plain words.
 *
 *   promql_parse -> expr -> promql_explain -> explain_report, all in the caller's arena
 *
 * The tree is walked and every part is run alone at the times it is wanted at. Where series go in
 * and none comes out, the part is taken apart: which matcher, which label of a match, which
 * comparison, which range. `mended` is offered only after it was run; the suggestion of a single
 * finding was not run by itself.
 *
 * Bounds: the arena's budget, the params' deadline and cancellation, EXPLAIN_PARTS_MAX parts and
 * EXPLAIN_SERIES_MAX series a side. When one of them is reached after a part was looked at, the
 * report says so (`stopped`) and is an answer still.
 * Errors: those of promql_run on the whole expression.
 * Threads: the calling thread, as promql_run.
 */
#ifndef PROMQL_EXPLAIN_H
#define PROMQL_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct arena;
struct err;
struct expr;
struct promql_params;

#define EXPLAIN_PARTS_MAX  64u
#define EXPLAIN_SERIES_MAX 2000u

enum explain_kind {
    EXPLAIN_NO_SUCH_METRIC,
    EXPLAIN_NO_SUCH_LABEL,  /* a matcher's label that no series has */
    EXPLAIN_NO_SUCH_VALUE,  /* a matcher that leaves nothing */
    EXPLAIN_NO_SUCH_SERIES, /* each matcher leaves some, all together none */
    EXPLAIN_NOT_THEN,       /* it exists, but has no sample at these times */
    EXPLAIN_DISJOINT_MATCH, /* no two series pair up */
    EXPLAIN_NEVER_TOGETHER, /* they pair up, never at one time */
    EXPLAIN_ALL_EXCLUDED,   /* unless */
    EXPLAIN_NEVER_IN_RANGE, /* a comparison that nothing passes */
    EXPLAIN_TOO_FEW_SAMPLES,
    EXPLAIN_NO_BUCKETS,   /* no label le */
    EXPLAIN_PRESENT,      /* absent() of what is there */
    EXPLAIN_NONE_ASKED,   /* topk(0, ...), clamp with min above max */
    EXPLAIN_NATIVE,       /* functions of native histograms on plain series */
    EXPLAIN_NOTHING_LEFT, /* gives nothing, for a reason unknown */
    /* Worth knowing, no cause by themselves. */
    EXPLAIN_GROUPING_LABEL, /* by (label) that no series has */
    EXPLAIN_SELF_DIVISION,
};

/* "no-such-metric", "disjoint-match": for JSON. */
const char *explain_kind_name(enum explain_kind kind);

struct explain_finding {
    enum explain_kind kind;
    bool is_cause;
    uint32_t start, end;    /* bytes of the expression */
    const char *text;       /* one sentence or two */
    const char *suggestion; /* the whole expression with this one mended; NULL: none */
};

struct explain_part {
    uint32_t start, end, depth;
    bool counted; /* a vector that was run; else `series` says nothing */
    bool dies;    /* series are lost here */
    size_t series;
    const char *note; /* NULL: nothing to say */
};

struct explain_report {
    size_t series;       /* of the whole */
    const char *summary; /* a headline */
    struct explain_part *parts;
    size_t parts_n; /* the whole first, each part before what it is made of */
    struct explain_finding *findings;
    size_t findings_n;
    const char *mended;  /* all of it mended; NULL: it cannot be said how */
    const char *stopped; /* why the rest was not looked at; NULL: all was */
};

MUST_USE int promql_explain(const struct expr *e, const struct promql_params *params,
                            struct arena *a, struct explain_report *out, struct err *err);

#endif
