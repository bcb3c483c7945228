/* labels: functions that change the labels or the order of series. */
#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "promql/functions/calls.h"
#include "text/regex.h"

#define GROUPS_MAX 32u

/* ---- label_replace ---- */

struct replacement {
    struct regex *regex;
    struct str dst, src, template;
    struct str groups[GROUPS_MAX];
    size_t groups_n;
};

static struct str group_named(const struct replacement *r, struct str name)
{
    int number = -1;
    bool digits = name.n > 0 && name.n < 6;

    for (size_t i = 0; i < name.n; i++)
        digits = digits && name.p[i] >= '0' && name.p[i] <= '9';
    if (digits) {
        number = 0;
        for (size_t i = 0; i < name.n; i++)
            number = number * 10 + (name.p[i] - '0');
    } else {
        number = regex_group_index(r->regex, name);
    }
    if (number < 0 || (size_t)number >= r->groups_n || !r->groups[number].p)
        return (struct str){"", 0};
    return r->groups[number];
}

static bool is_name_char(char c)
{
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* $1, ${1}, $name, ${name}, $$, as Go's regexp expands templates. */
static void expand(const struct replacement *r, struct buf *out)
{
    struct str t = r->template;

    while (t.n) {
        struct str name;
        size_t n = 0, skip;

        if (t.p[0] != '$') {
            buf_addc(out, t.p[0]);
            t = str_skip(t, 1);
            continue;
        }
        t = str_skip(t, 1);
        if (t.n && t.p[0] == '$') {
            buf_addc(out, '$');
            t = str_skip(t, 1);
            continue;
        }
        skip = t.n && t.p[0] == '{';
        while (skip + n < t.n && is_name_char(t.p[skip + n]))
            n++;
        if (n == 0 || (skip && (skip + n >= t.n || t.p[skip + n] != '}'))) {
            buf_addc(out, '$'); /* malformed: taken as it is */
            continue;
        }
        name = (struct str){t.p + skip, n};
        buf_add(out, group_named(r, name));
        t = str_skip(t, skip + n + skip);
    }
}

/* The longest label set bounds what a template may blow up to. */
static int replace_labels(struct replacement *r, struct stream *s, size_t i, struct err *err)
{
    SCOPED(buf_fini) struct buf value = {0};

    buf_init(&value, LABELS_BYTES_MAX);
    if (!regex_find(r->regex, labels_get(s->labels[i], r->src), r->groups, r->groups_n))
        return 0;
    expand(r, &value);
    if (value.overflowed)
        return err_set(err, ERR_LIMIT, "label_replace() makes a label of more than %u bytes",
                       LABELS_BYTES_MAX);
    if (labels_with(&s->arena, s->labels[i], r->dst, buf_str(&value), &s->labels[i], err) < 0)
        return -1;
    if (str_eq(r->dst, STR(LABEL_NAME)))
        s->drop[i] = false;
    return 0;
}

static void free_regexp(struct regex **r)
{
    regex_free(*r);
}

static bool is_label_name(struct str s)
{
    return s.n > 0 && str_is_utf8(s);
}

static int label_replace(const struct expr *e, struct stream *s, struct err *err)
{
    struct expr *const *args = e->call.args;
    struct str pattern = eval_string(args[4]);
    struct replacement r = {
        .dst = eval_string(args[1]), .template = eval_string(args[2]), .src = eval_string(args[3])};
    SCOPED(free_regexp) struct regex *regex = NULL;
    struct err why = {0};

    if (regex_new(pattern, true, &regex, &why) < 0)
        return err_set(err, ERR_EVAL, "invalid regular expression in label_replace(): %.*s",
                       (int)str_take(pattern, 200).n, pattern.p);
    if (!is_label_name(r.dst))
        return err_set(err, ERR_EVAL, "invalid destination label name in label_replace(): %.*s",
                       (int)str_take(r.dst, 200).n, r.dst.p);
    r.regex = regex;
    r.groups_n = regex_groups(regex) + 1;
    if (r.groups_n > GROUPS_MAX)
        r.groups_n = GROUPS_MAX;
    for (size_t i = 0; i < s->n; i++)
        if (replace_labels(&r, s, i, err) < 0)
            return -1;
    return 0;
}

/* ---- label_join ---- */

static int label_join(const struct expr *e, struct stream *s, struct err *err)
{
    struct expr *const *args = e->call.args;
    struct str dst = eval_string(args[1]), separator = eval_string(args[2]);
    SCOPED(buf_fini) struct buf value = {0};

    for (size_t i = 3; i < e->call.args_n; i++)
        if (!is_label_name(eval_string(args[i])))
            return err_set(err, ERR_EVAL, "invalid source label name in label_join(): %.*s",
                           (int)str_take(eval_string(args[i]), 200).n, eval_string(args[i]).p);
    if (!is_label_name(dst))
        return err_set(err, ERR_EVAL, "invalid destination label name in label_join(): %.*s",
                       (int)str_take(dst, 200).n, dst.p);
    buf_init(&value, LABELS_BYTES_MAX);
    for (size_t i = 0; i < s->n; i++) {
        buf_reset(&value);
        for (size_t k = 3; k < e->call.args_n; k++) {
            if (k > 3)
                buf_add(&value, separator);
            buf_add(&value, labels_get(s->labels[i], eval_string(args[k])));
        }
        if (value.overflowed)
            return err_set(err, ERR_LIMIT, "label_join() makes a label of more than %u bytes",
                           LABELS_BYTES_MAX);
        if (labels_with(&s->arena, s->labels[i], dst, buf_str(&value), &s->labels[i], err) < 0)
            return -1;
        if (str_eq(dst, STR(LABEL_NAME)))
            s->drop[i] = false;
    }
    return 0;
}

/* ---- order ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* What s starts with: digits alone, or none. */
static struct str run_of(struct str s)
{
    size_t n = 1;

    while (n < s.n && is_digit(s.p[n]) == is_digit(s.p[0]))
        n++;
    return str_take(s, n);
}

/* Natural order: runs of digits compare as numbers, the runs between them as texts. */
static int compare_natural(struct str a, struct str b)
{
    while (a.n && b.n) {
        struct str run_a, run_b;
        int c;

        if (is_digit(a.p[0]) && is_digit(b.p[0])) {
            while (a.n > 1 && a.p[0] == '0' && is_digit(a.p[1]))
                a = str_skip(a, 1);
            while (b.n > 1 && b.p[0] == '0' && is_digit(b.p[1]))
                b = str_skip(b, 1);
            if (run_of(a).n != run_of(b).n)
                return run_of(a).n < run_of(b).n ? -1 : 1;
        }
        run_a = run_of(a);
        run_b = run_of(b);
        c = str_cmp(run_a, run_b);
        if (c)
            return c;
        a = str_skip(a, run_a.n);
        b = str_skip(b, run_b.n);
    }
    return (a.n > 0) - (b.n > 0);
}

struct order {
    const struct matrix *m;
    const struct expr *call;
};

/* NaN last in either direction. */
static int compare_by_value(const struct order *o, size_t a, size_t b)
{
    double x = o->m->columns[a][0], y = o->m->columns[b][0];

    if (isnan(x) || isnan(y))
        return isnan(x) - isnan(y);
    if (o->call->call.function->id == FN_sort_desc)
        return (x < y) - (x > y);
    return (x > y) - (x < y);
}

static int compare_by_labels(const struct order *o, size_t a, size_t b)
{
    const struct labels *x = o->m->labels[a], *y = o->m->labels[b];
    int c = 0;

    for (size_t i = 1; i < o->call->call.args_n && !c; i++) {
        struct str name = eval_string(o->call->call.args[i]);

        c = compare_natural(labels_get(x, name), labels_get(y, name));
    }
    if (!c)
        c = labels_compare(x, y);
    return o->call->call.function->id == FN_sort_by_label_desc ? -c : c;
}

static int compare_series(const void *a, const void *b, void *order)
{
    const struct order *o = order;
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    enum function_id id = o->call->call.function->id;
    int c = id == FN_sort || id == FN_sort_desc ? compare_by_value(o, x, y)
                                                : compare_by_labels(o, x, y);

    return c ? c : (x > y) - (x < y);
}

/* Puts row rows[i] in place i. */
static int permute(struct matrix *m, const size_t *rows, struct err *err)
{
    const struct labels **labels = arena_zalloc_array(&m->arena, m->n, sizeof(void *), err);
    bool *drop = arena_new_array(&m->arena, bool, m->n, err);
    double **columns = arena_zalloc_array(&m->arena, m->n, sizeof(void *), err);

    if (!labels || !drop || !columns)
        return -1;
    for (size_t i = 0; i < m->n; i++) {
        labels[i] = m->labels[rows[i]];
        drop[i] = m->drop[rows[i]];
        columns[i] = m->columns[rows[i]];
    }
    m->labels = labels;
    m->drop = drop;
    m->columns = columns;
    m->cap = m->n;
    return 0;
}

/* Sorts the columns of an instant vector. */
static int sort_series(struct eval *ev, const struct expr *e, struct stream **s, struct err *err)
{
    SCOPED(matrix_fini) struct matrix m = {0};
    struct order order = {&m, e};
    struct stream *result;
    size_t *rows;

    matrix_init(&m, ev, &(*s)->grid);
    if (matrix_collect(&m, *s, err) < 0)
        return -1;
    rows = arena_new_array(&m.arena, size_t, m.n, err);
    if (!rows)
        return -1;
    for (size_t i = 0; i < m.n; i++)
        rows[i] = i;
    qsort_r(rows, m.n, sizeof *rows, compare_series, &order);
    if (permute(&m, rows, err) < 0 || matrix_stream(&m, &result, err) < 0)
        return -1;
    stream_close(*s);
    *s = result;
    return 0;
}

int call_labels(struct eval *ev, const struct grid *grid, const struct expr *e, struct stream **out,
                struct err *err)
{
    SCOPED(stream_closep) struct stream *s = NULL;
    int status;

    if (eval_vector(ev, grid, e->call.args[0], &s, err) < 0)
        return -1;
    switch (e->call.function->id) {
    case FN_label_replace:
        status = label_replace(e, s, err) < 0 ? -1 : stream_merge(&s, false, err);
        break;
    case FN_label_join:
        status = label_join(e, s, err) < 0 ? -1 : stream_merge(&s, false, err);
        break;
    default:
        /* The answer to a range query is sorted by labels anyway. */
        if (grid->n != 1)
            status = annotate_warning(&ev->notes, e, err,
                                      "sort is ineffective for range queries since results are "
                                      "always ordered by labels");
        else
            status = sort_series(ev, e, &s, err);
    }
    if (status < 0)
        return -1;
    *out = take(s);
    return 0;
}
