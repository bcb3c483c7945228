/* aggregate_values: quantile and count_values, which need all values of a group at once. */
#include <math.h>
#include <string.h>

#include "base/err.h"
#include "promql/aggregate.h"
#include "promql/format.h"
#include "promql/functions/calls.h"

/* Scalars out of [0, 1], once each extreme. */
static int note_quantiles(struct eval *ev, const struct expr *param, const double *q, size_t n,
                          struct err *err)
{
    double low = INFINITY, high = -INFINITY;
    bool any_nan = false;

    for (size_t i = 0; i < n; i++) {
        any_nan |= isnan(q[i]);
        low = fmin(low, q[i]);
        high = fmax(high, q[i]);
    }
    if (any_nan)
        return annotate_quantile(&ev->notes, param, NAN, err);
    if (n && high > 1 && annotate_quantile(&ev->notes, param, high, err) < 0)
        return -1;
    if (n && low < 0 && annotate_quantile(&ev->notes, param, low, err) < 0)
        return -1;
    return 0;
}

/* rows[0..n) of the matrix make one group: its quantile at each step. */
static void quantile_rows(const struct matrix *m, const size_t *rows, size_t n, const double *q,
                          double *scratch, double *out)
{
    for (size_t step = 0; step < m->grid.n; step++) {
        size_t kept = 0;

        for (size_t i = 0; i < n; i++)
            if (!is_absent(m->columns[rows[i]][step]))
                scratch[kept++] = m->columns[rows[i]][step];
        if (kept)
            out[step] = quantile_of(q[step], scratch, kept);
    }
}

static int quantile_groups(const struct matrix *in, const struct groups *groups, const double *q,
                           struct matrix *out, struct err *err)
{
    size_t *rows = arena_new_array(&out->arena, size_t, in->n, err);
    double *scratch = arena_new_array(&out->arena, double, in->n, err);
    double *column;

    if (!rows || !scratch)
        return -1;
    for (size_t g = 0; g < groups->index.n; g++) {
        size_t n = 0;
        bool drop = false;

        for (size_t i = 0; i < in->n; i++) {
            if (groups->of[i] != g)
                continue;
            rows[n++] = i;
            drop |= in->drop[i];
        }
        if (eval_check(in->ev, err) < 0 ||
            matrix_add(out, groups->index.items[g], drop, &column, err) < 0)
            return -1;
        quantile_rows(in, rows, n, q, scratch, column);
    }
    return 0;
}

int aggregate_quantile(struct eval *ev, const struct grid *grid, const struct expr *e,
                       struct stream **out, struct err *err)
{
    SCOPED(stream_closep) struct stream *s = NULL;
    SCOPED(matrix_fini) struct matrix in = {0}, m = {0};
    struct groups groups;
    double *q;

    matrix_init(&in, ev, grid);
    matrix_init(&m, ev, grid);
    if (eval_scalar(ev, grid, e->aggregate.param, &m.arena, &q, err) < 0 ||
        eval_vector(ev, grid, e->aggregate.inner, &s, err) < 0 ||
        note_quantiles(ev, e->aggregate.param, q, grid->n, err) < 0 ||
        matrix_collect(&in, s, err) < 0 ||
        groups_find(e, &m.arena, in.labels, in.n, &groups, err) < 0 ||
        quantile_groups(&in, &groups, q, &m, err) < 0)
        return -1;
    return matrix_stream(&m, out, err);
}

/* ---- count_values ---- */

struct value_counter {
    const struct expr *e;
    struct str label;
    struct arena scratch;
    struct label_index index;
    struct matrix m;
    struct buf text;
};

static void value_counter_fini(struct value_counter *c)
{
    arena_fini(&c->scratch);
    matrix_fini(&c->m);
    buf_fini(&c->text);
}

/* by (...) keeps the label with the value, without (...) has it anyway. */
static int counted_labels(struct value_counter *c, const struct labels *ls, double v,
                          const struct labels **out, struct err *err)
{
    const struct labels *group;

    buf_reset(&c->text);
    format_fixed(&c->text, v);
    if (!c->e->aggregate.without) {
        if (group_labels(c->e, &c->scratch, ls, &group, err) < 0)
            return -1;
        return labels_with(&c->scratch, group, c->label, buf_str(&c->text), out, err);
    }
    if (labels_with(&c->scratch, ls, c->label, buf_str(&c->text), &group, err) < 0)
        return -1;
    return group_labels(c->e, &c->scratch, group, out, err);
}

static int count_column(struct value_counter *c, const struct labels *ls, const double *column,
                        struct err *err)
{
    uint64_t last_bits = 0;
    size_t number = SIZE_MAX;

    for (size_t step = 0; step < c->m.grid.n; step++) {
        const struct labels *labels;
        double *to;

        if (is_absent(column[step]))
            continue;
        if (number == SIZE_MAX || value_bits(column[step]) != last_bits) {
            arena_reset(&c->scratch);
            if (counted_labels(c, ls, column[step], &labels, err) < 0 ||
                label_index_put(&c->index, labels, true, &number, err) < 0 ||
                (number == c->m.n &&
                 matrix_add(&c->m, c->index.items[number], false, NULL, err) < 0))
                return -1;
            last_bits = value_bits(column[step]);
        }
        to = &c->m.columns[number][step];
        *to = is_absent(*to) ? 1 : *to + 1;
    }
    return 0;
}

int aggregate_count_values(struct eval *ev, const struct grid *grid, const struct expr *e,
                           struct stream **out, struct err *err)
{
    SCOPED(value_counter_fini)
    struct value_counter c = {.e = e, .label = eval_string(e->aggregate.param)};
    SCOPED(stream_closep) struct stream *s = NULL;
    double *column;

    arena_init(&c.scratch, ev->arena->budget);
    matrix_init(&c.m, ev, grid);
    label_index_init(&c.index, &c.m.arena);
    if (!c.label.n || !str_is_utf8(c.label)) {
        SCOPED(buf_fini) struct buf shown = {0};

        quote_append(&shown, str_take(c.label, 200));
        return err_set(err, ERR_EVAL, "invalid label name %s", shown.p);
    }
    if (eval_vector(ev, grid, e->aggregate.inner, &s, err) < 0)
        return -1;
    for (size_t i = 0; i < s->n; i++)
        if (s->next(s, &column, err) < 0 || count_column(&c, s->labels[i], column, err) < 0)
            return -1;
    return matrix_stream(&c.m, out, err);
}
