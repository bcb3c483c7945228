/* histogram: quantiles and fractions of classic histograms (series with a label `le`).
 *
 * Series that differ in `le` alone make one histogram. At each step its buckets are those that have
 * a value, sorted by bound, equal bounds added up. Counts that do not rise with the bound are
 * forced to, with a note; differences that rounding explains are evened out silently.
 * Within a bucket observations are taken to be spread evenly.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "promql/format.h"
#include "promql/functions/calls.h"
#include "text/number.h"

#define SMALL_DELTA 1e-12 /* relative */

struct bucket {
    double bound, count;
};

struct member { /* a series of the matrix */
    size_t histogram, row;
    double bound;
};

struct histogram {
    const struct labels *labels; /* without le */
    bool drop;
    size_t first, n; /* members[first..) */
};

struct histograms {
    struct matrix m;
    struct member *members;  /* in order of histogram, then bound */
    struct histogram *items; /* [n] */
    size_t n;
    struct bucket *buckets; /* scratch for one histogram at one step */
    const struct expr *arg; /* what the notes point at */
};

static void histograms_fini(struct histograms *h)
{
    matrix_fini(&h->m);
}

/* ---- one histogram at one step ---- */

static bool almost_equal(double a, double b)
{
    double sum = fabs(a) + fabs(b), diff = fabs(a - b);

    if (a == b)
        return true;
    if (a == 0 || b == 0 || sum < 0x1p-1022)
        return diff < SMALL_DELTA * 0x1p-1022;
    return diff / fmin(sum, 1.7976931348623157e308) < SMALL_DELTA;
}

static size_t coalesce(struct bucket *b, size_t n)
{
    size_t kept = 0;

    for (size_t i = 1; i < n; i++) {
        if (b[i].bound == b[kept].bound)
            b[kept].count += b[i].count;
        else
            b[++kept] = b[i];
    }
    return kept + 1;
}

struct forced {
    bool any;
    double bound_min, bound_max, diff_max;
};

static void make_monotone(struct bucket *b, size_t n, struct forced *forced)
{
    double before = b[0].count;

    *forced = (struct forced){false, INFINITY, -INFINITY, 0};
    for (size_t i = 1; i < n; i++) {
        double now = b[i].count;

        if (now == before)
            continue;
        if (almost_equal(before, now)) {
            b[i].count = before;
        } else if (now < before) {
            b[i].count = before;
            forced->any = true;
            forced->bound_min = fmin(forced->bound_min, b[i].bound);
            forced->bound_max = fmax(forced->bound_max, b[i].bound);
            forced->diff_max = fmax(forced->diff_max, before - now);
        } else {
            before = now;
        }
    }
}

static double bucket_quantile(double q, struct bucket *b, size_t n, struct forced *forced)
{
    double rank, start = 0, count;
    size_t i = 0;

    forced->any = false;
    if (isnan(q))
        return NAN;
    if (q < 0 || q > 1)
        return q < 0 ? -INFINITY : INFINITY;
    if (b[n - 1].bound != INFINITY)
        return NAN;
    n = coalesce(b, n);
    make_monotone(b, n, forced);
    if (n < 2 || b[n - 1].count == 0)
        return NAN;
    rank = q * b[n - 1].count;
    while (i < n - 1 && !(b[i].count >= rank))
        i++;
    if (i == n - 1)
        return b[n - 2].bound;
    if (i == 0 && b[0].bound <= 0)
        return b[0].bound;
    count = b[i].count;
    if (i > 0) {
        start = b[i - 1].bound;
        count -= b[i - 1].count;
        rank -= b[i - 1].count;
    }
    return start + (b[i].bound - start) * (rank / count);
}

/* How many observations lie at or below v; *found false: past all buckets. */
static double rank_of(double v, const struct bucket *b, size_t n, bool *found)
{
    double rank = 0, lower = b[0].bound <= 0 ? -INFINITY : 0;

    *found = true;
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            lower = b[i - 1].bound;
        if (lower >= v)
            return rank;
        if (b[i].bound > v) {
            if (lower == -INFINITY)
                return b[i].count;
            return rank + (b[i].count - rank) * (v - lower) / (b[i].bound - lower);
        }
        rank = b[i].count;
    }
    *found = false;
    return rank;
}

static double bucket_fraction(double lower, double upper, struct bucket *b, size_t n)
{
    double count, low, high;
    bool found;

    if (b[n - 1].bound != INFINITY)
        return NAN;
    n = coalesce(b, n);
    count = b[n - 1].count;
    if (count == 0 || isnan(lower) || isnan(upper))
        return NAN;
    if (lower >= upper)
        return 0;
    low = rank_of(lower, b, n, &found);
    if (!found || low > count)
        low = count;
    high = rank_of(upper, b, n, &found);
    if (!found || high > count)
        high = count;
    return (high - low) / count;
}

/* ---- which series make which histogram ---- */

static int note_bad_bound(struct histograms *h, const struct labels *ls, struct err *err)
{
    struct str name = labels_get(ls, STR(LABEL_NAME)), le = labels_get(ls, STR("le"));
    struct eval *ev = h->m.ev;

    if (ev->delayed && name.n)
        return annotate_warning(&ev->notes, h->arg, err,
                                "bucket label \"le\" is missing or has a malformed value of "
                                "\"%.*s\" for metric name \"%.*s\"",
                                (int)str_take(le, 200).n, le.p, (int)str_take(name, 200).n, name.p);
    return annotate_warning(&ev->notes, h->arg, err,
                            "bucket label \"le\" is missing or has a malformed value of \"%.*s\"",
                            (int)str_take(le, 200).n, le.p);
}

static int compare_members(const void *a, const void *b)
{
    const struct member *x = a, *y = b;

    if (x->histogram != y->histogram)
        return x->histogram < y->histogram ? -1 : 1;
    if (x->bound != y->bound)
        return x->bound < y->bound ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static int find_members(struct histograms *h, struct label_index *index, struct member *members,
                        size_t *out_n, struct err *err)
{
    static const struct str le[] = {{"le", 2}};
    size_t n = 0;

    for (size_t i = 0; i < h->m.n; i++) {
        const struct labels *rest;
        struct member *m = &members[n];

        if (!number_parse(labels_get(h->m.labels[i], le[0]), &m->bound) || isnan(m->bound)) {
            if (note_bad_bound(h, h->m.labels[i], err) < 0)
                return -1;
            continue;
        }
        if (labels_without(&h->m.arena, h->m.labels[i], le, 1, &rest, err) < 0 ||
            label_index_put(index, rest, false, &m->histogram, err) < 0)
            return -1;
        m->row = i;
        n++;
    }
    *out_n = n;
    return 0;
}

/* Collects the argument and sorts its series into histograms. */
static int histograms_open(struct histograms *h, struct eval *ev, const struct grid *grid,
                           const struct expr *arg, struct err *err)
{
    SCOPED(stream_closep) struct stream *s = NULL;
    struct label_index index;
    struct member *members;
    size_t n;

    h->arg = arg;
    if (eval_vector(ev, grid, arg, &s, err) < 0 || matrix_collect(&h->m, s, err) < 0)
        return -1;
    label_index_init(&index, &h->m.arena);
    members = arena_new_array(&h->m.arena, struct member, h->m.n, err);
    if (!members || find_members(h, &index, members, &n, err) < 0)
        return -1;
    qsort(members, n, sizeof *members, compare_members);
    h->n = index.n;
    h->items = arena_new_array(&h->m.arena, struct histogram, h->n, err);
    h->buckets = arena_new_array(&h->m.arena, struct bucket, n, err);
    if (!h->items || !h->buckets)
        return -1;
    h->members = members;
    for (size_t i = 0; i < n; i++) {
        struct histogram *item = &h->items[members[i].histogram];

        if (item->n++ == 0) {
            item->labels = index.items[members[i].histogram];
            item->drop = h->m.drop[members[i].row];
            item->first = i;
        }
    }
    return 0;
}

/* The buckets that have a value at this step, in scratch. */
static size_t buckets_at(const struct histograms *h, const struct histogram *item, size_t step)
{
    size_t n = 0;

    for (size_t i = item->first; i < item->first + item->n; i++) {
        double count = h->m.columns[h->members[i].row][step];

        if (!is_absent(count))
            h->buckets[n++] = (struct bucket){h->members[i].bound, count};
    }
    return n;
}

/* ---- the functions ---- */

static int quantile_column(struct histograms *h, const struct histogram *item, const double *q,
                           double *column, struct err *err)
{
    struct str name = labels_get(item->labels, STR(LABEL_NAME));
    struct eval *ev = h->m.ev;

    for (size_t step = 0; step < h->m.grid.n; step++) {
        size_t n = buckets_at(h, item, step);
        struct forced forced;

        if (n == 0)
            continue;
        column[step] = bucket_quantile(q[step], h->buckets, n, &forced);
        if (forced.any && annotate_monotone(&ev->notes, h->arg, ev->delayed ? name : STR(""),
                                            grid_at(&h->m.grid, step), forced.bound_min,
                                            forced.bound_max, forced.diff_max, err) < 0)
            return -1;
    }
    return 0;
}

/* A quantile out of range is noted where there is something to take it of or not: once a query. */
static int note_quantiles(struct eval *ev, const struct grid *grid, const struct expr *arg,
                          const double *q, struct err *err)
{
    for (size_t i = 0; i < grid->n; i++)
        if (!(q[i] >= 0 && q[i] <= 1) && annotate_quantile(&ev->notes, arg, q[i], err) < 0)
            return -1;
    return 0;
}

/* All histograms at one quantile, into the rows of `out`. */
static int add_quantiles(struct histograms *h, const double *q, struct str label,
                         struct matrix *out, struct err *err)
{
    SCOPED(buf_fini) struct buf text = {0};

    if (label.n && h->m.grid.n)
        format_openmetrics(&text, q[0]);
    for (size_t i = 0; i < h->n; i++) {
        const struct labels *labels = h->items[i].labels;
        double *column;

        if (label.n && labels_with(&out->arena, labels, label, buf_str(&text), &labels, err) < 0)
            return -1;
        if (matrix_add(out, labels, h->items[i].drop, &column, err) < 0 ||
            quantile_column(h, &h->items[i], q, column, err) < 0)
            return -1;
    }
    return 0;
}

static int call_quantile(struct histograms *h, const struct grid *grid, const struct expr *e,
                         struct matrix *out, struct err *err)
{
    struct eval *ev = out->ev;
    double *q;

    if (eval_scalar(ev, grid, e->call.args[0], &out->arena, &q, err) < 0 ||
        note_quantiles(ev, grid, e->call.args[0], q, err) < 0 ||
        histograms_open(h, ev, grid, e->call.args[1], err) < 0)
        return -1;
    return add_quantiles(h, q, (struct str){0}, out, err);
}

static int call_quantiles(struct histograms *h, const struct grid *grid, const struct expr *e,
                          struct matrix *out, struct err *err)
{
    struct eval *ev = out->ev;
    double *q;

    if (histograms_open(h, ev, grid, e->call.args[0], err) < 0)
        return -1;
    for (size_t i = 2; i < e->call.args_n; i++)
        if (eval_scalar(ev, grid, e->call.args[i], &out->arena, &q, err) < 0 ||
            note_quantiles(ev, grid, e->call.args[i], q, err) < 0 ||
            add_quantiles(h, q, eval_string(e->call.args[1]), out, err) < 0)
            return -1;
    return 0;
}

static int call_fraction(struct histograms *h, const struct grid *grid, const struct expr *e,
                         struct matrix *out, struct err *err)
{
    struct eval *ev = out->ev;
    double *lower, *upper, *column;

    if (eval_scalar(ev, grid, e->call.args[0], &out->arena, &lower, err) < 0 ||
        eval_scalar(ev, grid, e->call.args[1], &out->arena, &upper, err) < 0 ||
        histograms_open(h, ev, grid, e->call.args[2], err) < 0)
        return -1;
    for (size_t i = 0; i < h->n; i++) {
        if (matrix_add(out, h->items[i].labels, h->items[i].drop, &column, err) < 0)
            return -1;
        for (size_t step = 0; step < grid->n; step++) {
            size_t n = buckets_at(h, &h->items[i], step);

            if (n)
                column[step] = bucket_fraction(lower[step], upper[step], h->buckets, n);
        }
    }
    return 0;
}

int call_histogram(struct eval *ev, const struct grid *grid, const struct expr *e,
                   struct stream **out, struct err *err)
{
    SCOPED(histograms_fini) struct histograms h = {0};
    SCOPED(matrix_fini) struct matrix m = {0};
    SCOPED(stream_closep) struct stream *s = NULL;
    int status;

    matrix_init(&h.m, ev, grid);
    matrix_init(&m, ev, grid);
    switch (e->call.function->id) {
    case FN_histogram_quantile:
        status = call_quantile(&h, grid, e, &m, err);
        break;
    case FN_histogram_quantiles:
        status = call_quantiles(&h, grid, e, &m, err);
        break;
    default:
        status = call_fraction(&h, grid, e, &m, err);
    }
    if (status < 0 || matrix_own_labels(&m, err) < 0 || matrix_stream(&m, &s, err) < 0 ||
        stream_drop_names(&s, false, err) < 0)
        return -1;
    *out = take(s);
    return 0;
}
