/* selector: why a selector matched nothing.
 *
 * In this order, because each is the cause only when those before are not:
 *   1. the metric was never stored             -> a similar name
 *   2. it is stored, but not at these times    -> when its last sample was
 *   3. one matcher leaves nothing              -> which, by leaving each out in turn; a similar
 * value
 *   4. each leaves some, all together nothing
 */
#include <strings.h>

#include "base/err.h"
#include "model/source.h"
#include "promql/eval.h"
#include "promql/explain/parts.h"

#define NAMES_MAX   50000u /* looked at for a similar one */
#define VALUES_MAX  5000u
#define LAST_SERIES 20u /* read to find the last sample */

struct search {
    struct explain *x;
    const struct expr *e; /* SELECTOR or RANGE */
    const struct when *w;
    struct matcher *matchers; /* of the selector */
    size_t n, name;           /* where the metric's name is; n: nowhere */
    ts_ms mint, maxt;         /* looked at */
    const char *metric;       /* "up", or "any metric" */
    const char **note;
};

static int values_of(const struct search *s, struct str label, const struct matcher *matchers,
                     size_t n, bool ever, struct arena *a, struct str **out, size_t *out_n,
                     struct err *err)
{
    struct source *source = s->x->params->source;

    return source->label_values(source, a, label, matchers, n, ever ? -TS_MS_MAX : s->mint,
                                ever ? TS_MS_MAX : s->maxt, ever ? NAMES_MAX : VALUES_MAX, out,
                                out_n, err);
}

static int select_of(const struct search *s, struct arena *a, const struct matcher *matchers,
                     size_t n, ts_ms mint, ts_ms maxt, bool labels_only, struct source_set **out,
                     struct err *err)
{
    const struct promql_params *p = s->x->params;
    struct source_hints hints = {
        .labels_only = labels_only, .cancelled = p->cancelled, .deadline_ns = p->deadline_ns};

    return p->source->select(p->source, a, matchers, n, mint, maxt, &hints, out, err);
}

/* Series that ever were. */
static int count_ever(const struct search *s, const struct matcher *matchers, size_t n, size_t *out,
                      struct err *err)
{
    SCOPED(arena_fini) struct arena a;
    struct source_set *set;

    arena_init(&a, s->x->arena->budget);
    if (select_of(s, &a, matchers, n, -TS_MS_MAX, TS_MS_MAX, true, &set, err) < 0)
        return -1;
    *out = set->n;
    s->x->params->source->set_free(s->x->params->source, set);
    return 0;
}

/* The whole expression with the selector's name or matchers changed. */
static int suggest(const struct search *s, struct str name, struct matcher *matchers, size_t n,
                   const char **out, struct err *err)
{
    struct expr part = *s->e, selector = *explain_selector_of(s->e);
    const char *text;

    selector.selector.name = name;
    selector.selector.matchers = matchers;
    selector.selector.matchers_n = n;
    if (part.kind == EXPR_RANGE)
        part.range.selector = &selector;
    else
        part = selector;
    text = explain_print(s->x, &part, err);
    if (!text)
        return -1;
    *out = explain_splice(s->x, s->e->start, s->e->end, text, err);
    return *out ? 0 : -1;
}

static struct matcher *copy_matchers(const struct search *s, size_t without, size_t *n,
                                     struct err *err)
{
    struct matcher *copy = arena_new_array(s->x->arena, struct matcher, s->n + 1, err);

    *n = 0;
    for (size_t i = 0; copy && i < s->n; i++)
        if (i != without)
            copy[(*n)++] = s->matchers[i];
    return copy;
}

/* ---- 1: no such metric ---- */

/* What is often left off a name, or put behind it. */
static const char *const endings[] = {"_total",  "_count",         "_sum",
                                      "_bucket", "_seconds",       "_bytes",
                                      "_info",   "_seconds_total", "_bytes_total"};

static bool differ_by(struct str a, struct str b, struct str ending)
{
    return (a.n == b.n + ending.n && str_starts(a, b) && str_ends(a, ending)) ||
           (b.n == a.n + ending.n && str_starts(b, a) && str_ends(b, ending));
}

static size_t similar_name(struct str name, const struct str names[], size_t n, bool in_histogram)
{
    if (in_histogram)
        for (size_t i = 0; i < n; i++)
            if (names[i].n == name.n + 7 && str_starts(names[i], name) &&
                str_ends(names[i], STR("_bucket")))
                return i;
    for (size_t k = 0; k < ARRAY_LEN(endings); k++)
        for (size_t i = 0; i < n; i++)
            if (differ_by(name, names[i], str_c(endings[k])))
                return i;
    for (size_t i = 0; i < n; i++)
        if (names[i].n == name.n && strncasecmp(names[i].p, name.p, name.n) == 0)
            return i;
    return str_nearest_of(name, names, n);
}

/* Other names with this one's letters somewhere in them, or the same first words. */
static int related_names(const struct search *s, struct str name, const struct str names[],
                         size_t n, const char **out, struct err *err)
{
    SCOPED(arena_fini) struct arena a;
    struct str *found, words = name;
    size_t found_n = 0;

    arena_init(&a, s->x->arena->budget);
    found = arena_new_array(&a, struct str, n, err);
    if (!found)
        return -1;
    *out = NULL;
    for (size_t i = words.n; i > 3; i--) {
        if (i < words.n && words.p[i] != '_')
            continue;
        for (size_t k = 0; k < n; k++)
            if (memmem(names[k].p, names[k].n, name.p, i))
                found[found_n++] = names[k];
        if (found_n)
            return explain_list(s->x->arena, found, found_n, false, out, err);
    }
    return 0;
}

static int no_such_metric(const struct search *s, struct err *err)
{
    struct explain *x = s->x;
    struct str name = s->matchers[s->name].value, *names;
    size_t names_n, near, n;
    struct matcher *matchers;
    const char *text, *suggestion = NULL, *related;
    SCOPED(arena_fini) struct arena a;

    arena_init(&a, x->arena->budget);
    *s->note = "no metric of that name";
    if (values_of(s, STR(LABEL_NAME), NULL, 0, true, &a, &names, &names_n, err) < 0)
        return -1;
    near = similar_name(name, names, names_n, x->in_histogram);
    if (near < names_n) {
        struct str found = arena_str(x->arena, names[near], err);

        matchers = copy_matchers(s, s->n, &n, err);
        if (!found.p || !matchers ||
            explain_matcher(x, MATCH_EQ, STR(LABEL_NAME), found, &matchers[s->name], err) < 0 ||
            suggest(s, explain_selector_of(s->e)->selector.name.n ? found : STR(""), matchers, n,
                    &suggestion, err) < 0)
            return -1;
        text = arena_printf(x->arena, err, "No metric is called %s. Did you mean %.*s?", s->metric,
                            STR_ARGS(found));
    } else if (related_names(s, name, names, names_n, &related, err) < 0) {
        return -1;
    } else if (related) {
        text =
            arena_printf(x->arena, err, "No metric is called %s. There is %s.", s->metric, related);
    } else {
        text = arena_printf(x->arena, err,
                            names_n ? "No metric is called %s, nor anything like it: nothing that "
                                      "is collected has it yet."
                                    : "No metric is called %s: nothing is stored at all.",
                            s->metric);
    }
    return text ? explain_add(x, EXPLAIN_NO_SUCH_METRIC, s->e, text, suggestion, err) : -1;
}

/* ---- 2: not at these times ---- */

struct last {
    bool found, ended; /* ended: a staleness marker follows */
    ts_ms ts;
};

static int read_last(const struct search *s, const struct matcher *matchers, size_t n, ts_ms mint,
                     ts_ms maxt, struct last *out, struct err *err)
{
    struct source *source = s->x->params->source;
    SCOPED(arena_fini) struct arena a;
    struct source_set *set = NULL;
    struct source_reader *reader = NULL;
    struct source_series series;
    int status = 0;

    arena_init(&a, s->x->arena->budget);
    if (select_of(s, &a, matchers, n, mint, maxt, false, &set, err) < 0)
        return -1;
    status = source->reader_open(source, set, &a, &reader, err);
    for (size_t i = 0; status == 0 && i < set->n && i < LAST_SERIES; i++) {
        bool ended = false;

        status = source->read(reader, i, &series, err);
        for (size_t r = status == 0 ? series.runs_n : 0; r > 0; r--) {
            const struct source_run *run = &series.runs[r - 1];
            size_t k = run->n;

            while (k > 0 && value_is_stale(run->values[k - 1])) {
                ended = true;
                k--;
            }
            if (!k)
                continue;
            if (!out->found || run->ts[k - 1] > out->ts)
                *out = (struct last){true, ended, run->ts[k - 1]};
            break;
        }
    }
    source->reader_close(reader);
    source->set_free(source, set);
    return status;
}

/* Looks back further and further, so that a store of years is not read whole for one sample. */
static int last_sample(const struct search *s, const struct matcher *matchers, size_t n, ts_ms end,
                       struct last *out, struct err *err)
{
    static const int64_t hours[] = {1, 6, 24, 168, 720, 9600};

    *out = (struct last){0};
    for (size_t i = 0; i <= ARRAY_LEN(hours) && !out->found; i++) {
        ts_ms from = i < ARRAY_LEN(hours) ? end - hours[i] * 3600000 : -TS_MS_MAX;

        if (from < -TS_MS_MAX)
            from = -TS_MS_MAX;
        if (read_last(s, matchers, n, from, end, out, err) < 0)
            return -1;
    }
    return 0;
}

/* last_over_time(x[R]) where an instant selector looked back too short. */
static int suggest_longer(const struct search *s, int64_t age_ms, const char **out, struct err *err)
{
    static const int64_t minutes[] = {10, 15, 30, 60, 120, 360, 720, 1440};
    struct expr range = *s->e;
    const char *text;

    if (s->e->kind != EXPR_SELECTOR || s->e->selector.anchored || s->e->selector.smoothed)
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(minutes); i++) {
        if (minutes[i] * 60000 <= age_ms)
            continue;
        range.kind = EXPR_RANGE;
        range.range.selector = (struct expr *)s->e;
        range.range.range_ms = minutes[i] * 60000;
        range.range.range_expr = NULL;
        text = explain_print(s->x, &range, err);
        text = text ? arena_printf(s->x->arena, err, "last_over_time(%s)", text) : NULL;
        if (!text)
            return -1;
        *out = explain_splice(s->x, s->e->start, s->e->end, text, err);
        return *out ? 0 : -1;
    }
    return 0;
}

static int not_then(const struct search *s, const struct matcher *matchers, size_t n,
                    struct err *err)
{
    struct explain *x = s->x;
    struct last last;
    const char *text, *suggestion = NULL, *when, *age, *back;

    if (last_sample(s, matchers, n, s->maxt, &last, err) < 0)
        return -1;
    if (!last.found) {
        *s->note = "no sample yet at these times";
        text =
            arena_printf(x->arena, err,
                         "%s has samples only after the time asked about; none before.", s->metric);
        return text ? explain_add(x, EXPLAIN_NOT_THEN, s->e, text, NULL, err) : -1;
    }
    when = explain_time(x, last.ts, err);
    age = explain_duration(x, s->maxt - last.ts, err);
    back = explain_duration(x, s->maxt - s->mint + 1, err);
    if (!when || !age || !back)
        return -1;
    *s->note = arena_printf(x->arena, err, "last sample %s before", age);
    if (last.ended) {
        text = arena_printf(x->arena, err,
                            "%s is gone: its last sample is %s before the time asked about (%s), "
                            "then its target stopped giving it.",
                            s->metric, age, when);
    } else {
        text = arena_printf(x->arena, err,
                            "%s has no sample in the %s looked at: its last one is %s before the "
                            "time asked about (%s).",
                            s->metric, back, age, when);
        if (suggest_longer(s, s->maxt - last.ts, &suggestion, err) < 0)
            return -1;
    }
    return *s->note && text ? explain_add(x, EXPLAIN_NOT_THEN, s->e, text, suggestion, err) : -1;
}

/* ---- 3: one matcher ---- */

struct killer {
    size_t at;             /* which matcher */
    struct matcher *rest;  /* [rest_n]: what it was left out of */
    size_t rest_n, series; /* that are there without it */
    const char *printed;
};

static int describe_matcher(const struct search *s, const struct matcher *m, const char **out,
                            struct err *err)
{
    SCOPED(buf_fini) struct buf text = {0};

    matcher_print(m, &text);
    *out = arena_cstr(s->x->arena, buf_str(&text), err);
    return *out ? 0 : -1;
}

static bool any_matches(const struct matcher *m, const struct str values[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (matcher_matches(m, values[i]))
            return true;
    return false;
}

static int suggest_matcher(const struct search *s, const struct killer *k, enum match_op op,
                           struct str name, struct str value, const char **out, struct err *err)
{
    struct matcher *matchers;
    size_t n;

    matchers = copy_matchers(s, s->n, &n, err);
    if (!matchers || explain_matcher(s->x, op, name, value, &matchers[k->at], err) < 0)
        return -1;
    return suggest(s, explain_selector_of(s->e)->selector.name, matchers, n, out, err);
}

/* No series has the label: another name, or which there are. */
static int no_such_label(const struct search *s, const struct killer *k, struct err *err)
{
    struct explain *x = s->x;
    struct source *source = x->params->source;
    const struct matcher *m = &s->matchers[k->at];
    struct str *names;
    size_t n, near, kept = 0;
    const char *list, *text, *suggestion = NULL;
    SCOPED(arena_fini) struct arena a;

    arena_init(&a, x->arena->budget);
    if (!k->rest_n) {
        text = arena_printf(x->arena, err, "%s keeps nothing: no series has a label %.*s.",
                            k->printed, STR_ARGS(m->name));
        return text ? explain_add(x, EXPLAIN_NO_SUCH_LABEL, s->e, text, NULL, err) : -1;
    }
    if (source->label_names(source, &a, k->rest, k->rest_n, s->mint, s->maxt, VALUES_MAX, &names,
                            &n, err) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (!str_eq(names[i], STR(LABEL_NAME)))
            names[kept++] = names[i];
    near = str_nearest_of(m->name, names, kept);
    if (explain_list(x->arena, names, kept, false, &list, err) < 0)
        return -1;
    if (near < kept && suggest_matcher(s, k, m->op, names[near], m->value, &suggestion, err) < 0)
        return -1;
    text = arena_printf(x->arena, err,
                        "%s keeps nothing: none of the %zu series of %s has a label %.*s. %s%s%s",
                        k->printed, k->series, s->metric, STR_ARGS(m->name),
                        suggestion ? "Did you mean "
                        : kept     ? "Their labels are "
                                   : "",
                        suggestion ? arena_cstr(x->arena, names[near], err) : list,
                        suggestion ? "?"
                        : kept     ? "."
                                   : "");
    return text ? explain_add(x, EXPLAIN_NO_SUCH_LABEL, s->e, text, suggestion, err) : -1;
}

static bool has_letters(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((s.p[i] | 0x20) >= 'a' && (s.p[i] | 0x20) <= 'z')
            return true;
    return false;
}

static size_t similar_value(struct str value, const struct str values[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (values[i].n == value.n && strncasecmp(values[i].p, value.p, value.n) == 0)
            return i;
    if (!has_letters(value))
        return n; /* 404 is not a slip for 200 */
    if (value.n >= 3)
        for (size_t i = 0; i < n; i++)
            if (str_starts(values[i], value) && values[i].n > value.n &&
                memchr(":./-", values[i].p[value.n], 4)) /* a host without its port or domain */
                return i;
    return value.n >= 2 ? str_nearest_of(value, values, n) : n;
}

/* A pattern written behind =, or one that must match only a part. */
static int another_operator(const struct search *s, const struct killer *k,
                            const struct str values[], size_t n, const char **hint,
                            const char **suggestion, struct err *err)
{
    struct explain *x = s->x;
    const struct matcher *m = &s->matchers[k->at];
    struct matcher regex;
    struct str pattern = m->value;
    struct err ignored = {0};

    if (m->op == MATCH_RE) {
        char *wider = arena_printf(x->arena, err, ".*(?:%.*s).*", STR_ARGS(m->value));

        if (!wider)
            return -1;
        pattern = str_c(wider);
    }
    if (explain_matcher(x, MATCH_RE, m->name, pattern, &regex, &ignored) < 0) {
        if (ignored.kind == ERR_SYNTAX)
            return 0; /* no pattern at all */
        *err = ignored;
        return -1;
    }
    if (!any_matches(&regex, values, n))
        return 0;
    *hint = m->op == MATCH_RE ? "A pattern must match the whole value."
                              : "= compares letter by letter; =~ takes a pattern.";
    if (m->op == MATCH_RE && m->shape == SHAPE_LITERAL)
        pattern = str_c(arena_printf(x->arena, err, ".*%.*s.*", STR_ARGS(m->value)));
    return pattern.p ? suggest_matcher(s, k, MATCH_RE, m->name, pattern, suggestion, err) : -1;
}

static int matcher_finding(const struct search *s, const struct killer *k, struct err *err)
{
    struct explain *x = s->x;
    const struct matcher *m = &s->matchers[k->at];
    struct str *values;
    size_t n, near;
    const char *list, *text, *suggestion = NULL, *hint = NULL;
    SCOPED(arena_fini) struct arena a;

    arena_init(&a, x->arena->budget);
    if (values_of(s, m->name, k->rest, k->rest_n, false, &a, &values, &n, err) < 0)
        return -1;
    *s->note = arena_printf(x->arena, err, "nothing has %s", k->printed);
    if (!*s->note)
        return -1;
    if (!n)
        return no_such_label(s, k, err);
    if (explain_list(x->arena, values, n, true, &list, err) < 0)
        return -1;
    if (m->op == MATCH_EQ || m->op == MATCH_RE) {
        if (another_operator(s, k, values, n, &hint, &suggestion, err) < 0)
            return -1;
        near = m->op == MATCH_EQ && !suggestion ? similar_value(m->value, values, n) : n;
        if (near < n) {
            hint = arena_printf(x->arena, err, "Did you mean \"%.*s\"?", STR_ARGS(values[near]));
            if (!hint ||
                suggest_matcher(s, k, MATCH_EQ, m->name, values[near], &suggestion, err) < 0)
                return -1;
        }
    } else {
        hint = "That is all there is, and it is excluded.";
    }
    text = k->rest_n ? arena_printf(x->arena, err,
                                    "%s keeps none of the %zu series of %s: %.*s is %s.%s%s",
                                    k->printed, k->series, s->metric, STR_ARGS(m->name), list,
                                    hint ? " " : "", hint ? hint : "")
                     : arena_printf(x->arena, err, "No series has %s: %.*s is %s.%s%s", k->printed,
                                    STR_ARGS(m->name), list, hint ? " " : "", hint ? hint : "");
    return text ? explain_add(x, EXPLAIN_NO_SUCH_VALUE, s->e, text, suggestion, err) : -1;
}

/* Leaves out each matcher in turn. */
static int one_matcher(const struct search *s, bool *found, struct err *err)
{
    struct killer best = {0};

    for (size_t i = 0; i < s->n; i++) {
        struct killer k = {.at = i};

        if (i == s->name || s->n < 2)
            continue;
        k.rest = copy_matchers(s, i, &k.rest_n, err);
        if (!k.rest || explain_count(s->x, s->e, s->w, k.rest, k.rest_n, &k.series, err) < 0)
            return -1;
        if (k.series > best.series)
            best = k;
    }
    *found = best.series > 0;
    if (!*found)
        return 0;
    if (describe_matcher(s, &s->matchers[best.at], &best.printed, err) < 0)
        return -1;
    return matcher_finding(s, &best, err);
}

/* ---- 4: several ---- */

static int several_matchers(const struct search *s, size_t named, struct err *err)
{
    struct explain *x = s->x;
    bool found = false;
    const char *text;

    for (size_t i = 0; s->name < s->n && i < s->n; i++) {
        struct matcher pair[2] = {s->matchers[s->name], s->matchers[i]};
        struct killer k = {.at = i, .rest = pair, .rest_n = 1, .series = named};
        size_t left;

        if (i == s->name)
            continue;
        if (explain_count(x, s->e, s->w, pair, 2, &left, err) < 0)
            return -1;
        if (left)
            continue;
        found = true;
        if (describe_matcher(s, &s->matchers[i], &k.printed, err) < 0 ||
            matcher_finding(s, &k, err) < 0)
            return -1;
    }
    if (found)
        return 0;
    *s->note = "no series has all of these labels";
    text = arena_printf(x->arena, err,
                        "Each of these matchers leaves some series of %s, but no series passes all "
                        "of them.",
                        s->metric);
    return text ? explain_add(x, EXPLAIN_NO_SUCH_SERIES, s->e, text, NULL, err) : -1;
}

/* Without a name to begin with: the label or its value was never there, or not now. */
static int nameless(const struct search *s, struct err *err)
{
    struct killer k = {0};
    size_t ever;

    if (count_ever(s, s->matchers, s->n, &ever, err) < 0)
        return -1;
    if (ever)
        return not_then(s, s->matchers, s->n, err);
    if (s->n > 1)
        return several_matchers(s, 0, err);
    if (describe_matcher(s, &s->matchers[0], &k.printed, err) < 0)
        return -1;
    return matcher_finding(s, &k, err);
}

static int search_named(const struct search *s, struct err *err)
{
    size_t named, ever;
    bool found;

    if (explain_count(s->x, s->e, s->w, &s->matchers[s->name], 1, &named, err) < 0)
        return -1;
    if (named) {
        if (one_matcher(s, &found, err) < 0)
            return -1;
        return found ? 0 : several_matchers(s, named, err);
    }
    if (count_ever(s, &s->matchers[s->name], 1, &ever, err) < 0)
        return -1;
    if (!ever)
        return no_such_metric(s, err);
    if (count_ever(s, s->matchers, s->n, &ever, err) < 0)
        return -1;
    return not_then(s, ever ? s->matchers : &s->matchers[s->name], ever ? s->n : 1, err);
}

int explain_selector(struct explain *x, const struct expr *e, const struct when *w,
                     const char **note, struct err *err)
{
    const struct expr *selector = explain_selector_of(e);
    struct search s = {.x = x,
                       .e = e,
                       .w = w,
                       .matchers = selector->selector.matchers,
                       .n = selector->selector.matchers_n,
                       .metric = "any metric",
                       .note = note};
    bool found;

    explain_reach(x, e, w, &s.mint, &s.maxt);
    for (s.name = 0; s.name < s.n; s.name++)
        if (s.matchers[s.name].op == MATCH_EQ && s.matchers[s.name].value.n &&
            str_eq(s.matchers[s.name].name, STR(LABEL_NAME)))
            break;
    if (s.name < s.n) {
        s.metric = arena_cstr(x->arena, s.matchers[s.name].value, err);
        return s.metric ? search_named(&s, err) : -1;
    }
    if (one_matcher(&s, &found, err) < 0)
        return -1;
    return found ? 0 : nameless(&s, err);
}

/* ---- a selector that has series ---- */

/* How many values its labels have, those with more than one. */
static int describe_labels(struct explain *x, const struct promql_result *r, struct buf *out,
                           struct err *err)
{
    SCOPED(arena_fini) struct arena a;
    struct label_index values;
    size_t shown = 0, number;
    const struct labels *first, *one;

    arena_init(&a, x->arena->budget);
    first = r->series[0].labels;
    for (size_t i = 0; i < first->n && shown < 3; i++) {
        struct str name = labels_at(first, i).name;

        if (str_eq(name, STR(LABEL_NAME)))
            continue;
        label_index_init(&values, &a);
        for (size_t k = 0; k < r->series_n && k < EXPLAIN_SERIES_MAX; k++)
            if (labels_only(&a, r->series[k].labels, &name, 1, &one, err) < 0 ||
                label_index_put(&values, one, false, &number, err) < 0)
                return -1;
        if (values.n < 2)
            continue;
        buf_addf(out, "%s%.*s: %zu", shown ? ", " : "", STR_ARGS(str_take(name, 40)), values.n);
        shown++;
    }
    return 0;
}

int explain_describe(struct explain *x, const struct expr *e, const struct when *w,
                     const char **note, struct err *err)
{
    struct search s = {.x = x, .e = e, .w = w};
    const struct expr *selector = explain_selector_of(e);
    SCOPED(buf_fini) struct buf text = {0};
    SCOPED(arena_fini) struct arena a;
    struct promql_result r;
    struct last last = {0};
    const char *age;

    arena_init(&a, x->arena->budget);
    if (explain_run(x, e, w, &a, &r, err) < 0)
        return -1;
    if (!r.series_n)
        return 0;
    if (describe_labels(x, &r, &text, err) < 0)
        return -1;
    explain_reach(x, e, w, &s.mint, &s.maxt);
    if (read_last(&s, selector->selector.matchers, selector->selector.matchers_n, s.mint, s.maxt,
                  &last, err) < 0)
        return -1;
    age = last.found ? explain_duration(x, s.maxt - last.ts, err) : "";
    if (!age)
        return -1;
    if (last.found)
        buf_addf(&text, "%slast sample %s before", text.n ? "; " : "", age);
    *note = text.n ? arena_cstr(x->arena, buf_str(&text), err) : NULL;
    return text.n && !*note ? -1 : 0;
}
