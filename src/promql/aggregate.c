/* aggregate: aggregations that fold each series into its group.
 *
 * The groups are known from the label sets before any value is. Then series after series is pulled
 * and added to the accumulators of its group, one a step, so memory is groups x steps however many
 * series there are. aggregate_rank.c has those that must see all series of a group.
 */
#include "promql/aggregate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "promql/functions/calls.h"

/* ---- groups ---- */

int group_labels(const struct expr *e, struct arena *a, const struct labels *ls,
                 const struct labels **out, struct err *err)
{
    static const struct str name = {LABEL_NAME, sizeof LABEL_NAME - 1};

    if (!e->aggregate.without) {
        if (!e->aggregate.labels_n) {
            *out = &labels_empty;
            return 0;
        }
        return labels_only(a, ls, e->aggregate.labels, e->aggregate.labels_n, out, err);
    }
    if (labels_without(a, ls, e->aggregate.labels, e->aggregate.labels_n, out, err) < 0)
        return -1;
    return labels_without(a, *out, &name, 1, out, err);
}

int groups_find(const struct expr *e, struct arena *a, const struct labels *const labels[],
                size_t n, struct groups *out, struct err *err)
{
    SCOPED(arena_fini) struct arena scratch;
    const struct labels *key;

    arena_init(&scratch, a->budget);
    label_index_init(&out->index, a);
    out->of = arena_new_array(a, uint32_t, n, err);
    if (!out->of)
        return -1;
    for (size_t i = 0; i < n; i++) {
        size_t number;

        if (i % 256 == 0)
            arena_reset(&scratch);
        if (group_labels(e, &scratch, labels[i], &key, err) < 0 ||
            label_index_put(&out->index, key, true, &number, err) < 0)
            return -1;
        out->of[i] = (uint32_t)number;
    }
    return 0;
}

/* ---- accumulators ---- */

/* One group: each array by step, value ABSENT until the first sample. */
struct fold {
    double *value, *extra; /* extra: compensation, or mean */
    double *mean;          /* of avg, once its sum would overflow */
    uint32_t *count;
};

struct folding {
    enum token op;
    struct grid grid;
    struct arena arena;
    struct fold *items;
};

static bool needs_extra(enum token op)
{
    return op == TOK_SUM || op == TOK_AVG || op == TOK_STDDEV || op == TOK_STDVAR;
}

static bool needs_count(enum token op)
{
    return op == TOK_AVG || op == TOK_STDDEV || op == TOK_STDVAR;
}

static int fold_init(struct folding *f, struct fold *x, double *value, struct err *err)
{
    x->value = value;
    if (needs_extra(f->op)) {
        x->extra = arena_new_array(&f->arena, double, f->grid.n, err);
        if (!x->extra)
            return -1;
    }
    if (needs_count(f->op)) {
        x->count = arena_new_array(&f->arena, uint32_t, f->grid.n, err);
        if (!x->count)
            return -1;
    }
    return 0;
}

static void add_sum(struct fold *x, const double *column, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (is_absent(column[i]))
            continue;
        if (is_absent(x->value[i]))
            x->value[i] = column[i];
        else
            kahan_add(column[i], &x->value[i], &x->extra[i]);
    }
}

/* From here on the mean itself is kept: mean[i] is set, value[i] no longer grows. */
static void add_to_mean(struct fold *x, size_t i, double v)
{
    double count = x->count[i], q = (count - 1) / count;

    x->mean[i] *= q;
    x->extra[i] *= q;
    kahan_add(v / count, &x->mean[i], &x->extra[i]);
}

static int start_mean(struct folding *f, struct fold *x, size_t i, struct err *err)
{
    double before = x->count[i] - 1.0;

    if (!x->mean && column_new(&f->arena, &f->grid, &x->mean, err) < 0)
        return -1;
    x->mean[i] = x->value[i] / before;
    x->extra[i] /= before;
    return 0;
}

static int add_avg(struct folding *f, struct fold *x, const double *column, struct err *err)
{
    for (size_t i = 0; i < f->grid.n; i++) {
        double v = column[i], sum, c;

        if (is_absent(v))
            continue;
        x->count[i]++;
        if (is_absent(x->value[i])) {
            x->value[i] = v;
            continue;
        }
        if (!x->mean || is_absent(x->mean[i])) {
            sum = x->value[i];
            c = x->extra[i];
            kahan_add(v, &sum, &c);
            if (!isinf(sum)) {
                x->value[i] = sum;
                x->extra[i] = c;
                continue;
            }
            if (start_mean(f, x, i, err) < 0)
                return -1;
        }
        add_to_mean(x, i, v);
    }
    return 0;
}

static void add_count(struct fold *x, const double *column, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!is_absent(column[i]))
            x->value[i] = is_absent(x->value[i]) ? 1 : x->value[i] + 1;
}

static void add_group(struct fold *x, const double *column, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!is_absent(column[i]))
            x->value[i] = 1;
}

static void add_min(struct fold *x, const double *column, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!is_absent(column[i]) &&
            (is_absent(x->value[i]) || column[i] < x->value[i] || isnan(x->value[i])))
            x->value[i] = column[i];
}

static void add_max(struct fold *x, const double *column, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!is_absent(column[i]) &&
            (is_absent(x->value[i]) || column[i] > x->value[i] || isnan(x->value[i])))
            x->value[i] = column[i];
}

/* Welford's: extra is the mean, value the sum of squared differences. */
static void add_variance(struct fold *x, const double *column, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double v = column[i], delta;

        if (is_absent(v))
            continue;
        if (x->count[i]++ == 0) {
            x->extra[i] = v;
            x->value[i] = isfinite(v) ? 0 : NAN;
            continue;
        }
        delta = v - x->extra[i];
        x->extra[i] += delta / x->count[i];
        x->value[i] += delta * (v - x->extra[i]);
    }
}

static int fold_add(struct folding *f, struct fold *x, const double *column, struct err *err)
{
    switch (f->op) {
    case TOK_SUM:
        add_sum(x, column, f->grid.n);
        return 0;
    case TOK_AVG:
        return add_avg(f, x, column, err);
    case TOK_COUNT:
        add_count(x, column, f->grid.n);
        return 0;
    case TOK_MIN:
        add_min(x, column, f->grid.n);
        return 0;
    case TOK_MAX:
        add_max(x, column, f->grid.n);
        return 0;
    case TOK_GROUP:
        add_group(x, column, f->grid.n);
        return 0;
    default:
        add_variance(x, column, f->grid.n);
        return 0;
    }
}

static double finish_avg(const struct fold *x, size_t i)
{
    if (x->mean && !is_absent(x->mean[i]))
        return x->mean[i] + x->extra[i];
    return x->value[i] / x->count[i] + x->extra[i] / x->count[i];
}

static void fold_finish(const struct folding *f, struct fold *x)
{
    for (size_t i = 0; i < f->grid.n; i++) {
        if (is_absent(x->value[i]))
            continue;
        switch (f->op) {
        case TOK_SUM:
            x->value[i] += x->extra[i];
            break;
        case TOK_AVG:
            x->value[i] = finish_avg(x, i);
            break;
        case TOK_STDVAR:
            x->value[i] /= x->count[i];
            break;
        case TOK_STDDEV:
            x->value[i] = sqrt(x->value[i] / x->count[i]);
            break;
        default:
            return;
        }
    }
}

static void folding_fini(struct folding *f)
{
    arena_fini(&f->arena);
}

static bool has_value(const double *column, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!is_absent(column[i]))
            return true;
    return false;
}

static int fold_all(struct folding *f, const struct groups *groups, struct stream *s,
                    struct matrix *out, struct err *err)
{
    double *column, *value;

    f->items = arena_new_array(&f->arena, struct fold, groups->index.n, err);
    if (!f->items)
        return -1;
    for (size_t g = 0; g < groups->index.n; g++)
        if (matrix_add(out, groups->index.items[g], false, &value, err) < 0 ||
            fold_init(f, &f->items[g], value, err) < 0)
            return -1;
    for (size_t i = 0; i < s->n; i++) {
        if (s->next(s, &column, err) < 0 || fold_add(f, &f->items[groups->of[i]], column, err) < 0)
            return -1;
        if (s->drop[i] && has_value(column, f->grid.n))
            out->drop[groups->of[i]] = true;
    }
    for (size_t g = 0; g < groups->index.n; g++)
        fold_finish(f, &f->items[g]);
    return 0;
}

/* What these give does not depend on the order in which series come: of a selector's the sorting is
 * saved, which is half of what counting many series takes. */
static bool takes_any_order(const struct expr *e)
{
    return (e->aggregate.op == TOK_COUNT || e->aggregate.op == TOK_GROUP) &&
           expr_unwrap(e->aggregate.inner)->kind == EXPR_SELECTOR;
}

static int compare_groups(const void *a, const void *b, void *items)
{
    const struct labels *const *labels = items;

    return labels_compare(labels[*(const uint32_t *)a], labels[*(const uint32_t *)b]);
}

/* Numbers the groups by their labels, so that they come in one order whatever that of the series.
 */
static int sort_groups(struct groups *groups, size_t series_n, struct arena *a, struct err *err)
{
    size_t n = groups->index.n;
    uint32_t *order = arena_new_array(a, uint32_t, n, err);
    uint32_t *number = arena_new_array(a, uint32_t, n, err);
    const struct labels **sorted = arena_zalloc_array(a, n, sizeof(void *), err);

    if (!order || !number || !sorted)
        return -1;
    for (uint32_t g = 0; g < n; g++)
        order[g] = g;
    if (n)
        qsort_r(order, n, sizeof *order, compare_groups, groups->index.items);
    for (uint32_t g = 0; g < n; g++) {
        sorted[g] = groups->index.items[order[g]];
        number[order[g]] = g;
    }
    for (size_t i = 0; i < series_n; i++)
        groups->of[i] = number[groups->of[i]];
    groups->index.items = sorted; /* nothing is looked up in it any more */
    return 0;
}

static int open_input(struct eval *ev, const struct grid *grid, const struct expr *e,
                      struct stream **out, struct err *err)
{
    int status;

    ev->any_order = takes_any_order(e);
    status = eval_vector(ev, grid, e->aggregate.inner, out, err);
    ev->any_order = false;
    return status;
}

static int eval_fold(struct eval *ev, const struct grid *grid, const struct expr *e,
                     struct stream **out, struct err *err)
{
    SCOPED(stream_closep) struct stream *s = NULL;
    SCOPED(matrix_fini) struct matrix m = {0};
    SCOPED(folding_fini) struct folding f = {.op = e->aggregate.op, .grid = *grid};
    struct groups groups;

    arena_init(&f.arena, ev->arena->budget);
    matrix_init(&m, ev, grid);
    if (open_input(ev, grid, e, &s, err) < 0 ||
        groups_find(e, &m.arena, s->labels, s->n, &groups, err) < 0 ||
        (takes_any_order(e) && sort_groups(&groups, s->n, &m.arena, err) < 0) ||
        fold_all(&f, &groups, s, &m, err) < 0)
        return -1;
    return matrix_stream(&m, out, err);
}

int eval_aggregate(struct eval *ev, const struct grid *grid, const struct expr *e,
                   struct stream **out, struct err *err)
{
    switch (e->aggregate.op) {
    case TOK_TOPK:
    case TOK_BOTTOMK:
    case TOK_LIMITK:
    case TOK_LIMIT_RATIO:
        return aggregate_pick(ev, grid, e, out, err);
    case TOK_QUANTILE:
        return aggregate_quantile(ev, grid, e, out, err);
    case TOK_COUNT_VALUES:
        return aggregate_count_values(ev, grid, e, out, err);
    default:
        return eval_fold(ev, grid, e, out, err);
    }
}
