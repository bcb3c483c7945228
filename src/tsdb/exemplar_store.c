#include "tsdb/exemplar_store.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "model/sample.h"
#include "model/source.h"

struct exemplar_series {
    struct labels *labels;               /* owned */
    struct exemplar_entry *first, *last; /* by time, and so in the order they came */
};

struct exemplar_entry {
    struct exemplar_entry *next;           /* in the queue */
    struct exemplar_entry *next_of_series; /* newer */
    struct exemplar_series *series;
    ts_ms ts;
    double value;
    size_t bytes;
    struct labels labels; /* last: a blob */
};

void exemplar_store_init(struct exemplar_store *s, size_t n_max)
{
    *s = (struct exemplar_store){.n_max = n_max};
    pthread_rwlock_init(&s->lock, NULL);
    map_init(&s->series);
}

static bool same_labels(const void *item, const void *key)
{
    return labels_equal(((const struct exemplar_series *)item)->labels, key);
}

static void series_drop(struct exemplar_store *s, struct exemplar_series *es)
{
    (void)map_remove(&s->series, es->labels->hash, es->labels, same_labels);
    s->bytes -= sizeof *es + labels_size(es->labels);
    mem_free(es->labels);
    mem_free(es);
}

static void drop_oldest(struct exemplar_store *s)
{
    struct exemplar_entry *e = s->oldest;

    s->oldest = e->next;
    if (!s->oldest)
        s->newest = NULL;
    e->series->first = e->next_of_series;
    if (!e->series->first)
        series_drop(s, e->series);
    s->bytes -= e->bytes;
    s->n--;
    mem_free(e);
}

void exemplar_store_fini(struct exemplar_store *s)
{
    while (s->n)
        drop_oldest(s);
    map_fini(&s->series);
    pthread_rwlock_destroy(&s->lock);
}

/* ---- what is taken ---- */

static size_t characters(struct str s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++)
        n += ((uint8_t)s.p[i] & 0xc0) != 0x80;
    return n;
}

static bool too_long(const struct labels *ls)
{
    size_t n = 0;

    for (size_t i = 0; i < ls->n; i++)
        n += characters(labels_at(ls, i).name) + characters(labels_at(ls, i).value);
    return n > EXEMPLAR_LABEL_CHARS;
}

/* `es` is its series; NULL: the first of it. */
static enum exemplar_outcome judge(const struct exemplar_store *s, const struct exemplar_series *es,
                                   const struct exemplar *e)
{
    const struct exemplar_entry *last = es ? es->last : NULL;

    if (!s->n_max)
        return EXEMPLAR_OFF;
    if (too_long(e->labels))
        return EXEMPLAR_TOO_LONG;
    if (!last)
        return EXEMPLAR_OK;
    if ((e->ts == last->ts || e->undated) && value_bits(e->value) == value_bits(last->value) &&
        labels_equal(e->labels, &last->labels))
        return EXEMPLAR_DUPLICATE;
    /* Of one time they come by value, so a smaller one was there already or is late. */
    if (e->ts < last->ts || (e->ts == last->ts && e->value < last->value))
        return EXEMPLAR_OUT_OF_ORDER;
    return EXEMPLAR_OK;
}

enum exemplar_outcome exemplar_store_check(struct exemplar_store *s, const struct labels *series,
                                           const struct exemplar *e)
{
    enum exemplar_outcome o;

    pthread_rwlock_rdlock(&s->lock);
    o = judge(s, map_get(&s->series, series->hash, series, same_labels), e);
    pthread_rwlock_unlock(&s->lock);
    return o;
}

static struct exemplar_series *series_make(struct exemplar_store *s, const struct labels *labels)
{
    struct exemplar_series *es = mem_new(struct exemplar_series);

    es->labels = labels_dup(labels);
    map_put(&s->series, es->labels->hash, es);
    s->bytes += sizeof *es + labels_size(labels);
    return es;
}

static void append(struct exemplar_store *s, struct exemplar_series *es, const struct exemplar *e)
{
    size_t bytes = offsetof(struct exemplar_entry, labels) + labels_size(e->labels);
    struct exemplar_entry *entry;

    bytes = bytes > sizeof *entry ? bytes : sizeof *entry;
    entry = mem_zalloc(bytes);
    entry->series = es;
    entry->ts = e->ts;
    entry->value = e->value;
    entry->bytes = bytes;
    memcpy(&entry->labels, e->labels, labels_size(e->labels));
    if (es->first)
        es->last->next_of_series = entry;
    else
        es->first = entry;
    es->last = entry;
    if (s->newest)
        s->newest->next = entry;
    else
        s->oldest = entry;
    s->newest = entry;
    s->bytes += bytes;
    s->n++;
}

enum exemplar_outcome exemplar_store_put(struct exemplar_store *s, const struct labels *series,
                                         const struct exemplar *e)
{
    struct exemplar_series *es;
    enum exemplar_outcome o;

    pthread_rwlock_wrlock(&s->lock);
    es = map_get(&s->series, series->hash, series, same_labels);
    o = judge(s, es, e);
    if (o == EXEMPLAR_OK) {
        append(s, es ? es : series_make(s, series), e);
        while (s->n > s->n_max || s->bytes > EXEMPLARS_BYTES_MAX)
            drop_oldest(s);
    }
    pthread_rwlock_unlock(&s->lock);
    return o;
}

/* ---- reading ---- */

static bool any_matches(const struct source_selector *selectors, size_t n, const struct labels *ls)
{
    for (size_t i = 0; i < n; i++)
        if (matchers_match(selectors[i].matchers, selectors[i].n, ls))
            return true;
    return false;
}

static int copy_labels(struct arena *a, const struct labels *ls, const struct labels **out,
                       struct err *err)
{
    void *p = arena_alloc(a, labels_size(ls), err);

    if (!p)
        return -1;
    *out = memcpy(p, ls, labels_size(ls));
    return 0;
}

/* Leaves *out without any when none is in range. */
static int copy_series(const struct exemplar_series *es, struct arena *a, ts_ms mint, ts_ms maxt,
                       struct source_exemplars *out, struct err *err)
{
    const struct exemplar_entry *first = es->first;
    struct source_exemplar *items;
    size_t n = 0;

    *out = (struct source_exemplars){0};
    while (first && first->ts < mint)
        first = first->next_of_series;
    for (const struct exemplar_entry *e = first; e && e->ts <= maxt; e = e->next_of_series)
        n++;
    if (!n)
        return 0;
    items = arena_new_array(a, struct source_exemplar, n, err);
    if (!items || copy_labels(a, es->labels, &out->series, err) < 0)
        return -1;
    for (size_t i = 0; i < n; i++, first = first->next_of_series) {
        items[i] = (struct source_exemplar){.ts = first->ts, .value = first->value};
        if (copy_labels(a, &first->labels, &items[i].labels, err) < 0)
            return -1;
    }
    out->items = items;
    out->n = n;
    return 0;
}

static int by_labels(const void *a, const void *b)
{
    return labels_compare(((const struct source_exemplars *)a)->series,
                          ((const struct source_exemplars *)b)->series);
}

static int select_all(struct exemplar_store *s, struct arena *a,
                      const struct source_selector *selectors, size_t selectors_n, ts_ms mint,
                      ts_ms maxt, struct source_exemplars **out, size_t *n, struct err *err)
{
    const struct exemplar_series *es;
    size_t cap = 0, at = 0;

    while ((es = map_next(&s->series, &at))) {
        if (!any_matches(selectors, selectors_n, es->labels))
            continue;
        if (arena_grow(a, (void **)out, &cap, *n + 1, sizeof **out, err) < 0 ||
            copy_series(es, a, mint, maxt, &(*out)[*n], err) < 0)
            return -1;
        *n += (*out)[*n].n > 0;
    }
    return 0;
}

int exemplar_store_select(struct exemplar_store *s, struct arena *a,
                          const struct source_selector *selectors, size_t selectors_n, ts_ms mint,
                          ts_ms maxt, struct source_exemplars **out, size_t *n, struct err *err)
{
    struct source_exemplars *found = NULL;
    size_t found_n = 0;
    int rc;

    pthread_rwlock_rdlock(&s->lock);
    rc = select_all(s, a, selectors, selectors_n, mint, maxt, &found, &found_n, err);
    pthread_rwlock_unlock(&s->lock);
    if (rc < 0)
        return -1;
    if (found_n)
        qsort(found, found_n, sizeof *found, by_labels);
    *out = found;
    *n = found_n;
    return 0;
}

struct exemplar_sums exemplar_store_sums(struct exemplar_store *s)
{
    struct exemplar_sums sums;

    pthread_rwlock_rdlock(&s->lock);
    sums = (struct exemplar_sums){s->n, s->series.n, s->bytes, s->oldest ? s->oldest->ts : 0};
    pthread_rwlock_unlock(&s->lock);
    return sums;
}
