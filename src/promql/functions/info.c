/* info: info(v, {selector}) adds labels of info metrics (target_info) to the series of v that share
 * job and instance with them.
 *
 * The info series are those whose job and instance occur in v, whose name the selector asks for
 * (target_info when it asks for none) and whose labels match the rest of it. At each step the
 * newest sample of a name, job and instance decides; two equally new ones are a conflict. They are
 * looked at when the first selector inside v is: its @ and offset count.
 */
#include <string.h>

#include "base/err.h"
#include "promql/functions/calls.h"
#include "text/regex.h"

static const struct str identifying[] = {{"instance", 8}, {"job", 3}};

struct info {
    struct eval *ev;
    struct grid grid;
    struct arena arena;
    struct matrix base, found; /* found: times of the info series' samples, in seconds */
    struct matrix out;
    struct label_index results;  /* in out.arena */
    const struct expr *selector; /* second argument; NULL: none */
    struct matcher *made;        /* matchers of ours; the first ones are of the name */
    size_t made_n, made_cap;
    bool *ignored;                   /* [base.n]: info metrics themselves */
    struct label_index metric_names; /* each as {__name__="..."} */
    struct label_index signatures;   /* name, instance, job */
    uint32_t **newest;               /* [known_n][steps]: row of found + 1 */
    size_t known_n;                  /* signatures that info series have */
};

static void info_fini(struct info *x)
{
    for (size_t i = 0; i < x->made_n; i++)
        matcher_fini(&x->made[i]);
    matrix_fini(&x->out);
    matrix_fini(&x->found);
    matrix_fini(&x->base);
    arena_fini(&x->arena);
}

static bool is_name(const struct matcher *m)
{
    return str_eq(m->name, STR(LABEL_NAME));
}

static int make_matcher(struct info *x, enum match_op op, struct str name, struct str value,
                        struct err *err)
{
    if (arena_grow(&x->arena, (void **)&x->made, &x->made_cap, x->made_n + 1, sizeof *x->made,
                   err) < 0 ||
        matcher_init(&x->made[x->made_n], &x->arena, op, name, value, err) < 0)
        return -1;
    x->made_n++;
    return 0;
}

/* Names asked for; with none but refusals, what ends in _info; with none at all, target_info. */
static int find_names(struct info *x, struct err *err)
{
    const struct matcher *m = x->selector ? x->selector->selector.matchers : NULL;
    size_t n = x->selector ? x->selector->selector.matchers_n : 0, asked = 0;
    bool positive = false;

    for (size_t i = 0; i < n; i++) {
        asked += is_name(&m[i]);
        positive |= is_name(&m[i]) && (m[i].op == MATCH_EQ || m[i].op == MATCH_RE);
    }
    if (!asked)
        return make_matcher(x, MATCH_EQ, STR(LABEL_NAME), STR("target_info"), err);
    if (!positive && make_matcher(x, MATCH_RE, STR(LABEL_NAME), STR(".+_info"), err) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (is_name(&m[i]) && make_matcher(x, m[i].op, m[i].name, m[i].value, err) < 0)
            return -1;
    return 0;
}

static int find_ignored(struct info *x, struct err *err)
{
    x->ignored = arena_new_array(&x->arena, bool, x->base.n, err);
    if (!x->ignored)
        return -1;
    for (size_t i = 0; i < x->base.n; i++) {
        struct str name = labels_get(x->base.labels[i], STR(LABEL_NAME));

        x->ignored[i] = true;
        for (size_t k = 0; k < x->made_n; k++)
            x->ignored[i] &= matcher_matches(&x->made[k], name);
    }
    return 0;
}

static void add_quoted(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (regex_is_meta(s.p[i]))
            buf_addc(out, '\\');
        buf_addc(out, s.p[i]);
    }
}

/* instance=~"a|b": the values the base series have. *any false: none has the label. */
static int match_values(struct info *x, struct str label, bool *any, struct err *err)
{
    SCOPED(buf_fini) struct buf pattern = {0};
    struct label_index seen;

    label_index_init(&seen, &x->arena);
    buf_init(&pattern, LABELS_BYTES_MAX);
    for (size_t i = 0; i < x->base.n; i++) {
        struct str value = labels_get(x->base.labels[i], label);
        struct label pair = {label, value};
        const struct labels *one;
        size_t number, before = seen.n;

        if (x->ignored[i] || !value.n)
            continue;
        if (labels_build_sorted(&x->arena, &pair, 1, &one, err) < 0 ||
            label_index_put(&seen, one, false, &number, err) < 0)
            return -1;
        if (number < before)
            continue;
        if (before)
            buf_addc(&pattern, '|');
        add_quoted(&pattern, value);
    }
    *any = seen.n > 0;
    if (pattern.overflowed)
        return err_set(err, ERR_LIMIT, "info() would look for too many values of \"%.*s\"",
                       STR_ARGS(label));
    return *any ? make_matcher(x, MATCH_RE, label, buf_str(&pattern), err) : 0;
}

/* The times of the first selector inside: the innermost @ and the offsets up to it. */
static bool first_timing(const struct eval *ev, const struct expr *e, struct timing *out)
{
    switch (e->kind) {
    case EXPR_SELECTOR:
        *out = e->selector.timing;
        return true;
    case EXPR_RANGE:
        return first_timing(ev, e->range.selector, out);
    case EXPR_SUBQUERY:
        if (!first_timing(ev, e->subquery.inner, out))
            return false;
        if (out->at == AT_NONE) {
            out->offset_ms += e->subquery.timing.offset_ms;
            out->at = e->subquery.timing.at;
            out->at_ms = e->subquery.timing.at_ms;
        }
        return true;
    case EXPR_CALL:
        for (size_t i = 0; i < e->call.args_n; i++)
            if (first_timing(ev, e->call.args[i], out))
                return true;
        return false;
    case EXPR_AGGREGATE:
        return (e->aggregate.param && first_timing(ev, e->aggregate.param, out)) ||
               first_timing(ev, e->aggregate.inner, out);
    case EXPR_BINARY:
        return first_timing(ev, e->binary.left, out) || first_timing(ev, e->binary.right, out);
    case EXPR_UNARY:
        return first_timing(ev, e->unary.inner, out);
    case EXPR_PAREN:
        return first_timing(ev, e->paren, out);
    default:
        return false;
    }
}

/* Selects the info series: what the base series share with them, names and labels asked for. */
static int find_infos(struct info *x, const struct expr *e, struct err *err)
{
    SCOPED(stream_closep) struct stream *s = NULL;
    struct expr *selector = arena_new(&x->arena, struct expr, err);
    const struct matcher *asked;
    size_t n;
    bool any = false, has_label;

    for (size_t i = 0; i < ARRAY_LEN(identifying); i++) {
        if (match_values(x, identifying[i], &has_label, err) < 0)
            return -1;
        any |= has_label;
    }
    if (!selector || !any)
        return selector ? 0 : -1;
    asked = x->selector ? x->selector->selector.matchers : NULL;
    n = x->selector ? x->selector->selector.matchers_n : 0;
    for (size_t i = 0; i < n; i++)
        if (!is_name(&asked[i]) &&
            make_matcher(x, asked[i].op, asked[i].name, asked[i].value, err) < 0)
            return -1;
    *selector = (struct expr){
        .kind = EXPR_SELECTOR, .start = e->start, .end = e->end, .depth = 1, .source = e->source};
    selector->selector.matchers = x->made;
    selector->selector.matchers_n = x->made_n;
    (void)first_timing(x->ev, e->call.args[0], &selector->selector.timing);
    if (select_open(x->ev, &x->grid, selector, true, &s, err) < 0)
        return -1;
    return matrix_collect(&x->found, s, err);
}

/* {__name__="name", instance="...", job="..."} of a series. */
static int signature_of(struct info *x, const struct labels *ls, struct str name, size_t *out,
                        struct err *err)
{
    const struct labels *key;

    if (labels_only(&x->arena, ls, identifying, ARRAY_LEN(identifying), &key, err) < 0 ||
        labels_with(&x->arena, key, STR(LABEL_NAME), name, &key, err) < 0)
        return -1;
    return label_index_put(&x->signatures, key, false, out, err);
}

static int add_info(struct info *x, size_t row, uint32_t *newest, struct err *err)
{
    const double *at = x->found.columns[row];

    for (size_t step = 0; step < x->grid.n; step++) {
        uint32_t known = newest[step];

        if (is_absent(at[step]))
            continue;
        if (known && x->found.columns[known - 1][step] == at[step]) {
            SCOPED(buf_fini) struct buf a = {0}, b = {0};

            labels_print(x->found.labels[known - 1], &a);
            labels_print(x->found.labels[row], &b);
            return err_set(err, ERR_EVAL,
                           "found duplicate series for info metric: existing %.120s @ %.0f, new "
                           "%.120s @ %.0f",
                           a.p, at[step] * 1000, b.p, at[step] * 1000);
        }
        if (!known || x->found.columns[known - 1][step] < at[step])
            newest[step] = (uint32_t)row + 1;
    }
    return 0;
}

static int index_infos(struct info *x, struct err *err)
{
    size_t cap = 0, n = 0;

    for (size_t i = 0; i < x->found.n; i++) {
        struct str name = labels_get(x->found.labels[i], STR(LABEL_NAME));
        struct label pair = {STR(LABEL_NAME), name};
        const struct labels *one;
        size_t number, signature;

        if (labels_build_sorted(&x->arena, &pair, name.n ? 1 : 0, &one, err) < 0 ||
            label_index_put(&x->metric_names, one, false, &number, err) < 0 ||
            signature_of(x, x->found.labels[i], name, &signature, err) < 0 ||
            arena_grow(&x->arena, (void **)&x->newest, &cap, signature + 1, sizeof *x->newest,
                       err) < 0)
            return -1;
        if (signature == n) {
            x->newest[n] = arena_new_array(&x->arena, uint32_t, x->grid.n, err);
            if (!x->newest[n++])
                return -1;
        }
        if (add_info(x, i, x->newest[signature], err) < 0)
            return -1;
    }
    return 0;
}

static bool is_asked(const struct info *x, struct str label)
{
    bool any = false;

    for (size_t i = 0; x->selector && i < x->selector->selector.matchers_n; i++) {
        const struct matcher *m = &x->selector->selector.matchers[i];

        if (is_name(m))
            continue;
        any = true;
        if (str_eq(m->name, label))
            return true;
    }
    return !any;
}

/* Adds what the info series says and the base does not. */
static int add_labels(struct info *x, const struct labels *base, const struct labels *info,
                      const struct labels **to, struct err *err)
{
    for (size_t i = 0; i < info->n; i++) {
        struct label l = labels_at(info, i);
        struct str known;

        if (str_eq(l.name, STR(LABEL_NAME)) || !is_asked(x, l.name))
            continue;
        if (labels_get(base, l.name).n)
            continue;
        known = labels_get(*to, l.name);
        if (known.n && !str_eq(known, l.value))
            return err_set(err, ERR_EVAL, "conflicting label: %.*s", STR_ARGS(l.name));
        if (labels_with(&x->arena, *to, l.name, l.value, to, err) < 0)
            return -1;
    }
    return 0;
}

/* Without any info series the base stays, unless the selector insists on some label. */
static bool insists(const struct info *x)
{
    for (size_t i = 0; x->selector && i < x->selector->selector.matchers_n; i++) {
        const struct matcher *m = &x->selector->selector.matchers[i];

        if (!is_name(m) && !matcher_matches_empty(m))
            return true;
    }
    return false;
}

/* rows[]: the info series of each metric name, 0 none. */
static int result_of(struct info *x, size_t base, const uint32_t *rows, size_t n, bool *kept,
                     size_t *out, struct err *err)
{
    const struct labels *ls = x->base.labels[base];
    bool any = false;

    for (size_t i = 0; i < n; i++) {
        if (!rows[i])
            continue;
        any = true;
        if (add_labels(x, x->base.labels[base], x->found.labels[rows[i] - 1], &ls, err) < 0)
            return -1;
    }
    *kept = any || x->ignored[base] || !insists(x);
    if (!*kept)
        return 0;
    if (label_index_put(&x->results, ls, true, out, err) < 0)
        return -1;
    if (*out < x->out.n)
        return 0;
    return matrix_add(&x->out, x->results.items[*out], x->base.drop[base], NULL, err);
}

static int join_series(struct info *x, size_t base, struct err *err)
{
    size_t n = x->ignored[base] ? 0 : x->metric_names.n, number = 0;
    uint32_t *rows = arena_new_array(&x->arena, uint32_t, n, err);
    size_t *signature = arena_new_array(&x->arena, size_t, n, err);
    const double *values = x->base.columns[base];
    bool known = false, kept = false;

    if (!rows || !signature)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (signature_of(x, x->base.labels[base],
                         labels_get(x->metric_names.items[i], STR(LABEL_NAME)), &signature[i],
                         err) < 0)
            return -1;
    for (size_t step = 0; step < x->grid.n; step++) {
        bool changed = !known;

        if (is_absent(values[step]))
            continue;
        for (size_t i = 0; i < n; i++) {
            uint32_t row = signature[i] < x->known_n ? x->newest[signature[i]][step] : 0;

            changed |= row != rows[i];
            rows[i] = row;
        }
        if (changed && result_of(x, base, rows, n, &kept, &number, err) < 0)
            return -1;
        known = true;
        if (!kept)
            continue;
        if (!is_absent(x->out.columns[number][step]))
            return same_labelset(err);
        x->out.columns[number][step] = values[step];
    }
    return 0;
}

static void info_init(struct info *x, struct eval *ev, const struct grid *grid,
                      const struct expr *e)
{
    *x = (struct info){.ev = ev, .grid = *grid};
    arena_init(&x->arena, ev->arena->budget);
    matrix_init(&x->base, ev, grid);
    matrix_init(&x->found, ev, grid);
    matrix_init(&x->out, ev, grid);
    label_index_init(&x->results, &x->out.arena);
    label_index_init(&x->metric_names, &x->arena);
    label_index_init(&x->signatures, &x->arena);
    x->selector = e->call.args_n > 1 ? expr_unwrap(e->call.args[1]) : NULL;
}

static int collect_base(struct info *x, const struct expr *e, struct err *err)
{
    SCOPED(stream_closep) struct stream *s = NULL;

    if (eval_vector(x->ev, &x->grid, e, &s, err) < 0)
        return -1;
    return matrix_collect(&x->base, s, err);
}

int call_info(struct eval *ev, const struct grid *grid, const struct expr *e, struct stream **out,
              struct err *err)
{
    SCOPED(info_fini) struct info x;

    info_init(&x, ev, grid, e);
    if (collect_base(&x, e->call.args[0], err) < 0 || find_names(&x, err) < 0 ||
        find_ignored(&x, err) < 0 || find_infos(&x, e, err) < 0 || index_infos(&x, err) < 0)
        return -1;
    x.known_n = x.signatures.n;
    for (size_t i = 0; i < x.base.n; i++)
        if (eval_check(ev, err) < 0 || join_series(&x, i, err) < 0)
            return -1;
    return matrix_stream(&x.out, out, err);
}
