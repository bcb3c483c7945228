/* aggregate_pick: topk, bottomk, limitk and limit_ratio give some of the series as they are.
 *
 * For each group and step a heap of at most k entries is kept, its root the next to go, so memory
 * is groups x steps x k. The heap is the plain binary one, with NaN smaller (topk) or larger
 * (bottomk) than all numbers.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "promql/aggregate.h"
#include "promql/format.h"

struct pick {
    double value;
    uint32_t series;
};

struct heap {
    struct pick *items; /* [cap] */
    uint32_t n;
};

struct picker {
    enum token op;
    struct grid grid;
    struct arena arena;
    const double *param; /* by step */
    struct heap *heaps;  /* [groups][steps] */
    struct groups groups;
    uint32_t *sizes; /* series in each group */
    size_t cap;      /* of a heap, before the group's size bounds it */
};

static void picker_fini(struct picker *p)
{
    arena_fini(&p->arena);
}

/* Whether a goes before b: the root of the heap goes first. */
static bool goes_first(enum token op, double a, double b)
{
    if (isnan(a))
        return true;
    return op == TOK_BOTTOMK ? a > b : a < b;
}

static void heap_push(enum token op, struct heap *h, struct pick x)
{
    size_t at = h->n++;

    h->items[at] = x;
    while (at > 0) {
        size_t up = (at - 1) / 2;

        if (!goes_first(op, h->items[at].value, h->items[up].value))
            return;
        x = h->items[up];
        h->items[up] = h->items[at];
        h->items[at] = x;
        at = up;
    }
}

/* The root was replaced. */
static void heap_sink(enum token op, struct heap *h)
{
    size_t at = 0;

    for (;;) {
        size_t down = 2 * at + 1;
        struct pick x;

        if (down >= h->n)
            return;
        if (down + 1 < h->n && goes_first(op, h->items[down + 1].value, h->items[down].value))
            down++;
        if (!goes_first(op, h->items[down].value, h->items[at].value))
            return;
        x = h->items[at];
        h->items[at] = h->items[down];
        h->items[down] = x;
        at = down;
    }
}

static void pick_ranked(enum token op, struct heap *h, size_t k, struct pick x)
{
    double root = h->n ? h->items[0].value : 0;

    if (h->n < k) {
        heap_push(op, h, x);
    } else if ((op == TOK_TOPK ? root < x.value : root > x.value) ||
               (isnan(root) && !isnan(x.value))) {
        h->items[0] = x;
        heap_sink(op, h);
    }
}

static size_t wanted_at(const struct picker *p, size_t step)
{
    double k = p->param[step];

    return k < 1 ? 0 : k > (double)p->cap ? p->cap : (size_t)k;
}

static void pick_column(struct picker *p, uint32_t series, const double *column)
{
    struct heap *heaps = p->heaps + p->groups.of[series] * p->grid.n;

    for (size_t step = 0; step < p->grid.n; step++) {
        size_t k;

        if (is_absent(column[step]) || (k = wanted_at(p, step)) == 0)
            continue;
        if (k > p->sizes[p->groups.of[series]])
            k = p->sizes[p->groups.of[series]];
        if (p->op == TOK_LIMITK) {
            if (heaps[step].n < k)
                heaps[step].items[heaps[step].n++] = (struct pick){column[step], series};
            continue;
        }
        pick_ranked(p->op, &heaps[step], k, (struct pick){column[step], series});
    }
}

/* Room for every heap: as many entries as the largest k or its group has series. */
static int alloc_heaps(struct picker *p, size_t series_n, struct err *err)
{
    size_t n = p->groups.index.n;

    p->sizes = arena_new_array(&p->arena, uint32_t, n, err);
    p->heaps = arena_zalloc_array(&p->arena, n * p->grid.n, sizeof *p->heaps, err);
    if (!p->sizes || !p->heaps)
        return -1;
    for (size_t i = 0; i < series_n; i++)
        p->sizes[p->groups.of[i]]++;
    for (size_t g = 0; g < n; g++) {
        size_t cap = p->cap < p->sizes[g] ? p->cap : p->sizes[g];
        struct pick *items;

        if (__builtin_mul_overflow(cap, p->grid.n, &(size_t){0}))
            return err_set(err, ERR_LIMIT, "too many results in %s()", token_text(p->op));
        items = arena_zalloc_array(&p->arena, cap * p->grid.n, sizeof *items, err);
        if (!items)
            return -1;
        for (size_t step = 0; step < p->grid.n; step++)
            p->heaps[g * p->grid.n + step].items = items + step * cap;
    }
    return 0;
}

/* ---- checks of the parameter ---- */

static int check_count(struct picker *p, size_t series_n, struct err *err)
{
    char shown[FORMAT_TEXT_MAX];
    double most = 0;
    bool any_nan = false;

    for (size_t i = 0; i < p->grid.n; i++) {
        most = fmax(most, p->param[i]);
        any_nan |= isnan(p->param[i]);
    }
    p->cap = most > (double)series_n ? series_n : most < 1 ? 0 : (size_t)most;
    if (most < 1 && !any_nan)
        return 0;
    for (size_t i = 0; i < p->grid.n; i++) {
        if (isnan(p->param[i]))
            return err_set(err, ERR_EVAL, "Parameter value is NaN");
        if (p->param[i] <= -0x1p63)
            return err_set(err, ERR_EVAL, "Scalar value %s underflows int64",
                           format_g(p->param[i], shown));
        if (p->param[i] >= 0x1p63)
            return err_set(err, ERR_EVAL, "Scalar value %s overflows int64",
                           format_g(p->param[i], shown));
    }
    return 0;
}

static int note_ratio(struct eval *ev, const struct expr *param, const double *r, size_t n,
                      struct err *err)
{
    double low = INFINITY, high = -INFINITY;
    char shown[FORMAT_TEXT_MAX];

    for (size_t i = 0; i < n; i++) {
        low = fmin(low, r[i]);
        high = fmax(high, r[i]);
    }
    if (high > 1 && annotate_warning(&ev->notes, param, err,
                                     "ratio value should be between -1 and 1, got %s, capping to 1",
                                     format_g(high, shown)) < 0)
        return -1;
    if (low < -1 &&
        annotate_warning(&ev->notes, param, err,
                         "ratio value should be between -1 and 1, got %s, capping to -1",
                         format_g(low, shown)) < 0)
        return -1;
    return 0;
}

static int check_ratio(struct eval *ev, const struct expr *param, const double *r, size_t n,
                       bool *any, struct err *err)
{
    *any = false;
    for (size_t i = 0; i < n; i++)
        *any |= r[i] != 0;
    for (size_t i = 0; *any && i < n; i++)
        if (isnan(r[i]))
            return err_set(err, ERR_EVAL, "Ratio value is NaN");
    return *any ? note_ratio(ev, param, r, n, err) : 0;
}

/* ---- results ---- */

/* topk: largest first, bottomk: smallest first, NaN last; limitk: as they came. */
static int compare_picks(const void *a, const void *b, void *op)
{
    double x = ((const struct pick *)a)->value, y = ((const struct pick *)b)->value;

    if (isnan(x) || isnan(y))
        return isnan(x) - isnan(y);
    return *(const enum token *)op == TOK_TOPK ? (x < y) - (x > y) : (x > y) - (x < y);
}

static int put_picks(const struct heap *h, size_t step, const struct stream *s, size_t *rows,
                     struct matrix *out, struct err *err)
{
    for (uint32_t i = 0; i < h->n; i++) {
        uint32_t series = h->items[i].series;

        if (!rows[series]) {
            if (matrix_add(out, s->labels[series], s->drop[series], NULL, err) < 0)
                return -1;
            rows[series] = out->n;
        }
        out->columns[rows[series] - 1][step] = h->items[i].value;
    }
    out->held += h->n;
    return eval_hold(out->ev, h->n, err);
}

/* The series picked somewhere, with the values at the steps where they were. Of an instant query
 * they come in order of rank. */
static int collect_picks(struct picker *p, const struct stream *s, struct matrix *out,
                         struct err *err)
{
    size_t *rows = arena_new_array(&p->arena, size_t, s->n, err); /* row + 1 of a series */

    if (!rows)
        return -1;
    for (size_t g = 0; g < p->groups.index.n; g++)
        for (size_t step = 0; step < p->grid.n; step++) {
            struct heap *h = &p->heaps[g * p->grid.n + step];

            if (p->op != TOK_LIMITK && p->grid.n == 1)
                qsort_r(h->items, h->n, sizeof *h->items, compare_picks, &p->op);
            if (put_picks(h, step, s, rows, out, err) < 0)
                return -1;
        }
    return 0;
}

static int pick_ranks(struct picker *p, struct stream *s, struct matrix *out, const struct expr *e,
                      struct err *err)
{
    double *column;

    if (check_count(p, s->n, err) < 0)
        return -1;
    if (p->cap == 0)
        return 0;
    if (groups_find(e, &p->arena, s->labels, s->n, &p->groups, err) < 0 ||
        alloc_heaps(p, s->n, err) < 0)
        return -1;
    for (size_t i = 0; i < s->n; i++) {
        if (s->next(s, &column, err) < 0)
            return -1;
        pick_column(p, (uint32_t)i, column);
    }
    return collect_picks(p, s, out, err);
}

/* A series is in when its hash, as a share of all hashes, is below the ratio; a negative ratio
 * gives the others, so that r and r - 1 together give all. */
static bool in_ratio(const struct labels *ls, double r)
{
    double share = (double)ls->hash / 18446744073709551615.0;

    r = r < -1 ? -1 : r > 1 ? 1 : r;
    return r >= 0 ? share < r : share >= 1 + r;
}

static int pick_ratio(struct eval *ev, struct picker *p, struct stream *s, struct matrix *out,
                      const struct expr *e, struct err *err)
{
    double *column, *to;
    bool any;

    if (check_ratio(ev, e->aggregate.param, p->param, p->grid.n, &any, err) < 0)
        return -1;
    for (size_t i = 0; any && i < s->n; i++) {
        size_t held = 0;

        if (s->next(s, &column, err) < 0 || matrix_add(out, s->labels[i], s->drop[i], &to, err) < 0)
            return -1;
        for (size_t step = 0; step < p->grid.n; step++) {
            if (is_absent(column[step]) || p->param[step] == 0 ||
                !in_ratio(s->labels[i], p->param[step]))
                continue;
            to[step] = column[step];
            held++;
        }
        out->held += held;
        if (eval_hold(ev, held, err) < 0)
            return -1;
    }
    return 0;
}

int aggregate_pick(struct eval *ev, const struct grid *grid, const struct expr *e,
                   struct stream **out, struct err *err)
{
    SCOPED(stream_closep) struct stream *s = NULL;
    SCOPED(picker_fini) struct picker p = {.op = e->aggregate.op, .grid = *grid};
    SCOPED(matrix_fini) struct matrix m = {0};
    double *param;

    arena_init(&p.arena, ev->arena->budget);
    matrix_init(&m, ev, grid);
    if (eval_scalar(ev, grid, e->aggregate.param, &p.arena, &param, err) < 0 ||
        eval_vector(ev, grid, e->aggregate.inner, &s, err) < 0)
        return -1;
    p.param = param;
    if ((p.op == TOK_LIMIT_RATIO ? pick_ratio(ev, &p, s, &m, e, err)
                                 : pick_ranks(&p, s, &m, e, err)) < 0 ||
        matrix_own_labels(&m, err) < 0)
        return -1;
    return matrix_stream(&m, out, err);
}
