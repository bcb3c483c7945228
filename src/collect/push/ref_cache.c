#include "collect/push/ref_cache.h"

#include "base/mem.h"

#define CAP_MIN 1024u

void ref_cache_init(struct ref_cache *c, size_t entries_max)
{
    *c = (struct ref_cache){.entries_max = entries_max};
    (void)pthread_mutex_init(&c->lock, NULL);
}

void ref_cache_fini(struct ref_cache *c)
{
    mem_free(c->entries);
    (void)pthread_mutex_destroy(&c->lock);
}

static const struct hash128 *key_at(const struct hash128 *keys, size_t stride, size_t i)
{
    return (const struct hash128 *)(const void *)((const char *)keys + i * stride);
}

/* The entry of the key, or the free one where it would go. cap > 0. */
static struct ref_cache_entry *entry_of(const struct ref_cache *c, uint64_t low, uint32_t high)
{
    size_t i = low & (c->cap - 1);

    while (c->entries[i].id != REF_CACHE_UNKNOWN &&
           (c->entries[i].low != low || c->entries[i].high != high))
        i = (i + 1) & (c->cap - 1);
    return &c->entries[i];
}

static void resize(struct ref_cache *c, size_t cap)
{
    struct ref_cache_entry *old = c->entries;
    size_t old_cap = c->cap;

    c->entries = mem_new_array(struct ref_cache_entry, cap);
    c->cap = cap;
    for (size_t i = 0; i < cap; i++)
        c->entries[i].id = REF_CACHE_UNKNOWN;
    for (size_t i = 0; i < old_cap; i++)
        if (old[i].id != REF_CACHE_UNKNOWN)
            *entry_of(c, old[i].low, old[i].high) = old[i];
    mem_free(old);
}

static void empty(struct ref_cache *c)
{
    for (size_t i = 0; i < c->cap; i++)
        c->entries[i].id = REF_CACHE_UNKNOWN;
    c->n = 0;
}

size_t ref_cache_find(struct ref_cache *c, const struct hash128 *keys, size_t stride, size_t n,
                      uint32_t ids[], uint32_t *generation)
{
    size_t unknown = 0;

    (void)pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < n; i++) {
        const struct hash128 *key = key_at(keys, stride, i);

        ids[i] = c->cap ? entry_of(c, key->low, (uint32_t)key->high)->id : REF_CACHE_UNKNOWN;
        unknown += ids[i] == REF_CACHE_UNKNOWN;
    }
    *generation = c->generation;
    (void)pthread_mutex_unlock(&c->lock);
    return unknown;
}

static void put(struct ref_cache *c, const struct hash128 *key, uint32_t id)
{
    struct ref_cache_entry *entry;

    if (!c->cap)
        resize(c, CAP_MIN);
    else if ((c->n + 1) * 4 > c->cap * 3)
        resize(c, c->cap * 2);
    entry = entry_of(c, key->low, (uint32_t)key->high);
    c->n += entry->id == REF_CACHE_UNKNOWN;
    *entry = (struct ref_cache_entry){key->low, (uint32_t)key->high, id};
}

void ref_cache_put(struct ref_cache *c, uint32_t generation, const struct hash128 *keys,
                   size_t stride, size_t n, const uint32_t ids[])
{
    (void)pthread_mutex_lock(&c->lock);
    if ((int32_t)(generation - c->generation) > 0) {
        empty(c);
        c->generation = generation;
    }
    for (size_t i = 0; i < n && generation == c->generation; i++) {
        if (ids[i] == REF_CACHE_UNKNOWN)
            continue;
        if (c->n >= c->entries_max)
            empty(c);
        put(c, key_at(keys, stride, i), ids[i]);
    }
    (void)pthread_mutex_unlock(&c->lock);
}

void ref_cache_drop(struct ref_cache *c, uint32_t generation)
{
    (void)pthread_mutex_lock(&c->lock);
    if (c->generation == generation)
        empty(c);
    (void)pthread_mutex_unlock(&c->lock);
}

size_t ref_cache_count(struct ref_cache *c)
{
    size_t n;

    (void)pthread_mutex_lock(&c->lock);
    n = c->n;
    (void)pthread_mutex_unlock(&c->lock);
    return n;
}
