/* calls: why a function or an aggregation gave nothing although its input has series, and what is
 * worth knowing about parts that did give something. */
#include <stdlib.h>

#include "base/err.h"
#include "model/source.h"
#include "promql/explain/parts.h"

/* ---- too few samples ---- */

#define INTERVAL_WINDOW_MS 3600000
#define INTERVAL_SERIES    3u

static int compare_gaps(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static int median_gap(const struct source_series *series, struct arena *a, int64_t *out,
                      struct err *err)
{
    size_t n = 0, gaps_n = 0;
    int64_t *gaps;
    ts_ms before = 0;

    for (size_t r = 0; r < series->runs_n; r++)
        n += series->runs[r].n;
    gaps = arena_new_array(a, int64_t, n, err);
    if (!gaps)
        return -1;
    n = 0;
    for (size_t r = 0; r < series->runs_n; r++)
        for (size_t i = 0; i < series->runs[r].n; i++) {
            if (value_is_stale(series->runs[r].values[i]))
                continue;
            if (n++)
                gaps[gaps_n++] = series->runs[r].ts[i] - before;
            before = series->runs[r].ts[i];
        }
    *out = 0;
    if (gaps_n) {
        qsort(gaps, gaps_n, sizeof *gaps, compare_gaps);
        *out = gaps[gaps_n / 2];
    }
    return 0;
}

/* The usual time between two samples; 0: unknown. */
static int interval_of(struct explain *x, const struct expr *range, const struct when *w,
                       int64_t *out, struct err *err)
{
    const struct expr *selector = range->range.selector;
    struct source *source = x->params->source;
    struct source_hints hints = {.cancelled = x->params->cancelled,
                                 .deadline_ns = x->params->deadline_ns};
    SCOPED(arena_fini) struct arena a;
    struct source_set *set = NULL;
    struct source_reader *reader = NULL;
    struct source_series series;
    ts_ms mint, maxt;
    int status;

    *out = 0;
    arena_init(&a, x->arena->budget);
    explain_reach(x, range, w, &mint, &maxt);
    mint = maxt - INTERVAL_WINDOW_MS - 10 * range->range.range_ms;
    if (source->select(source, &a, selector->selector.matchers, selector->selector.matchers_n,
                       mint < -TS_MS_MAX ? -TS_MS_MAX : mint, maxt, &hints, &set, err) < 0)
        return -1;
    status = source->reader_open(source, set, &a, &reader, err);
    for (size_t i = 0; status == 0 && !*out && i < set->n && i < INTERVAL_SERIES; i++) {
        status = source->read(reader, i, &series, err);
        if (status == 0)
            status = median_gap(&series, &a, out, err);
    }
    source->reader_close(reader);
    source->set_free(source, set);
    return status;
}

/* Four intervals, rounded up to what people write. */
static int64_t enough_range(int64_t interval_ms)
{
    static const int64_t seconds[] = {5,   10,   15,   30,   60,    120,   300,   600,
                                      900, 1800, 3600, 7200, 21600, 43200, 86400, 604800};

    for (size_t i = 0; i < ARRAY_LEN(seconds); i++)
        if (seconds[i] * 1000 >= 4 * interval_ms)
            return seconds[i] * 1000;
    return 4 * interval_ms;
}

static int suggest_range(struct explain *x, const struct expr *range, int64_t range_ms,
                         const char **out, struct err *err)
{
    struct expr longer = *range;
    const char *text;

    longer.range.range_ms = range_ms;
    longer.range.range_expr = NULL;
    text = explain_print(x, &longer, err);
    *out = text ? explain_splice(x, range->start, range->end, text, err) : NULL;
    return *out ? 0 : -1;
}

static int too_few_samples(struct explain *x, const struct expr *e, const struct expr *arg,
                           const struct when *w, const char **note, struct err *err)
{
    const char *text, *suggestion = NULL, *every, *long_;
    int64_t interval = 0, wanted;

    *note = "fewer than two samples in the range";
    if (arg->kind == EXPR_RANGE && interval_of(x, arg, w, &interval, err) < 0)
        return -1;
    if (arg->kind == EXPR_SUBQUERY) {
        text = arena_printf(x->arena, err,
                            "%s() needs two samples in its range, and no range of this subquery "
                            "holds more than one: its step is too long for it.",
                            e->call.function->name);
    } else if (!interval || arg->range.range_expr || interval * 2 <= arg->range.range_ms) {
        text = arena_printf(x->arena, err,
                            "%s() needs two samples in its range, and no range holds more than "
                            "one%s.",
                            e->call.function->name,
                            interval ? ": they are missing at these times"
                                     : ": the series has only one sample so far");
    } else {
        wanted = enough_range(interval);
        every = explain_duration(x, interval, err);
        long_ = explain_duration(x, arg->range.range_ms, err);
        if (!every || !long_ || suggest_range(x, arg, wanted, &suggestion, err) < 0)
            return -1;
        text = arena_printf(x->arena, err,
                            "%s() needs two samples in its range. There is one every %s, so that "
                            "%s hold one at most; a range should hold four.",
                            e->call.function->name, every, long_);
    }
    return text ? explain_add(x, EXPLAIN_TOO_FEW_SAMPLES, e, text, suggestion, err) : -1;
}

static bool needs_two(enum function_id id)
{
    switch (id) {
    case FN_rate:
    case FN_increase:
    case FN_irate:
    case FN_delta:
    case FN_idelta:
    case FN_deriv:
    case FN_predict_linear:
    case FN_double_exponential_smoothing:
        return true;
    default:
        return false;
    }
}

/* ---- histograms ---- */

static int any_has(struct explain *x, const struct expr *e, const struct when *w, struct str label,
                   bool *out, struct err *err)
{
    SCOPED(arena_fini) struct arena a;
    struct promql_result r;

    arena_init(&a, x->arena->budget);
    if (explain_run(x, e, w, &a, &r, err) < 0)
        return -1;
    *out = false;
    for (size_t i = 0; i < r.series_n && !*out; i++)
        *out = labels_get(r.series[i].labels, label).n > 0;
    return 0;
}

/* sum by (job) (...) -> sum by (le, job) (...), where what is below has le. */
static int suggest_le(struct explain *x, const struct expr *aggregate, const char **out,
                      struct err *err)
{
    struct expr mended = *aggregate;
    struct str *labels =
        arena_new_array(x->arena, struct str, aggregate->aggregate.labels_n + 1, err);
    const char *text;

    if (!labels)
        return -1;
    labels[0] = STR("le");
    for (size_t i = 0; i < aggregate->aggregate.labels_n; i++)
        labels[i + 1] = aggregate->aggregate.labels[i];
    mended.aggregate.labels = labels;
    mended.aggregate.labels_n = aggregate->aggregate.labels_n + 1;
    text = explain_print(x, &mended, err);
    *out = text ? explain_splice(x, aggregate->start, aggregate->end, text, err) : NULL;
    return *out ? 0 : -1;
}

static int no_buckets(struct explain *x, const struct expr *e, const struct expr *arg,
                      const struct when *w, const char **note, struct err *err)
{
    const char *suggestion = NULL, *text;
    bool below = false, has_le;

    if (any_has(x, arg, w, STR("le"), &has_le, err) < 0)
        return -1;
    if (has_le) {
        *note = "its buckets give no quantile";
        return explain_add(x, EXPLAIN_NO_BUCKETS, e,
                           "There are buckets, but none of their le values can be read as a "
                           "number, or the bucket +Inf is missing.",
                           NULL, err);
    }
    *note = "no buckets: no label le";
    if (arg->kind == EXPR_AGGREGATE && !arg->aggregate.without) {
        if (any_has(x, arg->aggregate.inner, w, STR("le"), &below, err) < 0 ||
            (below && suggest_le(x, arg, &suggestion, err) < 0))
            return -1;
    }
    text = arena_printf(x->arena, err, "%s() reads buckets by their label le, %s",
                        e->call.function->name,
                        below ? "and the aggregation below it drops that label: it must be among "
                                "those kept."
                              : "and no series here has one: it needs a metric whose name ends in "
                                "_bucket.");
    return text ? explain_add(x, EXPLAIN_NO_BUCKETS, e, text, suggestion, err) : -1;
}

int explain_call(struct explain *x, const struct expr *e, const struct when *w,
                 const struct measure *measured, const char **note, struct err *err)
{
    const struct function *f = e->call.function;
    const struct expr *arg = NULL;
    const char *text;

    for (size_t i = 0; i < e->call.args_n && !arg; i++)
        if (promql_type_of(e->call.args[i]) != PROMQL_SCALAR &&
            promql_type_of(e->call.args[i]) != PROMQL_STRING)
            arg = expr_unwrap(e->call.args[i]);
    if (arg && needs_two(f->id) && measured->max < 2)
        return too_few_samples(x, e, arg, w, note, err);
    if (arg && f->family == FAMILY_HISTOGRAM)
        return no_buckets(x, e, arg, w, note, err);
    if (f->family == FAMILY_NATIVE) {
        *note = "reads native histograms only";
        text = arena_printf(x->arena, err,
                            "%s() reads native histograms, which are not stored yet; plain series "
                            "give it nothing.",
                            f->name);
        return text ? explain_add(x, EXPLAIN_NATIVE, e, text, NULL, err) : -1;
    }
    if (f->id == FN_absent || f->id == FN_absent_over_time) {
        *note = "there is something";
        text = arena_printf(x->arena, err,
                            "%s() gives 1 only where its argument has nothing, and here it has "
                            "%zu series.",
                            f->name, measured->series);
        return text ? explain_add(x, EXPLAIN_PRESENT, e, text, NULL, err) : -1;
    }
    if (f->id == FN_clamp) {
        *note = "the lower bound is above the upper";
        return explain_add(x, EXPLAIN_NONE_ASKED, e,
                           "clamp() gives nothing while its lower bound is above its upper one.",
                           NULL, err);
    }
    *note = "gives nothing";
    text = arena_printf(x->arena, err, "%s() gives nothing for what it is given.", f->name);
    return text ? explain_add(x, EXPLAIN_NOTHING_LEFT, e, text, NULL, err) : -1;
}

int explain_aggregate(struct explain *x, const struct expr *e, const char **note, struct err *err)
{
    const char *text;

    *note = "keeps no series";
    text = arena_printf(x->arena, err, "%s keeps no series: its parameter asks for none.",
                        token_text(e->aggregate.op));
    return text ? explain_add(x, EXPLAIN_NONE_ASKED, e, text, NULL, err) : -1;
}

/* ---- notices ---- */

static int missing_grouping(struct explain *x, const struct expr *e, const struct when *w,
                            struct err *err)
{
    SCOPED(arena_fini) struct arena a;
    struct promql_result r;

    arena_init(&a, x->arena->budget);
    if (explain_run(x, e->aggregate.inner, w, &a, &r, err) < 0)
        return -1;
    for (size_t i = 0; r.series_n && i < e->aggregate.labels_n; i++) {
        struct str label = e->aggregate.labels[i];
        bool found = false;
        const char *text;

        for (size_t k = 0; k < r.series_n && !found; k++)
            found = labels_get(r.series[k].labels, label).n > 0;
        if (found)
            continue;
        text = arena_printf(x->arena, err,
                            "%s by (%.*s): none of the %zu series has that label, so it tells no "
                            "groups apart.",
                            token_text(e->aggregate.op), STR_ARGS(label), r.series_n);
        if (!text || explain_add(x, EXPLAIN_GROUPING_LABEL, e, text, NULL, err) < 0)
            return -1;
    }
    return 0;
}

/* The metric a part is made of, when it is one. */
static const struct expr *only_selector(const struct expr *e)
{
    for (;;) {
        e = expr_unwrap(e);
        switch (e->kind) {
        case EXPR_SELECTOR:
            return e;
        case EXPR_RANGE:
            return e->range.selector;
        case EXPR_CALL:
            if (e->call.args_n != 1)
                return NULL;
            e = e->call.args[0];
            break;
        default:
            return NULL;
        }
    }
}

/* rate(x{status="500"}[5m]) / rate(x[5m]): each series meets itself. */
static int self_division(struct explain *x, const struct expr *e, const struct measure *whole,
                         struct err *err)
{
    const struct expr *l = only_selector(e->binary.left), *r = only_selector(e->binary.right);
    const struct expr *left = e->binary.left, *right = e->binary.right;
    const char *sums, *suggestion;

    if (!l || !r || e->binary.matching.on || e->binary.matching.labels_n ||
        !str_eq(l->selector.name, r->selector.name) || !l->selector.name.n || whole->min != 1 ||
        whole->max != 1)
        return 0;
    sums = arena_printf(x->arena, err, "sum(%.*s) / sum(%.*s)", (int)(left->end - left->start),
                        x->text.p + left->start, (int)(right->end - right->start),
                        x->text.p + right->start);
    suggestion = sums ? explain_splice(x, e->start, e->end, sums, err) : NULL;
    if (!suggestion)
        return -1;
    return explain_add(x, EXPLAIN_SELF_DIVISION, e,
                       "Each series is divided by itself, so every value is 1: / pairs series "
                       "whose labels are all equal. A share needs sums on both sides.",
                       suggestion, err);
}

int explain_notice(struct explain *x, const struct expr *e, const struct when *w,
                   const struct measure *whole, struct err *err)
{
    if (e->kind == EXPR_AGGREGATE && !e->aggregate.without && e->aggregate.labels_n)
        return missing_grouping(x, e, w, err);
    if (e->kind == EXPR_BINARY && e->binary.op == TOK_DIV && e->binary.matching.used &&
        whole->series)
        return self_division(x, e, whole, err);
    return 0;
}
