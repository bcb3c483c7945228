/* match: operators between two vectors.
 *
 * Both sides are collected. Series whose matching labels are equal share a *signature*; within one
 * signature each series of the "many" side (the left one, unless group_right) meets the series of
 * the "one" side that has a value at the step. Which result labels a pair gives is known before any
 * value is looked at, so the work per step is the operator alone.
 *
 * What is wrong is wrong at a step: two series on the "one" side, two matches in one-to-one, two
 * results with the same labels.
 */
#include <string.h>

#include "base/err.h"
#include "promql/eval.h"

#define NOBODY SIZE_MAX

int match_labels(const struct matching *m, struct arena *a, const struct labels *ls,
                 const struct labels **out, struct err *err)
{
    static const struct str name = {LABEL_NAME, sizeof LABEL_NAME - 1};

    if (m->on)
        return labels_only(a, ls, m->labels, m->labels_n, out, err);
    if (labels_without(a, ls, m->labels, m->labels_n, out, err) < 0)
        return -1;
    return labels_without(a, *out, &name, 1, out, err);
}

struct side {
    struct matrix m;
    size_t *signature; /* [m.n] */
    size_t *first;     /* [signatures + 1]: rows[first[s]..first[s + 1]) have signature s */
    size_t *rows;      /* [m.n] */
    bool *any;         /* [steps]: some series has a value */
};

struct join {
    struct eval *ev;
    const struct expr *e;
    const struct matching *matching;
    struct grid grid;
    struct arena arena;
    struct label_index signatures, results;
    struct side many, one;
    struct matrix out;
    /* Of the signature at hand. */
    double *one_column; /* its value by step, and which row gives it */
    size_t *one_row;
    bool *met;      /* [steps]: one-to-one: a match was found */
    bool *many_at;  /* [steps]: some series of the many side has a value */
    size_t **taken; /* [results]: signature + 1 that gave a result at the step */
    size_t taken_n, taken_cap;
};

static void join_fini(struct join *j)
{
    matrix_fini(&j->out);
    matrix_fini(&j->many.m);
    matrix_fini(&j->one.m);
    arena_fini(&j->arena);
}

static int collect_side(struct join *j, struct side *side, const struct expr *e, struct err *err)
{
    SCOPED(stream_closep) struct stream *s = NULL;

    matrix_init(&side->m, j->ev, &j->grid);
    if (eval_vector(j->ev, &j->grid, e, &s, err) < 0 || matrix_collect(&side->m, s, err) < 0)
        return -1;
    side->signature = arena_new_array(&j->arena, size_t, side->m.n, err);
    side->rows = arena_new_array(&j->arena, size_t, side->m.n, err);
    side->any = arena_new_array(&j->arena, bool, j->grid.n, err);
    if (!side->signature || !side->rows || !side->any)
        return -1;
    for (size_t i = 0; i < side->m.n; i++) {
        const struct labels *key;

        if (match_labels(j->matching, &j->arena, side->m.labels[i], &key, err) < 0 ||
            label_index_put(&j->signatures, key, false, &side->signature[i], err) < 0)
            return -1;
        for (size_t step = 0; step < j->grid.n; step++)
            side->any[step] |= !is_absent(side->m.columns[i][step]);
    }
    return 0;
}

/* Rows by signature: a counting sort. */
static int group_side(struct join *j, struct side *side, struct err *err)
{
    size_t n = j->signatures.n;
    size_t *next = arena_new_array(&j->arena, size_t, n + 1, err);

    side->first = arena_new_array(&j->arena, size_t, n + 1, err);
    if (!next || !side->first)
        return -1;
    for (size_t i = 0; i < side->m.n; i++)
        side->first[side->signature[i] + 1]++;
    for (size_t s = 0; s < n; s++)
        side->first[s + 1] += side->first[s];
    memcpy(next, side->first, (n + 1) * sizeof *next);
    for (size_t i = 0; i < side->m.n; i++)
        side->rows[next[side->signature[i]]++] = i;
    return 0;
}

/* {a="b", c="d"}: with the name as a label, as such messages print it. */
static void add_braces(struct buf *out, const struct labels *ls)
{
    buf_addc(out, '{');
    for (size_t i = 0; i < ls->n; i++) {
        struct label l = labels_at(ls, i);

        if (i)
            buf_adds(out, ", ");
        if (name_is_legacy_label(l.name))
            buf_add(out, l.name);
        else
            quote_append(out, l.name);
        buf_addc(out, '=');
        quote_append(out, l.value);
    }
    buf_addc(out, '}');
}

static int duplicate_series(const struct join *j, size_t signature, size_t a, size_t b,
                            struct err *err)
{
    SCOPED(buf_fini) struct buf group = {0}, x = {0}, y = {0};
    bool swapped;

    add_braces(&group, j->signatures.items[signature]);
    add_braces(&x, j->one.m.labels[a]);
    add_braces(&y, j->one.m.labels[b]);
    swapped = str_cmp(buf_str(&x), buf_str(&y)) > 0;
    return err_set(err, ERR_EVAL,
                   "found duplicate series for the match group %s on the %s hand-side of the "
                   "operation: [%s, %s];many-to-many matching not allowed: matching labels must be "
                   "unique on one side",
                   group.p, j->matching->card == ONE_TO_MANY ? "left" : "right",
                   swapped ? y.p : x.p, swapped ? x.p : y.p);
}

/* What the one side of a signature has at each step. */
static int combine_one(struct join *j, size_t signature, struct err *err)
{
    const struct side *one = &j->one;
    const struct matching *m = j->matching;
    bool fills = m->fills_left || m->fills_right;

    column_clear(j->one_column, j->grid.n);
    for (size_t r = one->first[signature]; r < one->first[signature + 1]; r++) {
        size_t row = one->rows[r];
        const double *column = one->m.columns[row];

        for (size_t i = 0; i < j->grid.n; i++) {
            if (is_absent(column[i]) || (!j->many.any[i] && !fills))
                continue;
            if (!is_absent(j->one_column[i]))
                return duplicate_series(j, signature, row, j->one_row[i], err);
            j->one_column[i] = column[i];
            j->one_row[i] = row;
        }
    }
    return 0;
}

/* The labels of many op one; `one` NULL: filled. */
static int result_labels(struct join *j, const struct labels *many, const struct labels *one,
                         const struct labels **out, struct err *err)
{
    const struct matching *m = j->matching;
    struct arena *a = &j->arena;
    const struct labels *ls = many;
    bool nameless =
        binary_changes_meaning(j->e->binary.op) || (j->e->binary.returns_bool && !j->ev->delayed);

    if (nameless && labels_nameless(a, ls, &ls, err) < 0)
        return -1;
    if (m->card == ONE_TO_ONE &&
        (m->on ? labels_only(a, ls, m->labels, m->labels_n, &ls, err)
               : labels_without(a, ls, m->labels, m->labels_n, &ls, err)) < 0)
        return -1;
    for (size_t i = 0; i < m->include_n; i++) {
        struct str value = one ? labels_get(one, m->include[i]) : STR("");

        if (labels_with(a, ls, m->include[i], value, &ls, err) < 0)
            return -1;
    }
    *out = ls;
    return 0;
}

/* The number of the result with these labels; a new one gets a column. */
static int result_of(struct join *j, const struct labels *many, const struct labels *one,
                     size_t *out, struct err *err)
{
    const struct labels *ls;

    if (result_labels(j, many, one, &ls, err) < 0 ||
        label_index_put(&j->results, ls, true, out, err) < 0)
        return -1;
    if (*out < j->out.n)
        return 0;
    return matrix_add(&j->out, j->results.items[*out], j->e->binary.returns_bool, NULL, err);
}

/* Which signature gave result `number` at each step. */
static int taken_by(struct join *j, size_t number, size_t **out, struct err *err)
{
    if (arena_grow(&j->arena, (void **)&j->taken, &j->taken_cap, number + 1, sizeof *j->taken,
                   err) < 0)
        return -1;
    while (j->taken_n <= number)
        j->taken[j->taken_n++] = NULL;
    if (!j->taken[number]) {
        j->taken[number] = arena_new_array(&j->arena, size_t, j->grid.n, err);
        if (!j->taken[number])
            return -1;
    }
    *out = j->taken[number];
    return 0;
}

/* A match at this step: must be the only one with these labels. */
static int claim(struct join *j, size_t signature, size_t *taken, size_t step, struct err *err)
{
    if (j->matching->card == ONE_TO_ONE) {
        if (j->met[step])
            return err_set(err, ERR_EVAL,
                           "multiple matches for labels: many-to-one matching must be explicit "
                           "(group_left/group_right)");
        j->met[step] = true;
    } else if (taken[step] == signature + 1) {
        return err_set(err, ERR_EVAL,
                       "multiple matches for labels: grouping labels must ensure unique matches");
    }
    taken[step] = signature + 1;
    return 0;
}

static int put_value(struct join *j, double *column, size_t step, double many, double one,
                     struct err *err)
{
    bool keep, swap = j->matching->card == ONE_TO_MANY;
    double v = binary_element(j->e->binary.op, swap ? one : many, swap ? many : one, &keep);

    if (!keep && !j->e->binary.returns_bool)
        return 0;
    if (!is_absent(column[step]))
        return same_labelset(err);
    column[step] = j->e->binary.returns_bool ? keep : v;
    return 0;
}

/* One series of the many side with one of the one side (NOBODY: with the fill value). */
static int join_pair(struct join *j, size_t signature, size_t many, size_t one, struct err *err)
{
    const struct labels *one_labels = one == NOBODY ? NULL : j->one.m.labels[one];
    const double *values = j->many.m.columns[many];
    size_t number, *taken;
    double fill = j->matching->fill_right;

    if (result_of(j, j->many.m.labels[many], one_labels, &number, err) < 0 ||
        taken_by(j, number, &taken, err) < 0)
        return -1;
    for (size_t i = 0; i < j->grid.n; i++) {
        bool there = !is_absent(j->one_column[i]);

        if (is_absent(values[i]) || (one == NOBODY ? there : !there || j->one_row[i] != one))
            continue;
        if (claim(j, signature, taken, i, err) < 0 ||
            put_value(j, j->out.columns[number], i, values[i],
                      one == NOBODY ? fill : j->one_column[i], err) < 0)
            return -1;
    }
    return 0;
}

/* A series of the one side where nobody of the many side is: filled with a value. */
static int fill_many(struct join *j, size_t signature, size_t one, struct err *err)
{
    const struct labels *key;
    size_t number, *taken;

    if (match_labels(j->matching, &j->arena, j->one.m.labels[one], &key, err) < 0 ||
        result_of(j, key, j->one.m.labels[one], &number, err) < 0 ||
        taken_by(j, number, &taken, err) < 0)
        return -1;
    for (size_t i = 0; i < j->grid.n; i++) {
        if (is_absent(j->one_column[i]) || j->one_row[i] != one || j->many_at[i])
            continue;
        if (claim(j, signature, taken, i, err) < 0 ||
            put_value(j, j->out.columns[number], i, j->matching->fill_left, j->one_column[i], err) <
                0)
            return -1;
    }
    return 0;
}

static int join_signature(struct join *j, size_t signature, struct err *err)
{
    const struct side *many = &j->many, *one = &j->one;

    if (combine_one(j, signature, err) < 0)
        return -1;
    memset(j->met, 0, j->grid.n * sizeof *j->met);
    memset(j->many_at, 0, j->grid.n * sizeof *j->many_at);
    for (size_t l = many->first[signature]; l < many->first[signature + 1]; l++) {
        size_t row = many->rows[l];

        for (size_t i = 0; i < j->grid.n; i++)
            j->many_at[i] |= !is_absent(many->m.columns[row][i]);
        for (size_t r = one->first[signature]; r < one->first[signature + 1]; r++)
            if (join_pair(j, signature, row, one->rows[r], err) < 0)
                return -1;
        if (j->matching->fills_right && join_pair(j, signature, row, NOBODY, err) < 0)
            return -1;
    }
    if (!j->matching->fills_left)
        return 0;
    for (size_t r = one->first[signature]; r < one->first[signature + 1]; r++)
        if (fill_many(j, signature, one->rows[r], err) < 0)
            return -1;
    return 0;
}

static int join_alloc(struct join *j, struct err *err)
{
    size_t n = j->grid.n;

    j->one_row = arena_new_array(&j->arena, size_t, n, err);
    j->met = arena_new_array(&j->arena, bool, n, err);
    j->many_at = arena_new_array(&j->arena, bool, n, err);
    if (!j->one_row || !j->met || !j->many_at)
        return -1;
    return column_new(&j->arena, &j->grid, &j->one_column, err);
}

static void join_init(struct join *j, struct eval *ev, const struct grid *grid,
                      const struct expr *e)
{
    *j = (struct join){.ev = ev, .e = e, .matching = &e->binary.matching, .grid = *grid};
    arena_init(&j->arena, ev->arena->budget);
    matrix_init(&j->out, ev, grid);
    label_index_init(&j->signatures, &j->arena);
    label_index_init(&j->results, &j->out.arena);
}

int match_open(struct eval *ev, const struct grid *grid, const struct expr *e, struct stream **out,
               struct err *err)
{
    SCOPED(join_fini) struct join j;
    bool swap = e->binary.matching.card == ONE_TO_MANY;

    join_init(&j, ev, grid, e);
    if (collect_side(&j, swap ? &j.one : &j.many, e->binary.left, err) < 0 ||
        collect_side(&j, swap ? &j.many : &j.one, e->binary.right, err) < 0 ||
        group_side(&j, &j.many, err) < 0 || group_side(&j, &j.one, err) < 0 ||
        join_alloc(&j, err) < 0)
        return -1;
    for (size_t s = 0; s < j.signatures.n; s++)
        if (eval_check(ev, err) < 0 || join_signature(&j, s, err) < 0)
            return -1;
    return matrix_stream(&j.out, out, err);
}

/* ---- and, or, unless ---- */

struct presence {
    const struct matching *matching;
    struct arena arena, scratch;
    struct label_index signatures;
    bool **at; /* [signatures.n]: by step */
    size_t n, cap;
    struct grid grid;
};

static void presence_init(struct presence *p, struct eval *ev, const struct grid *grid,
                          const struct matching *matching)
{
    *p = (struct presence){.matching = matching, .grid = *grid};
    arena_init(&p->arena, ev->arena->budget);
    arena_init(&p->scratch, ev->arena->budget);
    label_index_init(&p->signatures, &p->arena);
}

static void presence_fini(struct presence *p)
{
    arena_fini(&p->arena);
    arena_fini(&p->scratch);
}

/* The steps at which series with this signature have a value. */
static int presence_of(struct presence *p, const struct labels *ls, bool **out, struct err *err)
{
    const struct labels *key;
    size_t number;

    arena_reset(&p->scratch);
    if (match_labels(p->matching, &p->scratch, ls, &key, err) < 0 ||
        label_index_put(&p->signatures, key, true, &number, err) < 0 ||
        arena_grow(&p->arena, (void **)&p->at, &p->cap, number + 1, sizeof *p->at, err) < 0)
        return -1;
    if (number == p->n) {
        p->at[number] = arena_new_array(&p->arena, bool, p->grid.n, err);
        if (!p->at[number])
            return -1;
        p->n++;
    }
    *out = p->at[number];
    return 0;
}

static int presence_add(struct presence *p, const struct labels *ls, const double *column,
                        struct err *err)
{
    bool *at;

    if (presence_of(p, ls, &at, err) < 0)
        return -1;
    for (size_t i = 0; i < p->grid.n; i++)
        at[i] |= !is_absent(column[i]);
    return 0;
}

/* and, unless: the left side, series by series, where the right one is or is not. */
struct masked {
    struct stream stream;
    struct stream *left;
    struct presence right;
    bool **partner; /* [n] where the right side is, by series: found before a function above may
                     * change the labels */
    bool wanted;
    size_t at;
};

static int masked_next(struct stream *s, double **column, struct err *err)
{
    struct masked *m = (struct masked *)s;
    const bool *at = m->partner[m->at++];

    if (m->left->next(m->left, column, err) < 0)
        return -1;
    for (size_t i = 0; i < s->grid.n; i++)
        if (at[i] != m->wanted)
            (*column)[i] = ABSENT;
    return 0;
}

static void masked_close(struct stream *s)
{
    struct masked *m = (struct masked *)s;

    stream_close(m->left);
    presence_fini(&m->right);
}

static int open_masked(struct eval *ev, const struct grid *grid, const struct expr *e,
                       struct stream **out, struct err *err)
{
    struct masked *m;
    SCOPED(stream_closep) struct stream *s = stream_new(ev, grid, sizeof *m);
    SCOPED(stream_closep) struct stream *right = NULL;
    double *column;

    m = (struct masked *)s;
    s->next = masked_next;
    s->close = masked_close;
    m->wanted = e->binary.op == TOK_AND;
    presence_init(&m->right, ev, grid, &e->binary.matching);
    if (eval_vector(ev, grid, e->binary.left, &m->left, err) < 0 ||
        eval_vector(ev, grid, e->binary.right, &right, err) < 0)
        return -1;
    for (size_t i = 0; i < right->n; i++)
        if (right->next(right, &column, err) < 0 ||
            presence_add(&m->right, right->labels[i], column, err) < 0)
            return -1;
    s->n = m->left->n;
    s->labels = m->left->labels;
    s->drop = m->left->drop;
    m->partner = arena_zalloc_array(&s->arena, s->n, sizeof(bool *), err);
    if (!m->partner)
        return -1;
    for (size_t i = 0; i < s->n; i++)
        if (presence_of(&m->right, s->labels[i], &m->partner[i], err) < 0)
            return -1;
    *out = take(s);
    return 0;
}

/* Adds a column to the result with the same labels. */
static int union_add(struct matrix *m, struct label_index *index, const struct labels *labels,
                     bool drop, const double *column, struct err *err)
{
    size_t number, present = 0;

    if (label_index_put(index, labels, true, &number, err) < 0 ||
        (number == m->n && matrix_add(m, index->items[number], drop, NULL, err) < 0))
        return -1;
    for (size_t i = 0; i < m->grid.n; i++) {
        if (is_absent(column[i]))
            continue;
        if (!is_absent(m->columns[number][i]))
            return same_labelset(err);
        m->columns[number][i] = column[i];
        present++;
    }
    m->held += present;
    return eval_hold(m->ev, present, err);
}

static int union_side(struct eval *ev, const struct grid *grid, const struct expr *e,
                      struct matrix *m, struct label_index *index, struct presence *left,
                      bool is_left, struct err *err)
{
    SCOPED(stream_closep) struct stream *s = NULL;
    double *column;
    bool *at;

    if (eval_vector(ev, grid, e, &s, err) < 0)
        return -1;
    for (size_t i = 0; i < s->n; i++) {
        if (s->next(s, &column, err) < 0)
            return -1;
        if (is_left) {
            if (presence_add(left, s->labels[i], column, err) < 0)
                return -1;
        } else {
            if (presence_of(left, s->labels[i], &at, err) < 0)
                return -1;
            for (size_t step = 0; step < grid->n; step++)
                if (at[step])
                    column[step] = ABSENT;
        }
        if (union_add(m, index, s->labels[i], s->drop[i], column, err) < 0)
            return -1;
    }
    return 0;
}

static int open_union(struct eval *ev, const struct grid *grid, const struct expr *e,
                      struct stream **out, struct err *err)
{
    SCOPED(presence_fini) struct presence left;
    SCOPED(matrix_fini) struct matrix m = {0};
    struct label_index index;

    presence_init(&left, ev, grid, &e->binary.matching);
    matrix_init(&m, ev, grid);
    label_index_init(&index, &m.arena);
    if (union_side(ev, grid, e->binary.left, &m, &index, &left, true, err) < 0 ||
        union_side(ev, grid, e->binary.right, &m, &index, &left, false, err) < 0)
        return -1;
    return matrix_stream(&m, out, err);
}

int match_set(struct eval *ev, const struct grid *grid, const struct expr *e, struct stream **out,
              struct err *err)
{
    return e->binary.op == TOK_OR ? open_union(ev, grid, e, out, err)
                                  : open_masked(ev, grid, e, out, err);
}
