/* special: absent, absent_over_time, vector, timestamp, and functions of native histograms. */
#include <string.h>

#include "base/err.h"
#include "promql/functions/calls.h"

/* Which labels an equality pins to one value. As in Prometheus, where the order counts: a label is
 * left out when another matcher on it follows, or another equality comes before. */
int absent_labels(const struct expr *arg, struct arena *a, const struct labels **out,
                  struct err *err)
{
    const struct matcher *m;
    struct label *pairs;
    size_t n, kept = 0;

    arg = expr_unwrap(arg);
    if (arg->kind == EXPR_RANGE)
        arg = arg->range.selector;
    if (arg->kind != EXPR_SELECTOR) {
        *out = &labels_empty;
        return 0;
    }
    m = arg->selector.matchers;
    n = arg->selector.matchers_n;
    pairs = arena_new_array(a, struct label, n, err);
    if (!pairs)
        return -1;
    for (size_t i = 0; i < n; i++) {
        bool pinned = m[i].op == MATCH_EQ && !str_eq(m[i].name, STR(LABEL_NAME));

        for (size_t j = 0; j < n; j++)
            if (j > i || (j < i && m[j].op == MATCH_EQ))
                pinned = pinned && !str_eq(m[i].name, m[j].name);
        if (pinned)
            pairs[kept++] = (struct label){m[i].name, m[i].value};
    }
    return labels_build(a, pairs, kept, out, err);
}

static void set_present(double *seen, const double *column, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!is_absent(column[i]))
            seen[i] = 1;
}

static int present_steps(struct eval *ev, const struct grid *grid, const struct expr *arg,
                         double *seen, struct err *err)
{
    SCOPED(stream_closep) struct stream *s = NULL;
    double *column;

    if (eval_vector(ev, grid, arg, &s, err) < 0)
        return -1;
    for (size_t i = 0; i < s->n; i++) {
        if (s->next(s, &column, err) < 0)
            return -1;
        set_present(seen, column, grid->n);
    }
    return 0;
}

static int present_windows(struct eval *ev, const struct grid *grid, const struct expr *arg,
                           double *seen, struct err *err)
{
    SCOPED(window_closep) struct window_stream *s = NULL;
    struct windows w;

    if (window_open(ev, grid, arg, &s, err) < 0)
        return -1;
    if (s->anchored || s->smoothed)
        return err_set(err, ERR_EVAL,
                       "%s modifier can only be used with: %sdelta, increase, rate%s - not with "
                       "absent_over_time",
                       s->anchored ? "anchored" : "smoothed", s->anchored ? "changes, " : "",
                       s->anchored ? ", resets" : "");
    for (size_t i = 0; i < s->n; i++) {
        if (s->next(s, &w, err) < 0)
            return -1;
        for (size_t step = 0; step < grid->n; step++)
            if (w.lo[step] < w.hi[step])
                seen[step] = 1;
    }
    return 0;
}

/* 1 where nothing is, nothing where something is. */
static int call_absent(struct eval *ev, const struct grid *grid, const struct expr *e,
                       struct stream **out, struct err *err)
{
    SCOPED(matrix_fini) struct matrix m = {0};
    const struct expr *arg = e->call.args[0];
    bool windows = e->call.function->id == FN_absent_over_time;
    const struct labels *labels;
    double *column;

    matrix_init(&m, ev, grid);
    if (absent_labels(arg, &m.arena, &labels, err) < 0 ||
        matrix_add(&m, labels, false, &column, err) < 0)
        return -1;
    if (windows ? present_windows(ev, grid, arg, column, err) < 0
                : present_steps(ev, grid, arg, column, err) < 0)
        return -1;
    for (size_t i = 0; i < grid->n; i++)
        column[i] = is_absent(column[i]) ? 1 : ABSENT;
    return matrix_stream(&m, out, err);
}

static int call_vector(struct eval *ev, const struct grid *grid, const struct expr *e,
                       struct stream **out, struct err *err)
{
    SCOPED(matrix_fini) struct matrix m = {0};
    double *scalar, *column;

    matrix_init(&m, ev, grid);
    if (matrix_add(&m, &labels_empty, false, &column, err) < 0 ||
        eval_scalar(ev, grid, e->call.args[0], &m.arena, &scalar, err) < 0)
        return -1;
    memcpy(column, scalar, grid->n * sizeof *column);
    return matrix_stream(&m, out, err);
}

static void apply_now(const void *arg, const struct grid *grid, double *column)
{
    (void)arg;
    for (size_t i = 0; i < grid->n; i++)
        if (!is_absent(column[i]))
            column[i] = (double)grid_at(grid, i) / 1000;
}

/* Of a selector: when its samples were taken. Of anything computed: now. */
static int call_timestamp(struct eval *ev, const struct grid *grid, const struct expr *e,
                          struct stream **out, struct err *err)
{
    SCOPED(stream_closep) struct stream *s = NULL;
    const struct expr *arg = expr_unwrap(e->call.args[0]);

    if (arg->kind == EXPR_SELECTOR && !arg->selector.smoothed) {
        if (select_open(ev, grid, arg, true, &s, err) < 0)
            return -1;
    } else if (eval_vector(ev, grid, arg, &s, err) < 0 ||
               stream_map(&s, apply_now, NULL, err) < 0) {
        return -1;
    }
    if (stream_drop_names(&s, false, err) < 0)
        return -1;
    *out = take(s);
    return 0;
}

int call_special(struct eval *ev, const struct grid *grid, const struct expr *e,
                 struct stream **out, struct err *err)
{
    switch (e->call.function->id) {
    case FN_absent:
    case FN_absent_over_time:
        return call_absent(ev, grid, e, out, err);
    case FN_vector:
        return call_vector(ev, grid, e, out, err);
    case FN_timestamp:
        return call_timestamp(ev, grid, e, out, err);
    default:
        return call_info(ev, grid, e, out, err);
    }
}

/* Nothing stored is a native histogram or has a start time, so nothing is what these give; the
 * warning says why. The argument is evaluated for its own mistakes. */
int call_native(struct eval *ev, const struct grid *grid, const struct expr *e, struct stream **out,
                struct err *err)
{
    SCOPED(stream_closep) struct stream *input = NULL;
    SCOPED(matrix_fini) struct matrix m = {0};

    if (eval_vector(ev, grid, e->call.args[0], &input, err) < 0)
        return -1;
    if (annotate_warning(&ev->notes, e, err, "%s not supported yet, %s() gives nothing",
                         e->call.function->id == FN_start_timestamp ? "the start time of samples is"
                                                                    : "native histograms are",
                         e->call.function->name) < 0)
        return -1;
    matrix_init(&m, ev, grid);
    return matrix_stream(&m, out, err);
}
