#include "tsdb/head_index.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/mem.h"
#include "model/labels.h"
#include "model/matcher.h"

struct index_name;

struct posting {
    struct index_name *name;
    struct posting *next; /* of the same name */
    union {
        uint32_t one;
        uint32_t *ids; /* owned when cap > 1 */
    };
    uint32_t n, cap;
    uint32_t value_n;
    char value[];
};

struct index_name {
    struct posting *values;
    size_t values_n;
    uint32_t name_n;
    char name[];
};

struct pair_key {
    const struct index_name *name;
    struct str value;
};

static bool name_is(const void *item, const void *key)
{
    const struct index_name *in = item;

    return str_eq((struct str){in->name, in->name_n}, *(const struct str *)key);
}

static bool pair_is(const void *item, const void *key)
{
    const struct posting *p = item;
    const struct pair_key *k = key;

    return p->name == k->name && str_eq((struct str){p->value, p->value_n}, k->value);
}

static uint64_t pair_hash(const struct pair_key *k)
{
    return hash_mix(hash_str(k->value), (uint64_t)(uintptr_t)k->name);
}

void head_index_init(struct head_index *ix)
{
    *ix = (struct head_index){0};
    map_init(&ix->names);
    map_init(&ix->pairs);
}

void head_index_fini(struct head_index *ix)
{
    struct posting *p;
    struct index_name *in;

    for (size_t at = 0; (p = map_next(&ix->pairs, &at));) {
        if (p->cap > 1)
            mem_free(p->ids);
        mem_free(p);
    }
    for (size_t at = 0; (in = map_next(&ix->names, &at));)
        mem_free(in);
    map_fini(&ix->pairs);
    map_fini(&ix->names);
    ix->bytes = 0;
}

static struct index_name *name_get(const struct head_index *ix, struct str name)
{
    return map_get(&ix->names, hash_str(name), &name, name_is);
}

static struct index_name *name_make(struct head_index *ix, struct str name)
{
    struct index_name *in = name_get(ix, name);

    if (in)
        return in;
    in = mem_zalloc(sizeof *in + name.n);
    in->name_n = (uint32_t)name.n;
    memcpy(in->name, name.p, name.n);
    map_put(&ix->names, hash_str(name), in);
    ix->bytes += sizeof *in + name.n;
    return in;
}

static struct posting *posting_make(struct head_index *ix, struct index_name *in, struct str value)
{
    struct pair_key key = {in, value};
    uint64_t hash = pair_hash(&key);
    struct posting *p = map_get(&ix->pairs, hash, &key, pair_is);

    if (p)
        return p;
    p = mem_zalloc(sizeof *p + value.n);
    p->name = in;
    p->value_n = (uint32_t)value.n;
    memcpy(p->value, value.p, value.n);
    p->next = in->values;
    in->values = p;
    in->values_n++;
    map_put(&ix->pairs, hash, p);
    ix->bytes += sizeof *p + value.n + sizeof(struct map_slot);
    return p;
}

static const uint32_t *posting_ids(const struct posting *p)
{
    return p->cap > 1 ? p->ids : &p->one;
}

static void posting_add(struct head_index *ix, struct posting *p, uint32_t id)
{
    uint32_t at = p->n;

    if (!p->n) {
        p->one = id;
        p->n = p->cap = 1;
        return;
    }
    if (p->n == p->cap) {
        uint32_t cap = p->cap == 1 ? 4 : p->cap + p->cap / 2;

        if (p->cap == 1) {
            uint32_t one = p->one;

            p->ids = mem_realloc(NULL, cap * sizeof *p->ids);
            p->ids[0] = one;
        } else {
            p->ids = mem_realloc(p->ids, cap * sizeof *p->ids);
        }
        ix->bytes += (cap - p->cap) * sizeof *p->ids;
        p->cap = cap;
    }
    /* Ids rise, but for those that are used again after a series is gone. */
    while (at && p->ids[at - 1] > id)
        at--;
    memmove(p->ids + at + 1, p->ids + at, (p->n - at) * sizeof *p->ids);
    p->ids[at] = id;
    p->n++;
}

void head_index_add(struct head_index *ix, uint32_t id, const struct labels *ls)
{
    for (size_t i = 0; i < ls->n; i++) {
        struct label label = labels_at(ls, i);

        posting_add(ix, posting_make(ix, name_make(ix, label.name), label.value), id);
    }
}

/* ---- select ---- */

/* The posting list of one literal value, NULL when nothing has it. */
static const struct posting *literal(const struct head_index *ix, struct str name, struct str value)
{
    struct index_name *in = name_get(ix, name);
    struct pair_key key = {in, value};

    return in ? map_get(&ix->pairs, pair_hash(&key), &key, pair_is) : NULL;
}

enum reach {
    REACH_NONE,  /* of no use to find candidates: matches the absence of the label */
    REACH_LISTS, /* a number of named lists */
    REACH_SCAN,  /* the values of the name must be looked at */
};

static enum reach reach_of(const struct matcher *m)
{
    if (matcher_matches_empty(m))
        return REACH_NONE;
    if (m->op == MATCH_EQ ||
        (m->op == MATCH_RE && (m->shape == SHAPE_LITERAL || m->shape == SHAPE_SET)))
        return REACH_LISTS;
    return REACH_SCAN;
}

static size_t lists_size(const struct head_index *ix, const struct matcher *m)
{
    size_t n = 0;
    const struct posting *p;

    if (m->op == MATCH_EQ) {
        p = literal(ix, m->name, m->value);
        return p ? p->n : 0;
    }
    for (size_t i = 0; i < m->set_n; i++)
        n += (p = literal(ix, m->name, m->set[i])) ? p->n : 0;
    return n;
}

struct ids {
    uint32_t *items;
    size_t n, cap;
};

static int ids_add(struct ids *ids, struct arena *a, const struct posting *p, struct err *err)
{
    if (!p)
        return 0;
    if (arena_grow(a, (void **)&ids->items, &ids->cap, ids->n + p->n, sizeof *ids->items, err) < 0)
        return -1;
    memcpy(ids->items + ids->n, posting_ids(p), p->n * sizeof *ids->items);
    ids->n += p->n;
    return 0;
}

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static int collect(const struct head_index *ix, struct arena *a, const struct matcher *m,
                   struct ids *ids, struct err *err)
{
    struct index_name *in;
    size_t lists = 0;

    if (m->op == MATCH_EQ)
        return ids_add(ids, a, literal(ix, m->name, m->value), err);
    if (reach_of(m) == REACH_LISTS) {
        for (size_t i = 0; i < m->set_n; i++, lists++)
            if (ids_add(ids, a, literal(ix, m->name, m->set[i]), err) < 0)
                return -1;
    } else if ((in = name_get(ix, m->name))) {
        for (const struct posting *p = in->values; p; p = p->next)
            if (matcher_matches(m, (struct str){p->value, p->value_n})) {
                lists++;
                if (ids_add(ids, a, p, err) < 0)
                    return -1;
            }
    }
    /* A series has one value of a name, so the lists share nothing. */
    if (lists > 1 && ids->n)
        qsort(ids->items, ids->n, sizeof *ids->items, ascending);
    return 0;
}

static const struct matcher *best_matcher(const struct head_index *ix,
                                          const struct matcher *matchers, size_t n)
{
    const struct matcher *best = NULL;
    size_t best_size = SIZE_MAX;

    for (size_t i = 0; i < n; i++) {
        enum reach reach = reach_of(&matchers[i]);
        size_t size;

        if (reach == REACH_NONE)
            continue;
        size = reach == REACH_SCAN ? SIZE_MAX - 1 : lists_size(ix, &matchers[i]);
        if (size < best_size) {
            best = &matchers[i];
            best_size = size;
        }
    }
    return best;
}

int head_index_select(const struct head_index *ix, struct arena *a, const struct matcher *matchers,
                      size_t n, head_index_labels labels_of, void *arg, uint32_t **out,
                      size_t *out_n, struct err *err)
{
    const struct matcher *best = best_matcher(ix, matchers, n);
    struct ids ids = {0};
    size_t kept = 0;

    if (!best) {
        *out = NULL;
        *out_n = 0;
        return 0; /* every matcher takes the empty string: the caller refused that */
    }
    if (collect(ix, a, best, &ids, err) < 0)
        return -1;
    for (size_t i = 0; i < ids.n; i++) {
        const struct labels *ls = n > 1 ? labels_of(arg, ids.items[i]) : NULL;
        bool match = true;

        for (size_t m = 0; m < n && match; m++)
            if (&matchers[m] != best)
                match = matcher_matches(&matchers[m], labels_get(ls, matchers[m].name));
        if (match)
            ids.items[kept++] = ids.items[i];
    }
    *out = ids.items;
    *out_n = kept;
    return 0;
}

/* ---- names and values ---- */

static int by_text(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

int head_index_names(const struct head_index *ix, struct arena *a, struct str **out, size_t *n,
                     struct err *err)
{
    struct str *all = arena_new_array(a, struct str, ix->names.n, err);
    struct index_name *in;
    size_t k = 0;

    if (!all)
        return -1;
    for (size_t at = 0; (in = map_next(&ix->names, &at)); k++) {
        all[k] = arena_str(a, (struct str){in->name, in->name_n}, err);
        if (!all[k].p)
            return -1;
    }
    if (k)
        qsort(all, k, sizeof *all, by_text);
    *out = all;
    *n = k;
    return 0;
}

int head_index_values(const struct head_index *ix, struct arena *a, struct str name,
                      struct str **out, size_t *n, struct err *err)
{
    struct index_name *in = name_get(ix, name);
    struct str *all = arena_new_array(a, struct str, in ? in->values_n : 0, err);
    size_t k = 0;

    if (!all)
        return -1;
    for (const struct posting *p = in ? in->values : NULL; p; p = p->next, k++) {
        all[k] = arena_str(a, (struct str){p->value, p->value_n}, err);
        if (!all[k].p)
            return -1;
    }
    if (k)
        qsort(all, k, sizeof *all, by_text);
    *out = all;
    *n = k;
    return 0;
}
