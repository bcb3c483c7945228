#include "collect/series_cache.h"

#include "base/mem.h"

#define FREE          UINT32_MAX
#define INDEX_CAP_MIN 16u

void series_cache_init(struct series_cache *c)
{
    *c = (struct series_cache){.n = 0};
}

void series_cache_fini(struct series_cache *c)
{
    mem_free(c->items);
    mem_free(c->index);
    series_cache_init(c);
}

static bool same(struct hash128 a, struct hash128 b)
{
    return a.low == b.low && a.high == b.high;
}

/* Where the key stands in the index, or the free place where it would. index_cap > 0. */
static size_t place_of(const struct series_cache *c, struct hash128 key)
{
    size_t i = key.low & (c->index_cap - 1);

    while (c->index[i] != FREE && !same(c->items[c->index[i]].key, key))
        i = (i + 1) & (c->index_cap - 1);
    return i;
}

static void rebuild(struct series_cache *c)
{
    size_t cap = INDEX_CAP_MIN;

    while (cap < c->n * 2)
        cap *= 2;
    if (cap != c->index_cap) {
        mem_free(c->index);
        c->index = mem_new_array(uint32_t, cap);
        c->index_cap = cap;
    }
    for (size_t i = 0; i < cap; i++)
        c->index[i] = FREE;
    for (size_t i = 0; i < c->n; i++)
        c->index[place_of(c, c->items[i].key)] = (uint32_t)i;
}

ptrdiff_t series_cache_find(struct series_cache *c, struct hash128 key)
{
    size_t at = c->next;

    if (at >= c->n || !same(c->items[at].key, key)) {
        size_t place = c->index_cap ? place_of(c, key) : 0;

        if (!c->index_cap || c->index[place] == FREE)
            return -1;
        at = c->index[place];
    }
    c->next = at + 1;
    return (ptrdiff_t)at;
}

size_t series_cache_expect(const struct series_cache *c, struct str text)
{
    const struct series_entry *entry;

    if (c->next >= c->n)
        return 0;
    entry = &c->items[c->next];
    if (!entry->length || entry->length > text.n ||
        !same(hash_bytes128(text.p, entry->length), entry->key))
        return 0;
    return entry->length;
}

size_t series_cache_add(struct series_cache *c, struct hash128 key, uint32_t length, uint32_t round)
{
    size_t at = c->n;

    c->items = mem_grow(c->items, &c->cap, at + 1, sizeof *c->items);
    c->items[at] = (struct series_entry){key, SERIES_CACHE_NO_SLOT, round, length};
    c->n++;
    if (c->n * 4 > c->index_cap * 3)
        rebuild(c);
    else
        c->index[place_of(c, key)] = (uint32_t)at;
    return at;
}

void series_cache_cut(struct series_cache *c, size_t n)
{
    c->next = 0;
    if (n >= c->n)
        return;
    c->n = n;
    rebuild(c);
}

void series_cache_sweep(struct series_cache *c, uint32_t round)
{
    size_t kept = 0;

    for (size_t i = 0; i < c->n; i++)
        if (c->items[i].round == round && c->items[i].slot != SERIES_CACHE_NO_SLOT)
            c->items[kept++] = c->items[i];
    series_cache_cut(c, kept);
}

bool series_cache_check(const struct series_cache *c)
{
    size_t used = 0;

    for (size_t i = 0; i < c->index_cap; i++)
        used += c->index[i] != FREE;
    if (used != c->n || c->n > c->cap)
        return false;
    for (size_t i = 0; i < c->n; i++)
        if (c->index[place_of(c, c->items[i].key)] != i)
            return false;
    return true;
}
