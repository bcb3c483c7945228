/* math: functions of one value, with up to two scalars beside it. */
#include <math.h>

#include "base/err.h"
#include "promql/functions/calls.h"

struct math_arg {
    enum function_id id;
    double (*of)(double);
    const double *a, *b; /* scalars by step */
};

static double degrees(double v)
{
    return v * 180 / M_PI;
}

static double radians(double v)
{
    return v * M_PI / 180;
}

static double sign(double v)
{
    return v < 0 ? -1 : v > 0 ? 1 : v;
}

/* As Go's: past 709.8 it is infinite, a little before the true value is. */
static double half_exp(double v)
{
    return exp(v) * .5;
}

static double cosh_of(double v)
{
    return fabs(v) > 21 ? half_exp(fabs(v)) : cosh(v);
}

static double sinh_of(double v)
{
    return fabs(v) > 21 ? copysign(half_exp(fabs(v)), v) : sinh(v);
}

/* NULL for those that take a scalar. */
static double (*math_of(enum function_id id))(double)
{
    switch (id) {
#define MATH(name, fn)                                                                             \
    case FN_##name:                                                                                \
        return fn;
        MATH(abs, fabs)
        MATH(acos, acos)
        MATH(acosh, acosh)
        MATH(asin, asin)
        MATH(asinh, asinh)
        MATH(atan, atan)
        MATH(atanh, atanh)
        MATH(ceil, ceil)
        MATH(cos, cos)
        MATH(cosh, cosh_of)
        MATH(deg, degrees)
        MATH(exp, exp)
        MATH(floor, floor)
        MATH(ln, log)
        MATH(log10, log10)
        MATH(log2, log2)
        MATH(rad, radians)
        MATH(sgn, sign)
        MATH(sin, sin)
        MATH(sinh, sinh_of)
        MATH(sqrt, sqrt)
        MATH(tan, tan)
        MATH(tanh, tanh)
#undef MATH
    default:
        return NULL;
    }
}

/* As Go's math.Max and math.Min: a NaN wins over all but the infinity in question. */
static double larger(double a, double b)
{
    if (a == INFINITY || b == INFINITY)
        return INFINITY;
    return isnan(a) || isnan(b) ? NAN : a > b ? a : b;
}

static double smaller(double a, double b)
{
    if (a == -INFINITY || b == -INFINITY)
        return -INFINITY;
    return isnan(a) || isnan(b) ? NAN : a < b ? a : b;
}

static double clamp(double v, double low, double high)
{
    return high < low ? ABSENT : larger(low, smaller(high, v));
}

static double round_to(double v, double nearest)
{
    double inverse = 1 / nearest; /* multiplying is more exact than dividing */

    return floor(v * inverse + 0.5) / inverse;
}

static void apply_math(const void *arg, const struct grid *grid, double *column)
{
    const struct math_arg *m = arg;

    for (size_t i = 0; i < grid->n; i++) {
        double v = column[i];

        if (is_absent(v))
            continue;
        switch (m->id) {
        case FN_clamp:
            column[i] = clamp(v, m->a[i], m->b[i]);
            break;
        case FN_clamp_max:
            column[i] = clamp(v, -INFINITY, m->a[i]);
            break;
        case FN_clamp_min:
            column[i] = clamp(v, m->a[i], INFINITY);
            break;
        case FN_round:
            column[i] = round_to(v, m->a ? m->a[i] : 1);
            break;
        default:
            column[i] = m->of(v);
        }
    }
}

int call_math(struct eval *ev, const struct grid *grid, const struct expr *e, struct stream **out,
              struct err *err)
{
    SCOPED(stream_closep) struct stream *s = NULL;
    struct math_arg *arg;
    double *a = NULL, *b = NULL;

    if (eval_vector(ev, grid, e->call.args[0], &s, err) < 0 ||
        stream_drop_names(&s, false, err) < 0)
        return -1;
    arg = arena_new(&s->arena, struct math_arg, err);
    if (!arg ||
        (e->call.args_n > 1 && eval_scalar(ev, grid, e->call.args[1], &s->arena, &a, err) < 0) ||
        (e->call.args_n > 2 && eval_scalar(ev, grid, e->call.args[2], &s->arena, &b, err) < 0))
        return -1;
    *arg = (struct math_arg){e->call.function->id, math_of(e->call.function->id), a, b};
    if (stream_map(&s, apply_math, arg, err) < 0)
        return -1;
    *out = take(s);
    return 0;
}

int call_scalar(struct eval *ev, const struct grid *grid, const struct expr *e, struct arena *a,
                double **out, struct err *err)
{
    const struct promql_params *p = ev->params;
    double *column = arena_new_array(a, double, grid->n, err);
    double *x = NULL, *y = NULL;
    double v = 0;

    if (!column)
        return -1;
    switch (e->call.function->id) {
    case FN_time:
        for (size_t i = 0; i < grid->n; i++)
            column[i] = (double)grid_at(grid, i) / 1000;
        *out = column;
        return 0;
    case FN_max_of:
    case FN_min_of:
        if (eval_scalar(ev, grid, e->call.args[0], a, &x, err) < 0 ||
            eval_scalar(ev, grid, e->call.args[1], a, &y, err) < 0)
            return -1;
        for (size_t i = 0; i < grid->n; i++)
            column[i] =
                e->call.function->id == FN_max_of ? larger(x[i], y[i]) : smaller(x[i], y[i]);
        *out = column;
        return 0;
    case FN_pi:
        v = M_PI;
        break;
    case FN_start:
        v = (double)p->start_ms / 1000;
        break;
    case FN_end:
        v = (double)p->end_ms / 1000;
        break;
    case FN_range:
        v = (double)(p->end_ms - p->start_ms) / 1000;
        break;
    case FN_step:
        v = p->start_ms == p->end_ms ? 0 : (double)p->step_ms / 1000;
        break;
    default:
        break;
    }
    for (size_t i = 0; i < grid->n; i++)
        column[i] = v;
    *out = column;
    return 0;
}
