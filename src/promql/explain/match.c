/* match: why an operator between two vectors gave nothing although both sides have series.
 *
 * Series pair up when their matching labels are equal. A label *divides* the sides when no value of
 * it is on both (a missing label is the empty value). Without the dividing labels the pairs are
 * counted anew: that says whether ignoring() mends it, with group_left or group_right or, when it
 * would be many to many, by summing both sides over what they share.
 */
#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "promql/eval.h"
#include "promql/explain/parts.h"

#define LABELS_MAX 64u

struct side {
    const struct labels **labels;
    size_t n;
};

struct sides {
    struct explain *x;
    const struct expr *e;
    struct arena *arena; /* scratch */
    struct side left, right;
    struct str names[LABELS_MAX]; /* labels that count for the match, of either side */
    size_t names_n;
    struct str dividing[LABELS_MAX];
    size_t dividing_n;
};

struct pairing {
    size_t pairs;               /* signatures that are on both sides */
    bool left_many, right_many; /* some signature has several series there */
};

static int collect(struct sides *s, const struct expr *e, const struct when *w, struct side *out,
                   struct err *err)
{
    struct promql_result r;

    if (explain_run(s->x, e, w, s->arena, &r, err) < 0)
        return -1;
    out->n = r.series_n < EXPLAIN_SERIES_MAX ? r.series_n : EXPLAIN_SERIES_MAX;
    out->labels = arena_zalloc_array(s->arena, out->n, sizeof *out->labels, err);
    if (!out->labels)
        return -1;
    for (size_t i = 0; i < out->n; i++)
        out->labels[i] = r.series[i].labels;
    return 0;
}

static bool listed(const struct str names[], size_t n, struct str name)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(names[i], name))
            return true;
    return false;
}

static bool counts(const struct matching *m, struct str name)
{
    bool written = listed(m->labels, m->labels_n, name);

    return m->on ? written : !written && !str_eq(name, STR(LABEL_NAME));
}

static void add_names(struct sides *s, const struct side *side)
{
    const struct matching *m = &s->e->binary.matching;

    for (size_t i = 0; i < side->n; i++)
        for (size_t k = 0; k < side->labels[i]->n; k++) {
            struct str name = labels_at(side->labels[i], k).name;

            if (s->names_n < LABELS_MAX && counts(m, name) && !listed(s->names, s->names_n, name))
                s->names[s->names_n++] = name;
        }
}

static int compare_strs(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* The values of a label on one side, sorted, unique. */
static int values_of(const struct sides *s, const struct side *side, struct str name,
                     struct str **out, size_t *out_n, struct err *err)
{
    struct str *values = arena_new_array(s->arena, struct str, side->n, err);
    size_t n = 0;

    if (!values)
        return -1;
    for (size_t i = 0; i < side->n; i++)
        values[i] = labels_get(side->labels[i], name);
    if (side->n)
        qsort(values, side->n, sizeof *values, compare_strs);
    for (size_t i = 0; i < side->n; i++)
        if (!n || !str_eq(values[n - 1], values[i]))
            values[n++] = values[i];
    *out = values;
    *out_n = n;
    return 0;
}

static bool share_a_value(const struct str a[], size_t a_n, const struct str b[], size_t b_n)
{
    size_t i = 0, k = 0;

    while (i < a_n && k < b_n) {
        int c = str_cmp(a[i], b[k]);

        if (c == 0)
            return true;
        if (c < 0)
            i++;
        else
            k++;
    }
    return false;
}

static int find_dividing(struct sides *s, struct err *err)
{
    for (size_t i = 0; i < s->names_n; i++) {
        struct str *left, *right;
        size_t left_n, right_n;

        if (values_of(s, &s->left, s->names[i], &left, &left_n, err) < 0 ||
            values_of(s, &s->right, s->names[i], &right, &right_n, err) < 0)
            return -1;
        if (!share_a_value(left, left_n, right, right_n))
            s->dividing[s->dividing_n++] = s->names[i];
    }
    return 0;
}

/* Pairs when only names that count and are not among `without` are compared. */
static int pair_up(const struct sides *s, const struct str without[], size_t n, struct pairing *out,
                   struct err *err)
{
    struct str names[LABELS_MAX];
    size_t names_n = 0, total = s->left.n + s->right.n, number;
    size_t *left = arena_new_array(s->arena, size_t, total, err);
    size_t *right = arena_new_array(s->arena, size_t, total, err);
    struct label_index signatures;
    const struct labels *key;

    if (!left || !right)
        return -1;
    for (size_t i = 0; i < s->names_n; i++)
        if (!listed(without, n, s->names[i]))
            names[names_n++] = s->names[i];
    label_index_init(&signatures, s->arena);
    for (size_t i = 0; i < total; i++) {
        bool is_left = i < s->left.n;
        const struct labels *ls = is_left ? s->left.labels[i] : s->right.labels[i - s->left.n];

        if (labels_only(s->arena, ls, names, names_n, &key, err) < 0 ||
            label_index_put(&signatures, key, false, &number, err) < 0)
            return -1;
        (is_left ? left : right)[number]++;
    }
    *out = (struct pairing){0};
    for (size_t i = 0; i < signatures.n; i++) {
        if (!left[i] || !right[i])
            continue;
        out->pairs++;
        out->left_many |= left[i] > 1;
        out->right_many |= right[i] > 1;
    }
    return 0;
}

/* ---- mending ---- */

static void add_label(struct buf *out, struct str name, bool first)
{
    if (!first)
        buf_adds(out, ", ");
    if (name_is_legacy_label(name))
        buf_add(out, name);
    else
        quote_append(out, name);
}

/* Labels that both sides have and that do not divide them. */
static size_t shared_names(const struct sides *s, struct str out[])
{
    size_t n = 0;

    for (size_t i = 0; i < s->names_n; i++) {
        bool left = false, right = false;

        for (size_t k = 0; k < s->left.n; k++)
            left |= labels_get(s->left.labels[k], s->names[i]).n > 0;
        for (size_t k = 0; k < s->right.n; k++)
            right |= labels_get(s->right.labels[k], s->names[i]).n > 0;
        if (left && right && !listed(s->dividing, s->dividing_n, s->names[i]))
            out[n++] = s->names[i];
    }
    return n;
}

/* The blanks and line breaks before or behind an operator, so that they stay as written. */
static void add_blanks(const struct sides *s, bool before, struct buf *out)
{
    uint32_t start = s->e->binary.left->end, end = s->e->binary.right->start, n = 0;
    const char *p = s->x->text.p;

    while (start + n < end && strchr(" \t\r\n", before ? p[start + n] : p[end - 1 - n]))
        n++;
    if (n)
        buf_add(out, (struct str){before ? p + start : p + end - n, n});
    else
        buf_addc(out, ' ');
}

/* " - ignoring(type) group_left() " between the two sides. */
static const char *mended_operator(const struct sides *s, const struct pairing *p, struct err *err)
{
    SCOPED(buf_fini) struct buf text = {0};
    const struct matching *m = &s->e->binary.matching;
    struct str shared[LABELS_MAX];
    size_t shared_n = shared_names(s, shared), written = 0;
    bool on = m->on || s->dividing_n > 1;

    add_blanks(s, true, &text);
    buf_addf(&text, "%s%s %s(", token_text(s->e->binary.op),
             s->e->binary.returns_bool ? " bool" : "", on ? "on" : "ignoring");
    if (on)
        for (size_t i = 0; i < shared_n; i++)
            add_label(&text, shared[i], written++ == 0);
    if (!on)
        for (size_t i = 0; i < m->labels_n; i++)
            add_label(&text, m->labels[i], written++ == 0);
    if (!on)
        for (size_t i = 0; i < s->dividing_n; i++)
            add_label(&text, s->dividing[i], written++ == 0);
    buf_addc(&text, ')');
    if (!token_is_set_operator(s->e->binary.op)) {
        if (p->left_many)
            buf_adds(&text, " group_left()");
        else if (p->right_many)
            buf_adds(&text, " group_right()");
    }
    add_blanks(s, false, &text);
    return explain_splice(s->x, s->e->binary.left->end, s->e->binary.right->start, text.p, err);
}

/* sum by (shared) (left) - sum by (shared) (right) */
static const char *mended_by_sums(const struct sides *s, struct err *err)
{
    SCOPED(buf_fini) struct buf text = {0}, head = {0};
    const struct expr *l = s->e->binary.left, *r = s->e->binary.right;
    struct str shared[LABELS_MAX];
    size_t n = shared_names(s, shared);

    buf_adds(&head, "sum");
    if (n)
        buf_adds(&head, " by (");
    for (size_t i = 0; i < n; i++)
        add_label(&head, shared[i], i == 0);
    buf_adds(&head, n ? ") (" : "(");
    buf_add(&text, buf_str(&head));
    buf_add(&text, (struct str){s->x->text.p + l->start, l->end - l->start});
    buf_addf(&text, ") %s%s ", token_text(s->e->binary.op),
             s->e->binary.returns_bool ? " bool" : "");
    buf_add(&text, buf_str(&head));
    buf_add(&text, (struct str){s->x->text.p + r->start, r->end - r->start});
    buf_addc(&text, ')');
    return explain_splice(s->x, s->e->start, s->e->end, text.p, err);
}

static int mend(const struct sides *s, const char **out, struct err *err)
{
    const struct matching *m = &s->e->binary.matching;
    bool set = token_is_set_operator(s->e->binary.op);
    struct pairing p;

    *out = NULL;
    if (!s->dividing_n || m->fills_left || m->fills_right)
        return 0;
    if (pair_up(s, s->dividing, s->dividing_n, &p, err) < 0)
        return -1;
    if (!p.pairs)
        return 0;
    if (m->card == ONE_TO_MANY || m->card == MANY_TO_ONE)
        return 0; /* the labels of group_left would have to be thought about */
    *out =
        p.left_many && p.right_many && !set ? mended_by_sums(s, err) : mended_operator(s, &p, err);
    return *out ? 0 : -1;
}

/* ---- words ---- */

static int describe_values(const struct sides *s, const struct side *side, struct str name,
                           const char **out, struct err *err)
{
    struct str *values;
    size_t n;

    if (values_of(s, side, name, &values, &n, err) < 0)
        return -1;
    if (n && !values[0].n) { /* some have none */
        *out = n == 1 ? "missing" : NULL;
        values++;
        n--;
    } else {
        *out = NULL;
    }
    return *out ? 0 : explain_list(s->arena, values, n, true, out, err);
}

static int describe_dividing(const struct sides *s, struct buf *out, struct err *err)
{
    for (size_t i = 0; i < s->dividing_n && i < 3; i++) {
        const char *left, *right;

        if (describe_values(s, &s->left, s->dividing[i], &left, err) < 0 ||
            describe_values(s, &s->right, s->dividing[i], &right, err) < 0)
            return -1;
        buf_addf(out, "%s label %.*s is %s on the left and %s on the right",
                 i ? "; the" : " Here the", STR_ARGS(s->dividing[i]), left, right);
    }
    buf_adds(out, ", so no pair exists.");
    return 0;
}

/* Does a selector below demand one value of the label? */
static bool pins(const struct expr *e, struct str label)
{
    switch (e->kind) {
    case EXPR_SELECTOR:
        for (size_t i = 0; i < e->selector.matchers_n; i++)
            if (e->selector.matchers[i].op == MATCH_EQ &&
                str_eq(e->selector.matchers[i].name, label))
                return true;
        return false;
    case EXPR_RANGE:
        return pins(e->range.selector, label);
    case EXPR_SUBQUERY:
        return pins(e->subquery.inner, label);
    case EXPR_CALL:
        for (size_t i = 0; i < e->call.args_n; i++)
            if (pins(e->call.args[i], label))
                return true;
        return false;
    case EXPR_AGGREGATE:
        return pins(e->aggregate.inner, label);
    case EXPR_BINARY:
        return pins(e->binary.left, label) || pins(e->binary.right, label);
    case EXPR_UNARY:
        return pins(e->unary.inner, label);
    case EXPR_PAREN:
        return pins(e->paren, label);
    default:
        return false;
    }
}

/* Whatever is stored, these two sides never pair up. */
static bool never_pairs(const struct sides *s)
{
    for (size_t i = 0; i < s->dividing_n; i++)
        if (pins(s->e->binary.left, s->dividing[i]) && pins(s->e->binary.right, s->dividing[i]))
            return true;
    return false;
}

static int disjoint(struct sides *s, const struct measure *l, const struct measure *r,
                    const char **note, struct err *err)
{
    SCOPED(buf_fini) struct buf text = {0};
    const struct matching *m = &s->e->binary.matching;
    const char *list, *whole, *suggestion;

    buf_addf(&text, "%s pairs series whose ", token_text(s->e->binary.op));
    if (m->on) {
        if (explain_list(s->arena, m->labels, m->labels_n, false, &list, err) < 0)
            return -1;
        buf_addf(&text, "label%s %s %s equal.", m->labels_n == 1 ? "" : "s", list,
                 m->labels_n == 1 ? "is" : "are");
    } else {
        buf_adds(&text, m->labels_n ? "labels, but those ignored, are all equal."
                                    : "labels are all equal.");
    }
    if (s->dividing_n) {
        if (explain_list(s->x->arena, s->dividing, s->dividing_n, false, &list, err) < 0 ||
            describe_dividing(s, &text, err) < 0)
            return -1;
        *note = arena_printf(s->x->arena, err, "labels that differ: %s", list);
    } else {
        buf_adds(&text, " Each label alone has values that are on both sides, but no series of the "
                        "left has all its labels in common with one of the right.");
        *note = "no two series have equal labels";
    }
    buf_addf(&text, " The data is there: %zu series on the left, %zu on the right.", l->series,
             r->series);
    s->x->never |= never_pairs(s);
    whole = arena_cstr(s->x->arena, buf_str(&text), err);
    if (!*note || !whole || mend(s, &suggestion, err) < 0)
        return -1;
    return explain_add(s->x, EXPLAIN_DISJOINT_MATCH, s->e, whole, suggestion, err);
}

/* They pair up, and still: the comparison, the times, or unless. */
static int paired(struct sides *s, const struct measure *l, const struct measure *r,
                  const struct pairing *p, const char **note, struct err *err)
{
    struct explain *x = s->x;
    enum token op = s->e->binary.op;
    const char *text, *left = explain_values(x, l, err), *right = explain_values(x, r, err);

    if (!left || !right)
        return -1;
    if (token_is_comparison(op)) {
        *note = "no pair passes the comparison";
        text = arena_printf(x->arena, err,
                            "%zu pair%s compared and none is %s: the left is %s, the right is %s.",
                            p->pairs, p->pairs == 1 ? " is" : "s are", token_text(op), left, right);
        return text ? explain_add(x, EXPLAIN_NEVER_IN_RANGE, s->e, text, NULL, err) : -1;
    }
    if (op == TOK_UNLESS) {
        *note = "all are excluded by the right side";
        text = arena_printf(x->arena, err,
                            "unless keeps what has no partner on the right, and each of the %zu "
                            "series on the left has one.",
                            l->series);
        return text ? explain_add(x, EXPLAIN_ALL_EXCLUDED, s->e, text, NULL, err) : -1;
    }
    *note = "pairs exist, but never at the same time";
    text = arena_printf(x->arena, err,
                        "%zu pair%s of series exist, but never with a value at the same time.",
                        p->pairs, p->pairs == 1 ? "" : "s");
    return text ? explain_add(x, EXPLAIN_NEVER_TOGETHER, s->e, text, NULL, err) : -1;
}

static int explain_match(struct explain *x, const struct expr *e, const struct when *w,
                         const struct measure *left, const struct measure *right, const char **note,
                         struct err *err)
{
    SCOPED(arena_fini) struct arena a;
    struct sides s = {.x = x, .e = e, .arena = &a};
    struct pairing p;

    arena_init(&a, x->arena->budget);
    if (collect(&s, e->binary.left, w, &s.left, err) < 0 ||
        collect(&s, e->binary.right, w, &s.right, err) < 0)
        return -1;
    add_names(&s, &s.left);
    add_names(&s, &s.right);
    if (pair_up(&s, NULL, 0, &p, err) < 0)
        return -1;
    if (p.pairs)
        return paired(&s, left, right, &p, note, err);
    if (find_dividing(&s, err) < 0)
        return -1;
    return disjoint(&s, left, right, note, err);
}

/* ---- with a number ---- */

static const char *comparison_word(enum token op, bool swapped)
{
    switch (op) {
    case TOK_GTR:
        return swapped ? "below" : "above";
    case TOK_LSS:
        return swapped ? "above" : "below";
    case TOK_GTE:
        return swapped ? "at or below" : "at or above";
    case TOK_LTE:
        return swapped ? "at or above" : "at or below";
    case TOK_EQLC:
        return "equal to";
    default:
        return "other than";
    }
}

static int compared(struct explain *x, const struct expr *e, const struct measure *left,
                    const struct measure *right, const char **note, struct err *err)
{
    bool swapped = promql_type_of(e->binary.left) == PROMQL_SCALAR;
    const struct measure *vector = swapped ? right : left, *number = swapped ? left : right;
    const char *values = explain_values(x, vector, err), *limit = explain_values(x, number, err);
    const char *text;

    if (!values || !limit)
        return -1;
    if (number->min > number->max) {
        *note = "compared with NaN";
        text = arena_printf(x->arena, err,
                            "The %s side is not a number (NaN), and nothing is %s that.",
                            swapped ? "left" : "right", comparison_word(e->binary.op, swapped));
    } else {
        *note = arena_printf(x->arena, err, "no value is %s %s",
                             comparison_word(e->binary.op, swapped), limit);
        text = arena_printf(x->arena, err,
                            "The comparison keeps nothing: no value is %s %s. What there is (%zu "
                            "series) is %s.",
                            comparison_word(e->binary.op, swapped), limit, vector->series, values);
    }
    if (!*note || !text)
        return -1;
    return explain_add(x, EXPLAIN_NEVER_IN_RANGE, e, text, NULL, err);
}

int explain_binary(struct explain *x, const struct expr *e, const struct when *w,
                   const struct measure *left, const struct measure *right, const char **note,
                   struct err *err)
{
    if (left->counted && right->counted)
        return explain_match(x, e, w, left, right, note, err);
    if (token_is_comparison(e->binary.op))
        return compared(x, e, left, right, note, err);
    *note = "gives nothing";
    return explain_add(x, EXPLAIN_NOTHING_LEFT, e, "This part gives nothing for what it is given.",
                       NULL, err);
}
