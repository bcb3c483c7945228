#include "promql/test_source.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "model/matcher.h"

struct test_set {
    struct source_set set;
    struct test_series **members;
    ts_ms mint, maxt;
};

struct source_reader {
    struct test_source *source;
    struct test_set *set;
    struct source_run *runs;
    struct source_column column;
};

static int compare_samples(const void *a, const void *b, void *ts)
{
    const ts_ms *times = ts;
    ts_ms x = times[*(const size_t *)a], y = times[*(const size_t *)b];

    return (x > y) - (x < y);
}

/* Of equal times the last one given stays. */
static void sort_series(struct test_series *s)
{
    size_t *order = mem_new_array(size_t, s->n + 1);
    ts_ms *ts = mem_new_array(ts_ms, s->n + 1);
    double *values = mem_new_array(double, s->n + 1);
    size_t n = 0;

    for (size_t i = 0; i < s->n; i++)
        order[i] = i;
    qsort_r(order, s->n, sizeof *order, compare_samples, s->ts);
    for (size_t i = 0; i < s->n; i++) {
        if (n && ts[n - 1] == s->ts[order[i]])
            n--;
        ts[n] = s->ts[order[i]];
        values[n++] = s->values[order[i]];
    }
    memcpy(s->ts, ts, n * sizeof *ts);
    memcpy(s->values, values, n * sizeof *values);
    s->n = n;
    mem_free(order);
    mem_free(ts);
    mem_free(values);
}

static int compare_series(const void *a, const void *b)
{
    const struct test_series *x = a, *y = b;

    return labels_compare(x->labels, y->labels);
}

static void sort_all(struct test_source *s)
{
    if (s->sorted)
        return;
    for (size_t i = 0; i < s->n; i++) {
        sort_series(&s->series[i]);
        s->series[i].column_id = hash_bytes(s->series[i].ts, s->series[i].n * sizeof(ts_ms));
    }
    qsort(s->series, s->n, sizeof *s->series, compare_series);
    s->sorted = true;
}

static bool has_samples(const struct test_series *s, ts_ms mint, ts_ms maxt)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->ts[i] >= mint && s->ts[i] <= maxt)
            return true;
    return false;
}

/* Who takes any order gets the wrong one. */
static void turn_round(struct test_set *set, const struct labels **labels, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        struct test_series *member = set->members[i];
        const struct labels *ls = labels[i];

        set->members[i] = set->members[n - 1 - i];
        set->members[n - 1 - i] = member;
        labels[i] = labels[n - 1 - i];
        labels[n - 1 - i] = ls;
    }
}

static int test_select(struct source *source, struct arena *a, const struct matcher *matchers,
                       size_t matchers_n, ts_ms mint, ts_ms maxt, const struct source_hints *hints,
                       struct source_set **out, struct err *err)
{
    struct test_source *s = (struct test_source *)source;
    struct test_set *set = arena_new(a, struct test_set, err);
    const struct labels **labels = arena_zalloc_array(a, s->n, sizeof *labels, err);
    const char **warnings = arena_zalloc_array(a, 1, sizeof *warnings, err);
    size_t n = 0;

    sort_all(s);
    if (!set || !labels || !warnings)
        return -1;
    set->members = arena_zalloc_array(a, s->n, sizeof *set->members, err);
    if (!set->members)
        return -1;
    for (size_t i = 0; i < s->n; i++) {
        void *copy;

        if (!matchers_match(matchers, matchers_n, s->series[i].labels) ||
            !has_samples(&s->series[i], mint, maxt))
            continue;
        copy = arena_alloc(a, labels_size(s->series[i].labels), err);
        if (!copy)
            return -1;
        memcpy(copy, s->series[i].labels, labels_size(s->series[i].labels));
        set->members[n] = &s->series[i];
        labels[n++] = copy;
    }
    if (hints && hints->any_order)
        turn_round(set, labels, n);
    warnings[0] = s->warning;
    set->mint = mint;
    set->maxt = maxt;
    set->set = (struct source_set){labels, n, warnings, s->warning ? 1 : 0};
    *out = &set->set;
    return 0;
}

static void test_set_free(struct source *s, struct source_set *set)
{
    (void)s;
    (void)set;
}

static int test_reader_open(struct source *source, struct source_set *set, struct arena *a,
                            struct source_reader **out, struct err *err)
{
    struct source_reader *r = arena_new(a, struct source_reader, err);

    if (!r)
        return -1;
    r->source = (struct test_source *)source;
    r->set = (struct test_set *)set;
    r->runs = NULL;
    *out = r;
    return 0;
}

static int test_read(struct source_reader *r, size_t i, struct source_series *out, struct err *err)
{
    const struct test_series *s = r->set->members[i];
    size_t lo = 0, hi = s->n, n = 0, len = r->source->run_len;

    (void)err;
    while (lo < hi && s->ts[lo] < r->set->mint)
        lo++;
    while (hi > lo && s->ts[hi - 1] > r->set->maxt)
        hi--;
    mem_free(r->runs);
    r->runs = mem_new_array(struct source_run, hi - lo + 1);
    r->column = (struct source_column){s->column_id, s->ts, s->n};
    if (!len && hi > lo)
        r->runs[n++] = (struct source_run){s->ts + lo, s->values + lo, hi - lo, &r->column, lo};
    for (size_t at = lo; len && at < hi; at += len)
        r->runs[n++] =
            (struct source_run){s->ts + at, s->values + at, hi - at < len ? hi - at : len, NULL, 0};
    *out = (struct source_series){r->runs, n};
    return 0;
}

static void test_reader_close(struct source_reader *r)
{
    if (r)
        mem_free(r->runs);
}

/* ---- names and values ---- */

static int compare_strs(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* Sorts, leaves out what comes twice, cuts at the limit. */
static size_t unique(struct str items[], size_t n, size_t limit)
{
    size_t kept = 0;

    if (n)
        qsort(items, n, sizeof *items, compare_strs);
    for (size_t i = 0; i < n && (!limit || kept < limit); i++)
        if (!kept || !str_eq(items[kept - 1], items[i]))
            items[kept++] = items[i];
    return kept;
}

/* `name` empty: the names themselves. */
static int test_names(struct test_source *s, struct arena *a, struct str name,
                      const struct matcher *matchers, size_t matchers_n, ts_ms mint, ts_ms maxt,
                      size_t limit, struct str **out, size_t *out_n, struct err *err)
{
    struct str *items = NULL;
    size_t n = 0, cap = 0;

    sort_all(s);
    for (size_t i = 0; i < s->n; i++) {
        const struct labels *ls = s->series[i].labels;

        if (!matchers_match(matchers, matchers_n, ls) || !has_samples(&s->series[i], mint, maxt))
            continue;
        if (arena_grow(a, (void **)&items, &cap, n + ls->n + 1, sizeof *items, err) < 0)
            return -1;
        for (size_t k = 0; k < ls->n; k++)
            if (!name.n)
                items[n++] = labels_at(ls, k).name;
            else if (str_eq(labels_at(ls, k).name, name))
                items[n++] = labels_at(ls, k).value;
    }
    *out = items;
    *out_n = unique(items, n, limit);
    return 0;
}

static int test_label_names(struct source *s, struct arena *a, const struct matcher *matchers,
                            size_t matchers_n, ts_ms mint, ts_ms maxt, size_t limit,
                            struct str **out, size_t *out_n, struct err *err)
{
    return test_names((struct test_source *)s, a, STR(""), matchers, matchers_n, mint, maxt, limit,
                      out, out_n, err);
}

static int test_label_values(struct source *s, struct arena *a, struct str name,
                             const struct matcher *matchers, size_t matchers_n, ts_ms mint,
                             ts_ms maxt, size_t limit, struct str **out, size_t *out_n,
                             struct err *err)
{
    return test_names((struct test_source *)s, a, name, matchers, matchers_n, mint, maxt, limit,
                      out, out_n, err);
}

void test_source_init(struct test_source *s)
{
    *s = (struct test_source){.source = {.select = test_select,
                                         .set_free = test_set_free,
                                         .reader_open = test_reader_open,
                                         .read = test_read,
                                         .reader_close = test_reader_close,
                                         .label_names = test_label_names,
                                         .label_values = test_label_values}};
    arena_init(&s->arena, NULL);
}

void test_source_clear(struct test_source *s)
{
    for (size_t i = 0; i < s->n; i++) {
        mem_free(s->series[i].ts);
        mem_free(s->series[i].values);
    }
    s->n = 0;
    arena_reset(&s->arena);
}

void test_source_fini(struct test_source *s)
{
    test_source_clear(s);
    mem_free(s->series);
    arena_fini(&s->arena);
}

void test_source_add(struct test_source *s, const struct labels *labels, ts_ms ts, double value)
{
    struct test_series *series = NULL;

    for (size_t i = s->n; i > 0 && !series; i--)
        if (labels_equal(s->series[i - 1].labels, labels))
            series = &s->series[i - 1];
    if (!series) {
        void *copy = arena_alloc(&s->arena, labels_size(labels), NULL);

        assert(copy);
        memcpy(copy, labels, labels_size(labels));
        s->series = mem_grow(s->series, &s->cap, s->n + 1, sizeof *s->series);
        series = &s->series[s->n++];
        *series = (struct test_series){.labels = copy};
    }
    series->ts = mem_grow(series->ts, &series->cap, series->n + 1, sizeof *series->ts);
    series->values =
        mem_grow(series->values, &series->cap_values, series->n + 1, sizeof *series->values);
    series->ts[series->n] = ts;
    series->values[series->n++] = value;
    s->sorted = false;
}
