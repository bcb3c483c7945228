/* explain: walking the tree, and mending what was found in rounds.
 *
 * A part *dies* when it has no series although what it is made of has some, or when it is a
 * selector. Parts above a dead one only say which side was empty. Every finding mends its own place
 * in the expression; `mended` applies them one after the other, each time explaining the new
 * expression again, until something comes out or only a comparison keeps it empty.
 */
#include "promql/explain.h"

#include <string.h>

#include "base/err.h"
#include "promql/explain/parts.h"

#define DEPTH_MAX    60u /* of rows; what lies deeper is run, not taken apart */
#define FINDINGS_MAX 16u
#define ROUNDS_MAX   6u
#define INPUTS_MAX   8u

const char *explain_kind_name(enum explain_kind kind)
{
    static const char *const names[] = {
        [EXPLAIN_NO_SUCH_METRIC] = "no-such-metric",
        [EXPLAIN_NO_SUCH_LABEL] = "no-such-label",
        [EXPLAIN_NO_SUCH_VALUE] = "no-such-value",
        [EXPLAIN_NO_SUCH_SERIES] = "no-such-series",
        [EXPLAIN_NOT_THEN] = "not-then",
        [EXPLAIN_DISJOINT_MATCH] = "disjoint-match",
        [EXPLAIN_NEVER_TOGETHER] = "never-together",
        [EXPLAIN_ALL_EXCLUDED] = "all-excluded",
        [EXPLAIN_NEVER_IN_RANGE] = "never-in-range",
        [EXPLAIN_TOO_FEW_SAMPLES] = "too-few-samples",
        [EXPLAIN_NO_BUCKETS] = "no-buckets",
        [EXPLAIN_PRESENT] = "present",
        [EXPLAIN_NONE_ASKED] = "none-asked",
        [EXPLAIN_NATIVE] = "native-histogram",
        [EXPLAIN_NOTHING_LEFT] = "nothing-left",
        [EXPLAIN_GROUPING_LABEL] = "grouping-label",
        [EXPLAIN_SELF_DIVISION] = "self-division",
    };

    return names[kind];
}

int explain_add(struct explain *x, enum explain_kind kind, const struct expr *at, const char *text,
                const char *suggestion, struct err *err)
{
    struct explain_report *r = x->report;

    if (r->findings_n >= FINDINGS_MAX)
        return 0;
    if (arena_grow(x->arena, (void **)&r->findings, &x->findings_cap, r->findings_n + 1,
                   sizeof *r->findings, err) < 0)
        return -1;
    r->findings[r->findings_n++] =
        (struct explain_finding){.kind = kind,
                                 .is_cause = kind < EXPLAIN_GROUPING_LABEL,
                                 .start = at->start,
                                 .end = at->end,
                                 .text = text,
                                 .suggestion = suggestion};
    return 0;
}

/* ---- walking ---- */

/* What a part is made of: vectors and ranges, at their times. */
struct inputs {
    const struct expr *items[INPUTS_MAX];
    struct when when[INPUTS_MAX];
    struct measure measures[INPUTS_MAX];
    size_t n;
};

static const struct expr *skip_signs(const struct expr *e)
{
    for (e = expr_unwrap(e); e->kind == EXPR_UNARY; e = expr_unwrap(e->unary.inner))
        ;
    return e;
}

static void add_input(struct inputs *in, const struct expr *e, const struct when *w)
{
    if (in->n < INPUTS_MAX && promql_type_of(e) != PROMQL_STRING) {
        in->items[in->n] = e;
        in->when[in->n++] = *w;
    }
}

static void find_inputs(const struct explain *x, const struct expr *e, const struct when *w,
                        struct inputs *in)
{
    struct when inside;

    in->n = 0;
    switch (e->kind) {
    case EXPR_BINARY:
        add_input(in, e->binary.left, w);
        add_input(in, e->binary.right, w);
        break;
    case EXPR_AGGREGATE:
        add_input(in, e->aggregate.inner, w);
        break;
    case EXPR_CALL:
        for (size_t i = 0; i < e->call.args_n; i++)
            if (!(e->call.function->id == FN_info && i == 1))
                add_input(in, e->call.args[i], w);
        break;
    case EXPR_SUBQUERY:
        if (explain_inside(x, e, w, &inside))
            add_input(in, e->subquery.inner, &inside);
        break;
    default:
        break;
    }
}

/* Why a part is empty whose inputs are, too. NULL: they are not. */
static const char *already_empty(const struct expr *e, const struct inputs *in)
{
    bool first = in->n > 0 && in->measures[0].counted && !in->measures[0].series;
    bool second = in->n > 1 && in->measures[1].counted && !in->measures[1].series;

    if (e->kind == EXPR_BINARY) {
        bool vectors = in->measures[0].counted && in->measures[1].counted;

        if (first && second)
            return "both sides are already empty";
        if ((first || second) && !vectors)
            return token_is_comparison(e->binary.op) ? "nothing left to compare"
                                                     : "nothing left to work on";
        if (first)
            return "left side is already empty";
        return second ? "right side is already empty" : NULL;
    }
    for (size_t i = 0; i < in->n; i++)
        if (in->measures[i].counted && !in->measures[i].series)
            return "nothing left to work on";
    return NULL;
}

static int die(struct explain *x, const struct expr *e, const struct when *w,
               const struct inputs *in, const char **note, struct err *err)
{
    switch (e->kind) {
    case EXPR_SELECTOR:
    case EXPR_RANGE:
        return explain_selector(x, e, w, note, err);
    case EXPR_BINARY:
        return explain_binary(x, e, w, &in->measures[0], &in->measures[1], note, err);
    case EXPR_AGGREGATE:
        return explain_aggregate(x, e, note, err);
    case EXPR_CALL: {
        const struct measure *arg = NULL;

        for (size_t i = 0; i < in->n && !arg; i++)
            if (in->measures[i].counted)
                arg = &in->measures[i];
        return explain_call(x, e, w, arg, note, err);
    }
    default:
        *note = "no step of the subquery falls on a value";
        return explain_add(x, EXPLAIN_NOTHING_LEFT, e,
                           "The subquery's steps fall where its inner part has no value.", NULL,
                           err);
    }
}

static int walk(struct explain *x, const struct expr *e, const struct when *w, uint32_t depth,
                struct measure *out, struct err *err);

static int walk_inputs(struct explain *x, struct inputs *in, uint32_t depth, struct err *err)
{
    for (size_t i = 0; i < in->n; i++)
        if (walk(x, in->items[i], &in->when[i], depth, &in->measures[i], err) < 0)
            return -1;
    return 0;
}

/* Numbers are not shown; a scalar(...) is, for what it is made of. */
static bool is_shown(const struct expr *e)
{
    enum promql_type type = promql_type_of(e);

    return type == PROMQL_VECTOR || type == PROMQL_MATRIX ||
           (e->kind == EXPR_CALL && e->call.function->id == FN_scalar);
}

static int new_row(struct explain *x, const struct expr *e, uint32_t depth, const struct measure *m,
                   size_t *row, struct err *err)
{
    struct explain_report *r = x->report;

    if (arena_grow(x->arena, (void **)&r->parts, &x->parts_cap, r->parts_n + 1, sizeof *r->parts,
                   err) < 0)
        return -1;
    *row = r->parts_n++;
    r->parts[*row] = (struct explain_part){.start = e->start,
                                           .end = e->end,
                                           .depth = depth,
                                           .counted = m->counted && !m->refused,
                                           .series = m->series,
                                           .note = m->refused};
    return 0;
}

static bool refused(const struct inputs *in)
{
    for (size_t i = 0; i < in->n; i++)
        if (in->measures[i].refused)
            return true;
    return false;
}

static int judge(struct explain *x, const struct expr *e, const struct when *w,
                 const struct measure *m, const struct inputs *in, size_t row, struct err *err)
{
    const char *note = already_empty(e, in);

    if (m->refused || refused(in))
        return 0;
    if (m->counted && !m->series && !note) {
        x->report->parts[row].dies = true;
        if (die(x, e, w, in, &note, err) < 0)
            return -1;
    } else if (m->series && (e->kind == EXPR_SELECTOR || e->kind == EXPR_RANGE)) {
        note = NULL;
        if (explain_describe(x, e, w, &note, err) < 0)
            return -1;
    } else if (m->series) {
        note = NULL;
    }
    x->report->parts[row].note = note;
    return explain_notice(x, e, w, m, err);
}

static int walk(struct explain *x, const struct expr *e, const struct when *w, uint32_t depth,
                struct measure *out, struct err *err)
{
    bool in_histogram = x->in_histogram;
    struct inputs *in;
    size_t row;

    e = skip_signs(e);
    if (explain_measure(x, e, w, out, err) < 0)
        return -1;
    if (!is_shown(e) || depth > DEPTH_MAX)
        return 0;
    if (x->report->parts_n >= EXPLAIN_PARTS_MAX) {
        x->report->stopped = "there are more parts than are taken apart";
        return 0;
    }
    in = arena_new(x->arena, struct inputs, err); /* not on the stack: it recurses */
    if (!in || new_row(x, e, depth, out, &row, err) < 0)
        return -1;
    if (depth == 0)
        x->report->series = out->series;
    find_inputs(x, e, w, in);
    if (e->kind == EXPR_CALL)
        x->in_histogram |= e->call.function->family == FAMILY_HISTOGRAM;
    if (walk_inputs(x, in, depth + 1, err) < 0)
        return -1;
    x->in_histogram = in_histogram;
    return judge(x, e, w, out, in, row, err);
}

/* Walks; a limit that is reached on the way, but not by the whole itself, ends it quietly. */
static int look(struct explain *x, const struct expr *e, struct err *err)
{
    const struct promql_params *p = x->params;
    struct when w = {p->start_ms, p->end_ms, p->step_ms};
    struct measure m;
    struct err why = {0};

    if (walk(x, e, &w, 0, &m, &why) == 0)
        return 0;
    if (!x->report->parts_n || why.kind == ERR_CANCELLED) {
        if (err)
            *err = why;
        return -1;
    }
    x->report->stopped = arena_printf(x->arena, &why, "%s", why.text);
    if (!x->report->stopped)
        x->report->stopped = "out of memory for queries";
    return 0;
}

/* ---- mending ---- */

static const struct explain_finding *first_cause(const struct explain_report *r, bool mendable)
{
    for (size_t i = 0; i < r->findings_n; i++)
        if (r->findings[i].is_cause && (r->findings[i].suggestion || !mendable))
            return &r->findings[i];
    return NULL;
}

/* Something comes out, or would, but for a comparison. */
static bool is_mended(const struct explain_report *r)
{
    bool compared = false;

    if (r->series)
        return true;
    for (size_t i = 0; i < r->findings_n; i++) {
        if (r->findings[i].is_cause && r->findings[i].kind != EXPLAIN_NEVER_IN_RANGE)
            return false;
        compared |= r->findings[i].is_cause;
    }
    return compared;
}

static int look_again(struct explain *x, const char *text, struct explain_report *out,
                      struct err *err)
{
    SCOPED(arena_fini) struct arena parsed;
    struct explain again = {.params = x->params, .arena = x->arena, .report = out};
    struct expr *e;
    int status;

    arena_init(&parsed, x->arena->budget);
    if (promql_parse(&parsed, str_c(text), x->features, &e, err) < 0)
        return -1;
    again.text = str_c(text);
    again.features = x->features;
    status = look(&again, e, err);
    explain_fini(&again);
    promql_free(e);
    return status;
}

/* Findings are kept as they are; only the rounds' last expression is taken over. */
static void mend(struct explain *x)
{
    struct explain_report last = *x->report;

    for (size_t round = 0; round < ROUNDS_MAX; round++) {
        const struct explain_finding *f = first_cause(&last, true);
        struct explain_report next = {0};
        struct err ignored = {0}; /* no mended expression, then */

        if (!f || look_again(x, f->suggestion, &next, &ignored) < 0)
            return;
        if (is_mended(&next)) {
            x->report->mended = f->suggestion;
            return;
        }
        last = next;
    }
}

static const char *summary_of(const struct explain *x, const struct explain_report *r)
{
    const struct explain_finding *f = first_cause(r, false);

    if (r->series)
        return "There is a result.";
    if (!f)
        return "No result.";
    switch (f->kind) {
    case EXPLAIN_DISJOINT_MATCH:
        return x->never ? "No result, and there can never be one."
                        : "No result: no two series pair up.";
    case EXPLAIN_NO_SUCH_METRIC:
        return "No result: the metric does not exist.";
    case EXPLAIN_NOT_THEN:
        return "No result: there are no samples at this time.";
    case EXPLAIN_NEVER_IN_RANGE:
        return "No result: nothing passes the comparison.";
    case EXPLAIN_TOO_FEW_SAMPLES:
        return "No result: the range is too short.";
    default:
        return "No result.";
    }
}

int promql_explain(const struct expr *e, const struct promql_params *params, struct arena *a,
                   struct explain_report *out, struct err *err)
{
    struct explain_report report = {0};
    struct explain x = {.params = params,
                        .arena = a,
                        .text = e->source->text,
                        .features = e->source->features,
                        .report = &report};
    int status = look(&x, e, err);

    if (status == 0) {
        if (!report.series)
            mend(&x);
        report.summary = summary_of(&x, &report);
        *out = report;
    }
    explain_fini(&x);
    return status;
}
