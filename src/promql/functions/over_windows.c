/* over_windows: functions of a range vector, series by series. */
#include <string.h>

#include "base/err.h"
#include "promql/format.h"
#include "promql/functions/calls.h"

struct window_call {
    struct stream stream;
    struct window_stream *windows;
    const struct expr *call;
    struct window_function function;
    const double *args[2]; /* by step */
    size_t args_n;
    size_t at;
    double *column, *scratch;
    size_t scratch_n;
};

static bool ends_like_a_counter(struct str name)
{
    return str_ends(name, STR("_total")) || str_ends(name, STR("_sum")) ||
           str_ends(name, STR("_count")) || str_ends(name, STR("_bucket"));
}

/* rate() of something that is no counter gives numbers without a meaning: say so. */
static int note_counter(struct window_call *c, const struct labels *labels, struct err *err)
{
    struct str name = labels_get(labels, STR(LABEL_NAME));

    if (!name.n || ends_like_a_counter(name))
        return 0;
    for (size_t i = 0; i < c->stream.grid.n; i++)
        if (!is_absent(c->column[i]))
            return annotate_info(&c->stream.ev->notes, c->call->call.args[0], err,
                                 "metric might not be a counter, name does not end in "
                                 "_total/_sum/_count/_bucket: \"%.*s\"",
                                 STR_ARGS(name));
    return 0;
}

static int reserve_scratch(struct window_call *c, size_t n, struct err *err)
{
    size_t cap = c->scratch_n;

    if (n <= cap)
        return 0;
    c->scratch_n = 0;
    if (arena_grow(&c->stream.arena, (void **)&c->scratch, &c->scratch_n, n, sizeof *c->scratch,
                   err) < 0) {
        c->scratch_n = cap;
        return -1;
    }
    return 0;
}

static void fill_window(const struct slide *x, size_t args_n, size_t step, struct window *out)
{
    const struct window_stream *s = x->stream;
    const struct windows *w = x->windows;

    *out = (struct window){.ts = w->ts + w->lo[step],
                           .v = w->v + w->lo[step],
                           .n = w->hi[step] - w->lo[step],
                           .end = window_end(s, step),
                           .now = grid_at(&s->grid, step),
                           .range_s = (double)s->range_ms / 1000,
                           .anchored = s->anchored,
                           .smoothed = s->smoothed,
                           .scratch = x->scratch};
    out->start = out->end - s->range_ms;
    for (size_t a = 0; a < args_n; a++)
        out->args[a] = x->args[a][step];
}

double slide_afresh(const struct slide *x, size_t step)
{
    struct window window;

    fill_window(x, x->args[0] ? 1 : 0, step, &window);
    window.scratch = NULL; /* holds what slides */
    return x->each(&window);
}

static void each_window(const struct window_call *c, const struct slide *x)
{
    struct window window;

    for (size_t i = 0; i < x->stream->grid.n; i++) {
        if (x->windows->lo[i] == x->windows->hi[i]) {
            x->out[i] = ABSENT;
            continue;
        }
        fill_window(x, c->args_n, i, &window);
        x->out[i] = x->each(&window);
    }
}

static bool wrong_factor(double v)
{
    return v <= 0 || v >= 1;
}

/* What is wrong with the scalars, at the first step whose window holds a sample. */
static int check_args(const struct window_call *c, const struct windows *w, struct err *err)
{
    enum function_id id = c->call->call.function->id;
    const struct expr *at = c->call->call.args[0];
    char shown[FORMAT_TEXT_MAX];

    if (id != FN_double_exponential_smoothing && id != FN_quantile_over_time)
        return 0;
    for (size_t i = 0; i < c->stream.grid.n; i++) {
        if (w->lo[i] == w->hi[i])
            continue;
        if (id == FN_quantile_over_time) {
            if (!(c->args[0][i] >= 0 && c->args[0][i] <= 1) &&
                annotate_quantile(&c->stream.ev->notes, at, c->args[0][i], err) < 0)
                return -1;
            continue;
        }
        if (wrong_factor(c->args[0][i]))
            return err_set(err, ERR_EVAL, "invalid smoothing factor. Expected: 0 < sf < 1, got: %s",
                           format_f(c->args[0][i], shown));
        if (wrong_factor(c->args[1][i]))
            return err_set(err, ERR_EVAL, "invalid trend factor. Expected: 0 < tf < 1, got: %s",
                           format_f(c->args[1][i], shown));
    }
    return 0;
}

static int window_call_next(struct stream *s, double **column, struct err *err)
{
    struct window_call *c = (struct window_call *)s;
    struct windows w;
    struct slide x = {.stream = c->windows,
                      .windows = &w,
                      .args = c->args,
                      .each = c->function.each,
                      .out = c->column};

    if (c->windows->next(c->windows, &w, err) < 0 || check_args(c, &w, err) < 0 ||
        reserve_scratch(c, w.n * SLIDE_WIDTH_MAX, err) < 0)
        return -1;
    x.scratch = c->scratch;
    if (c->function.slide && !c->windows->anchored && !c->windows->smoothed)
        c->function.slide(&x);
    else
        each_window(c, &x);
    if ((c->call->call.function->flags & FUNCTION_COUNTER) &&
        note_counter(c, c->windows->labels[c->at], err) < 0)
        return -1;
    c->at++;
    *column = c->column;
    return 0;
}

static void window_call_close(struct stream *s)
{
    window_close(((struct window_call *)s)->windows);
}

static struct window_function function_of(enum function_id id)
{
    struct window_function f = rate_function(id);

    if (!f.each)
        f = over_time_function(id);
    if (!f.each)
        f = regress_function(id);
    return f;
}

static int check_extension(const struct window_stream *w, const struct function *f, struct err *err)
{
    if (w->anchored && !(f->flags & FUNCTION_ANCHORED))
        return err_set(err, ERR_EVAL,
                       "anchored modifier can only be used with: changes, delta, increase, rate, "
                       "resets - not with %s",
                       f->name);
    if (w->smoothed && !(f->flags & FUNCTION_SMOOTHED))
        return err_set(err, ERR_EVAL,
                       "smoothed modifier can only be used with: delta, increase, rate - not with "
                       "%s",
                       f->name);
    return 0;
}

static int window_call_start(struct window_call *c, struct err *err)
{
    struct stream *s = &c->stream;
    const struct expr *e = c->call;

    for (size_t i = 0; i < e->call.args_n; i++) {
        double *scalar;

        if (function_arg(e->call.function, i) == PROMQL_MATRIX) {
            if (window_open(s->ev, &s->grid, e->call.args[i], &c->windows, err) < 0)
                return -1;
            continue;
        }
        if (eval_scalar(s->ev, &s->grid, e->call.args[i], &s->arena, &scalar, err) < 0)
            return -1;
        c->args[c->args_n++] = scalar;
    }
    if (check_extension(c->windows, e->call.function, err) < 0 ||
        column_new(&s->arena, &s->grid, &c->column, err) < 0 ||
        stream_head(s, c->windows->n, err) < 0)
        return -1;
    if (s->n) {
        memcpy(s->labels, c->windows->labels, s->n * sizeof(void *));
        memcpy(s->drop, c->windows->drop, s->n * sizeof *s->drop);
    }
    return 0;
}

int call_window(struct eval *ev, const struct grid *grid, const struct expr *e, struct stream **out,
                struct err *err)
{
    struct window_call *c;
    SCOPED(stream_closep) struct stream *s = stream_new(ev, grid, sizeof *c);

    c = (struct window_call *)s;
    c->call = e;
    c->function = function_of(e->call.function->id);
    s->next = window_call_next;
    s->close = window_call_close;
    if (window_call_start(c, err) < 0)
        return -1;
    if (!(e->call.function->flags & FUNCTION_KEEPS_NAME) && stream_drop_names(&s, true, err) < 0)
        return -1;
    *out = take(s);
    return 0;
}
