/* query: running a parsed expression: the eval is set up, the answer copied out in its final shape.
 */
#include "promql/query.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "promql/eval.h"
#include "promql/window.h"

static const struct labels *keep_labels(struct eval *ev, const struct labels *ls, struct err *err)
{
    void *copy = arena_alloc(ev->arena, labels_size(ls), err);

    if (copy)
        memcpy(copy, ls, labels_size(ls));
    return copy;
}

/* The values of a column that are there, as one series of the result. */
static int put_series(struct eval *ev, const struct grid *grid, const struct labels *labels,
                      const double *column, struct promql_result *out, struct err *err)
{
    struct promql_series *series = &out->series[out->series_n];
    ts_ms *ts;
    double *values;
    size_t n = 0;

    for (size_t i = 0; i < grid->n; i++)
        n += !is_absent(column[i]);
    if (!n)
        return 0;
    ts = arena_new_array(ev->arena, ts_ms, n, err);
    values = arena_new_array(ev->arena, double, n, err);
    series->labels = keep_labels(ev, labels, err);
    if (!ts || !values || !series->labels || eval_hold(ev, n, err) < 0)
        return -1;
    series->ts = ts;
    series->values = values;
    series->n = n;
    for (size_t i = 0; i < grid->n; i++) {
        if (is_absent(column[i]))
            continue;
        *ts++ = grid_at(grid, i);
        *values++ = column[i];
    }
    out->series_n++;
    return 0;
}

static int reserve_series(struct eval *ev, size_t n, struct promql_result *out, struct err *err)
{
    out->series = arena_new_array(ev->arena, struct promql_series, n, err);
    return out->series ? 0 : -1;
}

/* Names that were to be removed late go now; series that become equal are merged. */
static int remove_names(struct stream **s, struct err *err)
{
    struct stream *x = *s;

    for (size_t i = 0; i < x->n; i++)
        if (x->drop[i] && labels_nameless(&x->arena, x->labels[i], &x->labels[i], err) < 0)
            return -1;
    return stream_merge(s, false, err);
}

static int run_vector(struct eval *ev, const struct expr *e, struct promql_result *out,
                      struct err *err)
{
    SCOPED(stream_closep) struct stream *s = NULL;
    double *column;

    if (eval_vector(ev, &ev->grid, e, &s, err) < 0 || (ev->delayed && remove_names(&s, err) < 0) ||
        reserve_series(ev, s->n, out, err) < 0)
        return -1;
    for (size_t i = 0; i < s->n; i++)
        if (s->next(s, &column, err) < 0 ||
            put_series(ev, &s->grid, s->labels[i], column, out, err) < 0)
            return -1;
    return 0;
}

static int run_scalar(struct eval *ev, const struct expr *e, struct promql_result *out,
                      struct err *err)
{
    double *column;

    if (eval_scalar(ev, &ev->grid, e, ev->arena, &column, err) < 0)
        return -1;
    if (ev->params->step_ms == 0) {
        out->scalar = column[0];
        return 0;
    }
    if (reserve_series(ev, 1, out, err) < 0)
        return -1;
    return put_series(ev, &ev->grid, &labels_empty, column, out, err);
}

/* ---- a range vector as the answer ---- */

static int compare_series(const void *a, const void *b)
{
    const struct promql_series *x = a, *y = b;

    return labels_compare(x->labels, y->labels);
}

/* first index with ts > t, or with `reach` ts >= t, in [lo, hi). */
static size_t search_ts(const ts_ms *ts, size_t lo, size_t hi, ts_ms t, bool reach)
{
    while (lo < hi && (reach ? ts[lo] < t : ts[lo] <= t))
        lo++;
    return lo;
}

static double between(const struct windows *w, size_t i, ts_ms t)
{
    return w->v[i] +
           (w->v[i + 1] - w->v[i]) * (double)(t - w->ts[i]) / (double)(w->ts[i + 1] - w->ts[i]);
}

/* anchored and smoothed: the samples inside, and one at either border. Returns how many. */
static size_t put_extended(const struct window_stream *s, const struct windows *w, ts_ms *ts,
                           double *values)
{
    size_t lo = w->lo[0], last = w->hi[0] - 1, first, n = 0;
    ts_ms end = window_end(s, 0), start = end - s->range_ms;
    double left, right;

    first = search_ts(w->ts, lo, last, start, false);
    first = first > lo ? first - 1 : lo;
    if (s->smoothed)
        last = search_ts(w->ts, lo, last, end, true);
    if (w->ts[last] <= start)
        return 0;
    left = s->smoothed && w->ts[first] < start ? between(w, first, start) : w->v[first];
    right = s->smoothed && last > lo && w->ts[last] > end ? between(w, last - 1, end) : w->v[last];
    ts[n] = start;
    values[n++] = left;
    for (size_t i = first; i <= last; i++) {
        if (w->ts[i] <= start || w->ts[i] >= end)
            continue;
        ts[n] = w->ts[i];
        values[n++] = w->v[i];
    }
    ts[n] = end;
    values[n++] = right;
    return n;
}

static int put_window(struct eval *ev, const struct window_stream *s, const struct windows *w,
                      struct promql_result *out, struct err *err)
{
    struct promql_series *series = &out->series[out->series_n];
    size_t n = w->hi[0] - w->lo[0];
    ts_ms *ts;
    double *values;

    if (!n)
        return 0;
    ts = arena_new_array(ev->arena, ts_ms, n + 2, err);
    values = arena_new_array(ev->arena, double, n + 2, err);
    series->labels = keep_labels(ev, w->labels, err);
    if (!ts || !values || !series->labels || eval_hold(ev, n, err) < 0)
        return -1;
    if (s->anchored || s->smoothed) {
        n = put_extended(s, w, ts, values);
    } else {
        memcpy(ts, w->ts + w->lo[0], n * sizeof *ts);
        memcpy(values, w->v + w->lo[0], n * sizeof *values);
    }
    series->ts = ts;
    series->values = values;
    series->n = n;
    out->series_n += n > 0;
    return 0;
}

static int run_windows(struct eval *ev, const struct expr *e, struct promql_result *out,
                       struct err *err)
{
    SCOPED(window_closep) struct window_stream *s = NULL;
    struct windows w;

    if (window_open(ev, &ev->grid, e, &s, err) < 0 || reserve_series(ev, s->n, out, err) < 0)
        return -1;
    for (size_t i = 0; i < s->n; i++) {
        if (s->next(s, &w, err) < 0)
            return -1;
        if (ev->delayed && w.drop && labels_nameless(&s->arena, w.labels, &w.labels, err) < 0)
            return -1;
        if (put_window(ev, s, &w, out, err) < 0)
            return -1;
    }
    if (out->series_n)
        qsort(out->series, out->series_n, sizeof *out->series, compare_series);
    for (size_t i = 1; i < out->series_n; i++)
        if (labels_equal(out->series[i].labels, out->series[i - 1].labels))
            return same_labelset(err);
    return 0;
}

/* ---- entry ---- */

static int check_params(const struct promql_params *p, enum promql_type type, size_t *steps,
                        struct err *err)
{
    if (p->start_ms > TS_MS_MAX || p->start_ms < -TS_MS_MAX || p->end_ms > TS_MS_MAX ||
        p->end_ms < -TS_MS_MAX)
        return err_set(err, ERR_TYPE, "the query's time is out of range");
    if (p->step_ms == 0) {
        *steps = 1;
        return 0;
    }
    if (p->end_ms < p->start_ms || p->step_ms < 0)
        return err_set(err, ERR_TYPE, "a range query must not end before it starts, nor step back");
    if (type != PROMQL_SCALAR && type != PROMQL_VECTOR)
        return err_set(err, ERR_TYPE,
                       "invalid expression type \"%s\" for range query, must be Scalar or instant "
                       "Vector",
                       type_name(type));
    if ((p->end_ms - p->start_ms) / p->step_ms > PROMQL_STEPS_MAX)
        return err_set(err, ERR_LIMIT,
                       "exceeded maximum resolution of %u points per timeseries. Try decreasing "
                       "the query resolution (?step=XX)",
                       PROMQL_STEPS_MAX);
    *steps = (size_t)((p->end_ms - p->start_ms) / p->step_ms) + 1;
    return 0;
}

static int run(struct eval *ev, const struct expr *e, struct promql_result *out, struct err *err)
{
    enum promql_type type = promql_type_of(e);
    int status;

    switch (type) {
    case PROMQL_SCALAR:
        status = run_scalar(ev, e, out, err);
        break;
    case PROMQL_VECTOR:
        status = run_vector(ev, e, out, err);
        break;
    case PROMQL_MATRIX:
        status = run_windows(ev, e, out, err);
        break;
    default:
        out->string = arena_str(ev->arena, eval_string(e), err);
        status = out->string.p ? 0 : -1;
    }
    if (status < 0)
        return -1;
    out->type = type;
    if (ev->params->step_ms) {
        out->type = PROMQL_MATRIX;
        if (out->series_n)
            qsort(out->series, out->series_n, sizeof *out->series, compare_series);
    }
    return 0;
}

int promql_run(const struct expr *e, const struct promql_params *params, struct arena *a,
               struct promql_result *out, struct err *err)
{
    struct promql_result result = {0};
    struct eval ev = {.params = params,
                      .source = e->source,
                      .arena = a,
                      .lookback_ms = params->lookback_ms ? params->lookback_ms : PROMQL_LOOKBACK_MS,
                      .delayed = params->features & PROMQL_DELAYED_NAME_REMOVAL,
                      .samples_max =
                          params->samples_max ? params->samples_max : PROMQL_SAMPLES_MAX};
    size_t steps = 0;

    if (check_params(params, promql_type_of(e), &steps, err) < 0 || eval_check(&ev, err) < 0)
        return -1;
    ev.grid = (struct grid){params->start_ms, params->step_ms ? params->step_ms : 1, steps};
    annotations_init(&ev.notes, a, e->source->text);
    if (run(&ev, e, &result, err) < 0 ||
        annotations_list(&ev.notes, true, &result.warnings, &result.warnings_n, err) < 0 ||
        annotations_list(&ev.notes, false, &result.infos, &result.infos_n, err) < 0)
        return -1;
    result.samples_read = ev.samples_read;
    result.samples_peak = ev.samples_peak;
    *out = result;
    return 0;
}
