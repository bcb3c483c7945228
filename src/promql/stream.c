#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "promql/eval.h"

struct stream *stream_new(struct eval *ev, const struct grid *grid, size_t size)
{
    struct stream *s = mem_zalloc(size);

    s->grid = *grid;
    s->ev = ev;
    arena_init(&s->arena, ev->arena->budget);
    return s;
}

void stream_close(struct stream *s)
{
    if (!s)
        return;
    if (s->close)
        s->close(s);
    arena_fini(&s->arena);
    mem_free(s);
}

void stream_closep(struct stream **s)
{
    stream_close(*s);
}

int stream_head(struct stream *s, size_t n, struct err *err)
{
    s->labels = arena_zalloc_array(&s->arena, n, sizeof(struct labels *), err);
    s->drop = arena_new_array(&s->arena, bool, n, err);
    if (!s->labels || !s->drop)
        return -1;
    s->n = n;
    return 0;
}

int column_new(struct arena *a, const struct grid *grid, double **out, struct err *err)
{
    double *column = arena_new_array(a, double, grid->n, err);

    if (!column)
        return -1;
    column_clear(column, grid->n);
    *out = column;
    return 0;
}

void column_clear(double *column, size_t n)
{
    for (size_t i = 0; i < n; i++)
        column[i] = ABSENT;
}

/* ---- matrix ---- */

void matrix_init(struct matrix *m, struct eval *ev, const struct grid *grid)
{
    *m = (struct matrix){.grid = *grid, .ev = ev};
    arena_init(&m->arena, ev->arena->budget);
}

void matrix_fini(struct matrix *m)
{
    if (!m->ev)
        return;
    eval_release(m->ev, m->held);
    arena_fini(&m->arena);
    *m = (struct matrix){0};
}

static int matrix_reserve(struct matrix *m, size_t n, struct err *err)
{
    size_t cap = m->cap, cap_drop = m->cap, cap_columns = m->cap;

    if (n <= m->cap)
        return 0;
    if (arena_grow(&m->arena, (void **)&m->labels, &cap, n, sizeof(void *), err) < 0 ||
        arena_grow(&m->arena, (void **)&m->drop, &cap_drop, n, sizeof *m->drop, err) < 0 ||
        arena_grow(&m->arena, (void **)&m->columns, &cap_columns, n, sizeof *m->columns, err) < 0)
        return -1;
    m->cap = cap;
    return 0;
}

int matrix_add(struct matrix *m, const struct labels *labels, bool drop, double **column,
               struct err *err)
{
    double *v;

    if (matrix_reserve(m, m->n + 1, err) < 0 || column_new(&m->arena, &m->grid, &v, err) < 0)
        return -1;
    m->labels[m->n] = labels;
    m->drop[m->n] = drop;
    m->columns[m->n] = v;
    m->n++;
    if (column)
        *column = v;
    return 0;
}

static const struct labels *copy_labels(struct arena *a, const struct labels *ls, struct err *err)
{
    void *copy = arena_alloc(a, labels_size(ls), err);

    if (copy)
        memcpy(copy, ls, labels_size(ls));
    return copy;
}

int matrix_own_labels(struct matrix *m, struct err *err)
{
    for (size_t i = 0; i < m->n; i++) {
        m->labels[i] = copy_labels(&m->arena, m->labels[i], err);
        if (!m->labels[i])
            return -1;
    }
    return 0;
}

static size_t count_present(const double *column, size_t n)
{
    size_t present = 0;

    for (size_t i = 0; i < n; i++)
        present += !is_absent(column[i]);
    return present;
}

int matrix_collect(struct matrix *m, struct stream *s, struct err *err)
{
    if (matrix_reserve(m, m->n + s->n, err) < 0)
        return -1;
    for (size_t i = 0; i < s->n; i++) {
        double *from, *to;
        const struct labels *labels;
        size_t present;

        if (s->next(s, &from, err) < 0)
            return -1;
        present = count_present(from, s->grid.n);
        if (!present)
            continue;
        labels = copy_labels(&m->arena, s->labels[i], err);
        if (!labels || eval_hold(m->ev, present, err) < 0)
            return -1;
        m->held += present;
        if (matrix_add(m, labels, s->drop[i], &to, err) < 0)
            return -1;
        memcpy(to, from, s->grid.n * sizeof *to);
    }
    return 0;
}

struct matrix_stream {
    struct stream stream;
    struct matrix matrix;
    size_t at;
};

static int matrix_next(struct stream *s, double **column, struct err *err)
{
    struct matrix_stream *ms = (struct matrix_stream *)s;

    (void)err;
    *column = ms->matrix.columns[ms->at++];
    return 0;
}

static void matrix_stream_close(struct stream *s)
{
    matrix_fini(&((struct matrix_stream *)s)->matrix);
}

int matrix_stream(struct matrix *m, struct stream **out, struct err *err)
{
    struct matrix_stream *ms;
    size_t kept = 0;

    (void)err;
    for (size_t i = 0; i < m->n; i++) {
        if (!count_present(m->columns[i], m->grid.n))
            continue;
        m->labels[kept] = m->labels[i];
        m->drop[kept] = m->drop[i];
        m->columns[kept++] = m->columns[i];
    }
    m->n = kept;
    ms = (struct matrix_stream *)stream_new(m->ev, &m->grid, sizeof *ms);
    ms->matrix = *m;
    *m = (struct matrix){0};
    ms->stream.n = kept;
    ms->stream.labels = ms->matrix.labels;
    ms->stream.drop = ms->matrix.drop;
    ms->stream.next = matrix_next;
    ms->stream.close = matrix_stream_close;
    *out = &ms->stream;
    return 0;
}

/* ---- equal label sets ---- */

void label_index_init(struct label_index *x, struct arena *a)
{
    *x = (struct label_index){.arena = a};
}

static int label_index_rehash(struct label_index *x, struct err *err)
{
    size_t slots_n = x->slots_n ? x->slots_n * 2 : 64;
    uint32_t *slots = arena_new_array(x->arena, uint32_t, slots_n, err);

    if (!slots)
        return -1;
    for (size_t i = 0; i < x->n; i++) {
        size_t at = x->items[i]->hash & (slots_n - 1);

        while (slots[at])
            at = (at + 1) & (slots_n - 1);
        slots[at] = (uint32_t)i + 1;
    }
    x->slots = slots;
    x->slots_n = slots_n;
    return 0;
}

int label_index_put(struct label_index *x, const struct labels *ls, bool copy, size_t *number,
                    struct err *err)
{
    size_t at;

    if ((x->n + 1) * 2 > x->slots_n && label_index_rehash(x, err) < 0)
        return -1;
    for (at = ls->hash & (x->slots_n - 1); x->slots[at]; at = (at + 1) & (x->slots_n - 1)) {
        if (labels_equal(x->items[x->slots[at] - 1], ls)) {
            *number = x->slots[at] - 1;
            return 0;
        }
    }
    if (copy) {
        ls = copy_labels(x->arena, ls, err);
        if (!ls)
            return -1;
    }
    if (arena_grow(x->arena, (void **)&x->items, &x->cap, x->n + 1, sizeof(void *), err) < 0)
        return -1;
    x->items[x->n] = ls;
    x->slots[at] = (uint32_t)++x->n;
    *number = x->n - 1;
    return 0;
}

int same_labelset(struct err *err)
{
    return err_set(err, ERR_EVAL, "vector cannot contain metrics with the same labelset");
}

int labels_nameless(struct arena *a, const struct labels *ls, const struct labels **out,
                    struct err *err)
{
    static const struct str names[] = {
        {LABEL_NAME, sizeof LABEL_NAME - 1}, {"__type__", 8}, {"__unit__", 8}};

    return labels_without(a, ls, names, ARRAY_LEN(names), out, err);
}

static int has_equal_labels(struct stream *s, bool *found, struct err *err)
{
    SCOPED(arena_fini) struct arena scratch;
    struct label_index index;
    size_t number;

    arena_init(&scratch, s->ev->arena->budget);
    label_index_init(&index, &scratch);
    *found = false;
    for (size_t i = 0; i < s->n && !*found; i++) {
        if (label_index_put(&index, s->labels[i], false, &number, err) < 0)
            return -1;
        *found = number != i;
    }
    return 0;
}

/* Adds a column to the one with the same labels; ERR_EVAL where both have a value. */
static int merge_column(struct matrix *m, struct label_index *index, const struct stream *s,
                        size_t i, const double *column, bool strict, struct err *err)
{
    size_t number, present = count_present(column, m->grid.n);
    double *to;

    if (!present)
        return 0;
    if (label_index_put(index, s->labels[i], true, &number, err) < 0)
        return -1;
    if (number == m->n) {
        if (matrix_add(m, index->items[number], s->drop[i], NULL, err) < 0)
            return -1;
    } else if (strict) {
        return same_labelset(err);
    }
    if (eval_hold(m->ev, present, err) < 0)
        return -1;
    m->held += present;
    to = m->columns[number];
    for (size_t step = 0; step < m->grid.n; step++) {
        if (is_absent(column[step]))
            continue;
        if (!is_absent(to[step]))
            return same_labelset(err);
        to[step] = column[step];
    }
    return 0;
}

int stream_merge(struct stream **s, bool strict, struct err *err)
{
    SCOPED(matrix_fini) struct matrix m = {0};
    struct label_index index;
    struct stream *merged;
    double *column;
    bool found;

    if (has_equal_labels(*s, &found, err) < 0)
        return -1;
    if (!found)
        return 0;
    matrix_init(&m, (*s)->ev, &(*s)->grid);
    label_index_init(&index, &m.arena);
    for (size_t i = 0; i < (*s)->n; i++)
        if ((*s)->next(*s, &column, err) < 0 ||
            merge_column(&m, &index, *s, i, column, strict, err) < 0)
            return -1;
    if (matrix_stream(&m, &merged, err) < 0)
        return -1;
    stream_close(*s);
    *s = merged;
    return 0;
}

int stream_drop_names(struct stream **s, bool strict, struct err *err)
{
    struct stream *x = *s;

    for (size_t i = 0; i < x->n; i++) {
        if (x->ev->delayed)
            x->drop[i] = true;
        else if (labels_nameless(&x->arena, x->labels[i], &x->labels[i], err) < 0)
            return -1;
    }
    return x->ev->delayed ? 0 : stream_merge(s, strict, err);
}
