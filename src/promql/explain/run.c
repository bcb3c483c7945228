/* run: a part of the expression alone, counted. */
#include <math.h>

#include "base/err.h"
#include "promql/explain/parts.h"

#define SUBQUERY_STEP_MS 60000 /* where none is written, as in window.c */

struct owned_matcher {
    struct owned_matcher *next;
    struct matcher matcher; /* a copy: what matcher_fini frees is behind a pointer */
};

int explain_matcher(struct explain *x, enum match_op op, struct str name, struct str value,
                    struct matcher *out, struct err *err)
{
    struct owned_matcher *owned = arena_new(x->arena, struct owned_matcher, err);

    if (!owned || matcher_init(&owned->matcher, x->arena, op, name, value, err) < 0)
        return -1;
    owned->next = x->owned;
    x->owned = owned;
    *out = owned->matcher;
    return 0;
}

void explain_fini(struct explain *x)
{
    for (; x->owned; x->owned = x->owned->next)
        matcher_fini(&x->owned->matcher);
}

/* count_over_time(e), `anchored` and `smoothed` left out: they are for other functions. */
static int run_counted(const struct expr *e, const struct promql_params *params, struct arena *a,
                       struct promql_result *out, struct err *err)
{
    struct expr call = *e, range = *e, selector;
    struct expr *args[] = {&range};

    if (e->kind == EXPR_RANGE) {
        selector = *e->range.selector;
        selector.selector.anchored = selector.selector.smoothed = false;
        range.range.selector = &selector;
    }
    call.kind = EXPR_CALL;
    call.call.function = function_at(FN_count_over_time);
    call.call.args = args;
    call.call.args_n = 1;
    return promql_run(&call, params, a, out, err);
}

int explain_run(const struct explain *x, const struct expr *e, const struct when *w,
                struct arena *a, struct promql_result *out, struct err *err)
{
    struct promql_params params = *x->params;

    params.start_ms = w->start;
    params.end_ms = w->end;
    params.step_ms = w->step;
    e = expr_unwrap(e);
    if (e->kind == EXPR_RANGE || e->kind == EXPR_SUBQUERY)
        return run_counted(e, &params, a, out, err);
    return promql_run(e, &params, a, out, err);
}

static void look_at_values(struct measure *m, const double *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (isnan(values[i]))
            continue;
        m->min = fmin(m->min, values[i]);
        m->max = fmax(m->max, values[i]);
    }
}

int explain_measure(const struct explain *x, const struct expr *e, const struct when *w,
                    struct measure *out, struct err *err)
{
    SCOPED(arena_fini) struct arena a;
    struct promql_result result;
    enum promql_type type = promql_type_of(e);

    arena_init(&a, x->arena->budget);
    *out = (struct measure){.min = INFINITY, .max = -INFINITY};
    if (explain_run(x, e, w, &a, &result, err) < 0) {
        if (err->kind != ERR_EVAL)
            return -1;
        out->refused = arena_printf(x->arena, err, "%s", err->text);
        return out->refused ? 0 : -1;
    }
    if (result.type == PROMQL_SCALAR)
        look_at_values(out, &result.scalar, 1);
    for (size_t i = 0; i < result.series_n; i++)
        look_at_values(out, result.series[i].values, result.series[i].n);
    out->counted = type == PROMQL_VECTOR || type == PROMQL_MATRIX;
    out->series = result.series_n;
    return 0;
}

int explain_count(const struct explain *x, const struct expr *e, const struct when *w,
                  struct matcher *matchers, size_t n, size_t *out, struct err *err)
{
    struct expr part = *e, selector = *explain_selector_of(e);
    struct measure m;

    selector.selector.matchers = matchers;
    selector.selector.matchers_n = n;
    if (part.kind == EXPR_RANGE)
        part.range.selector = &selector;
    else
        part = selector;
    if (explain_measure(x, &part, w, &m, err) < 0)
        return -1;
    *out = m.series;
    return 0;
}

static void shift(const struct timing *t, const struct explain *x, ts_ms *first, ts_ms *last)
{
    if (t->at == AT_TIME)
        *first = *last = t->at_ms;
    else if (t->at != AT_NONE)
        *first = *last = t->at == AT_START ? x->params->start_ms : x->params->end_ms;
    *first -= t->offset_ms;
    *last -= t->offset_ms;
}

void explain_reach(const struct explain *x, const struct expr *e, const struct when *w, ts_ms *mint,
                   ts_ms *maxt)
{
    const struct expr *selector = explain_selector_of(e);
    int64_t back = x->params->lookback_ms ? x->params->lookback_ms : PROMQL_LOOKBACK_MS;

    if (e->kind == EXPR_RANGE && !e->range.range_expr)
        back = e->range.range_ms;
    *mint = w->start;
    *maxt = w->end;
    shift(&selector->selector.timing, x, mint, maxt);
    *mint -= back - 1;
}

/* Does an @ start(), @ end() or a duration that is worked out depend on the query's own times? */
static bool depends_on_query(const struct expr *e)
{
    const struct timing *t = NULL;

    switch (e->kind) {
    case EXPR_SELECTOR:
        t = &e->selector.timing;
        break;
    case EXPR_RANGE:
        return e->range.range_expr || depends_on_query(e->range.selector);
    case EXPR_SUBQUERY:
        if (e->subquery.range_expr || e->subquery.step_expr || depends_on_query(e->subquery.inner))
            return true;
        t = &e->subquery.timing;
        break;
    case EXPR_CALL:
        for (size_t i = 0; i < e->call.args_n; i++)
            if (depends_on_query(e->call.args[i]))
                return true;
        return e->call.function->id == FN_start || e->call.function->id == FN_end ||
               e->call.function->id == FN_range || e->call.function->id == FN_step;
    case EXPR_AGGREGATE:
        return depends_on_query(e->aggregate.inner) ||
               (e->aggregate.param && depends_on_query(e->aggregate.param));
    case EXPR_BINARY:
        return depends_on_query(e->binary.left) || depends_on_query(e->binary.right);
    case EXPR_UNARY:
        return depends_on_query(e->unary.inner);
    case EXPR_PAREN:
        return depends_on_query(e->paren);
    default:
        return false;
    }
    return t->offset_expr || t->at == AT_START || t->at == AT_END;
}

bool explain_inside(const struct explain *x, const struct expr *e, const struct when *w,
                    struct when *out)
{
    int64_t step = e->subquery.step_ms ? e->subquery.step_ms : SUBQUERY_STEP_MS;
    ts_ms first = w->start, last = w->end;

    if (depends_on_query(e))
        return false;
    shift(&e->subquery.timing, x, &first, &last);
    first -= e->subquery.range_ms;
    if (first < -TS_MS_MAX || last > TS_MS_MAX)
        return false;
    first = first / step * step + (first >= 0 || first % step == 0 ? step : 0);
    if (first > last || (last - first) / step > PROMQL_STEPS_MAX)
        return false;
    *out = (struct when){first, last, step};
    return true;
}
