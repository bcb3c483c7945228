#include "promql/eval.h"

#include <math.h>
#include <string.h>

#include "base/err.h"
#include "promql/functions/calls.h"

int eval_check(const struct eval *ev, struct err *err)
{
    const struct promql_params *p = ev->params;

    if (p->pause)
        p->pause->pause(p->pause);
    if (p->cancelled && atomic_load_explicit(p->cancelled, memory_order_relaxed))
        return err_set(err, ERR_CANCELLED, "query was canceled in expression evaluation");
    if (p->deadline_ns && p->clock && p->clock->mono_ns(p->clock) >= p->deadline_ns)
        return err_set(err, ERR_TIMEOUT, "query timed out in expression evaluation");
    return 0;
}

int eval_hold(struct eval *ev, uint64_t samples, struct err *err)
{
    if (ev->samples_now + samples > ev->samples_max)
        return err_set(err, ERR_LIMIT,
                       "query processing would load too many samples into memory in expression "
                       "evaluation");
    ev->samples_now += samples;
    if (ev->samples_now > ev->samples_peak)
        ev->samples_peak = ev->samples_now;
    return 0;
}

void eval_release(struct eval *ev, uint64_t samples)
{
    ev->samples_now -= samples;
}

struct str eval_string(const struct expr *e)
{
    return expr_unwrap(e)->string;
}

/* ---- durations and times ---- */

static int duration_fail(const struct expr *e, const char *what, struct err *err)
{
    return err_set(err, ERR_EVAL, "%u:%u: %s", e->start, e->end, what);
}

static int duration_seconds(const struct eval *ev, const struct expr *e, double *out,
                            struct err *err)
{
    const struct promql_params *p = ev->params;
    double l = 0, r = 0;

    if (e->kind == EXPR_NUMBER) {
        *out = e->number.value;
        return 0;
    }
    if ((e->duration.left && duration_seconds(ev, e->duration.left, &l, err) < 0) ||
        (e->duration.right && duration_seconds(ev, e->duration.right, &r, err) < 0))
        return -1;
    switch (e->duration.op) {
    case TOK_STEP:
        *out = (double)p->step_ms / 1000;
        return 0;
    case TOK_RANGE:
        *out = (double)(p->end_ms - p->start_ms) / 1000;
        return 0;
    case TOK_MIN_OF:
        *out = fmin(l, r);
        return 0;
    case TOK_MAX_OF:
        *out = fmax(l, r);
        return 0;
    case TOK_DIV:
    case TOK_MOD:
        if (r == 0)
            return duration_fail(
                e, e->duration.op == TOK_DIV ? "division by zero" : "modulo by zero", err);
        break;
    default:
        break;
    }
    *out = binary_scalar(e->duration.op, l, r);
    return 0;
}

int eval_duration(const struct eval *ev, const struct expr *e, int64_t literal_ms,
                  bool may_be_negative, int64_t *out_ms, struct err *err)
{
    double seconds;

    if (!e) {
        *out_ms = literal_ms;
        return 0;
    }
    if (duration_seconds(ev, e, &seconds, err) < 0)
        return -1;
    if (!isfinite(seconds))
        return duration_fail(e, "duration is NaN or infinite", err);
    if (seconds <= 0 && !may_be_negative)
        return duration_fail(e, "duration must be greater than 0", err);
    if (fabs(seconds) > 9223372036.0)
        return duration_fail(e, "duration is out of range", err);
    *out_ms = (int64_t)(seconds * 1000);
    return 0;
}

int look_of(const struct eval *ev, const struct timing *timing, struct look *out, struct err *err)
{
    struct look look = {.fixed = timing->at != AT_NONE};

    if (timing->at == AT_TIME)
        look.at_ms = timing->at_ms;
    else if (timing->at != AT_NONE)
        look.at_ms = timing->at == AT_START ? ev->params->start_ms : ev->params->end_ms;
    if (eval_duration(ev, timing->offset_expr, timing->offset_ms, true, &look.offset_ms, err) < 0)
        return -1;
    *out = look;
    return 0;
}

/* ---- a function over each column ---- */

struct map_stream {
    struct stream stream;
    struct stream *inner;
    column_fn *fn;
    const void *arg;
};

static int map_next(struct stream *s, double **column, struct err *err)
{
    struct map_stream *map = (struct map_stream *)s;

    if (map->inner->next(map->inner, column, err) < 0)
        return -1;
    map->fn(map->arg, &s->grid, *column);
    return 0;
}

static void map_close(struct stream *s)
{
    stream_close(((struct map_stream *)s)->inner);
}

int stream_map(struct stream **s, column_fn *fn, const void *arg, struct err *err)
{
    struct map_stream *map;

    (void)err;
    map = (struct map_stream *)stream_new((*s)->ev, &(*s)->grid, sizeof *map);
    map->stream.n = (*s)->n;
    map->stream.labels = (*s)->labels;
    map->stream.drop = (*s)->drop;
    map->stream.next = map_next;
    map->stream.close = map_close;
    map->inner = *s;
    map->fn = fn;
    map->arg = arg;
    *s = &map->stream;
    return 0;
}

/* ---- scalars ---- */

static int scalar_of_vector(struct eval *ev, const struct grid *grid, const struct expr *e,
                            struct arena *a, double **out, struct err *err)
{
    SCOPED(stream_closep) struct stream *s = NULL;
    double *column, *scalar;

    if (eval_vector(ev, grid, e, &s, err) < 0 || column_new(a, grid, &scalar, err) < 0)
        return -1;
    for (size_t i = 0; i < s->n; i++) {
        if (s->next(s, &column, err) < 0)
            return -1;
        for (size_t step = 0; step < grid->n; step++)
            if (!is_absent(column[step]))
                scalar[step] = is_absent(scalar[step]) ? column[step] : NAN;
    }
    for (size_t step = 0; step < grid->n; step++)
        if (is_absent(scalar[step]))
            scalar[step] = NAN;
    *out = scalar;
    return 0;
}

static int scalar_binary(struct eval *ev, const struct grid *grid, const struct expr *e,
                         struct arena *a, double **out, struct err *err)
{
    double *l, *r;

    if (eval_scalar(ev, grid, e->binary.left, a, &l, err) < 0 ||
        eval_scalar(ev, grid, e->binary.right, a, &r, err) < 0)
        return -1;
    for (size_t i = 0; i < grid->n; i++)
        l[i] = binary_scalar(e->binary.op, l[i], r[i]);
    *out = l;
    return 0;
}

int eval_scalar(struct eval *ev, const struct grid *grid, const struct expr *e, struct arena *a,
                double **out, struct err *err)
{
    e = expr_unwrap(e);
    switch (e->kind) {
    case EXPR_NUMBER:
        *out = arena_new_array(a, double, grid->n, err);
        if (!*out)
            return -1;
        for (size_t i = 0; i < grid->n; i++)
            (*out)[i] = e->number.value;
        return 0;
    case EXPR_UNARY:
        if (eval_scalar(ev, grid, e->unary.inner, a, out, err) < 0)
            return -1;
        for (size_t i = 0; e->unary.op == TOK_SUB && i < grid->n; i++)
            (*out)[i] = -(*out)[i];
        return 0;
    case EXPR_BINARY:
        return scalar_binary(ev, grid, e, a, out, err);
    default:
        if (e->call.function->id == FN_scalar)
            return scalar_of_vector(ev, grid, e->call.args[0], a, out, err);
        return call_scalar(ev, grid, e, a, out, err);
    }
}

/* ---- vectors ---- */

static void apply_minus(const void *arg, const struct grid *grid, double *column)
{
    (void)arg;
    for (size_t i = 0; i < grid->n; i++)
        if (!is_absent(column[i]))
            column[i] = -column[i];
}

static int eval_unary(struct eval *ev, const struct grid *grid, const struct expr *e,
                      struct stream **out, struct err *err)
{
    SCOPED(stream_closep) struct stream *s = NULL;

    if (eval_vector(ev, grid, e->unary.inner, &s, err) < 0)
        return -1;
    if (e->unary.op == TOK_SUB &&
        (stream_drop_names(&s, false, err) < 0 || stream_map(&s, apply_minus, NULL, err) < 0))
        return -1;
    *out = take(s);
    return 0;
}

static int eval_call(struct eval *ev, const struct grid *grid, const struct expr *e,
                     struct stream **out, struct err *err)
{
    static call_fn *const families[] = {
        [FAMILY_MATH] = call_math,           [FAMILY_DATE] = call_date,
        [FAMILY_WINDOW] = call_window,       [FAMILY_LABELS] = call_labels,
        [FAMILY_HISTOGRAM] = call_histogram, [FAMILY_NATIVE] = call_native,
        [FAMILY_SPECIAL] = call_special,
    };

    return families[e->call.function->family](ev, grid, e, out, err);
}

int eval_vector(struct eval *ev, const struct grid *grid, const struct expr *e, struct stream **out,
                struct err *err)
{
    if (eval_check(ev, err) < 0)
        return -1;
    e = expr_unwrap(e);
    switch (e->kind) {
    case EXPR_SELECTOR:
        return e->selector.smoothed ? select_smoothed(ev, grid, e, out, err)
                                    : select_open(ev, grid, e, false, out, err);
    case EXPR_CALL:
        return eval_call(ev, grid, e, out, err);
    case EXPR_AGGREGATE:
        return eval_aggregate(ev, grid, e, out, err);
    case EXPR_UNARY:
        return eval_unary(ev, grid, e, out, err);
    default:
        return eval_binary(ev, grid, e, out, err);
    }
}
