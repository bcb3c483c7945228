#include "tsdb/cache.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"

#define SHARDS 8u /* chosen by the hash's top 3 bits; the map uses the low ones */

/* What an entry costs beside its bytes: itself and its slot in the map, roughly. */
#define ENTRY_BYTES 128u

struct entry {
    struct cache_page page; /* first: cast from struct cache_page */
    struct cache_key key;
    uint64_t hash;
    uint32_t pins;
    struct entry *newer, *older; /* in the order of last use */
};

struct shard {
    pthread_mutex_t lock; /* guards: everything below */
    struct map entries;
    struct entry *newest, *oldest;
    size_t bytes;
    uint64_t hits, misses, evictions;
};

struct cache {
    struct shard shards[SHARDS];
    size_t shard_bytes_max;
    _Atomic uint64_t files;
};

static uint64_t hash_of(struct cache_key key)
{
    return hash_bytes(&key, sizeof key);
}
_Static_assert(sizeof(struct cache_key) == 16, "hashed as bytes, so it has no padding");

static bool same_key(const void *item, const void *key)
{
    const struct cache_key *a = &((const struct entry *)item)->key, *b = key;

    return a->file == b->file && a->section == b->section && a->page == b->page;
}

static void list_remove(struct shard *s, struct entry *e)
{
    *(e->newer ? &e->newer->older : &s->newest) = e->older;
    *(e->older ? &e->older->newer : &s->oldest) = e->newer;
    e->newer = e->older = NULL;
}

static void list_push(struct shard *s, struct entry *e)
{
    e->newer = NULL;
    e->older = s->newest;
    *(e->older ? &e->older->newer : &s->oldest) = e;
    s->newest = e;
}

static void entry_free(struct entry *e)
{
    mem_free((void *)(uintptr_t)e->page.bytes);
    mem_free(e);
}

static void drop(struct shard *s, struct entry *e)
{
    list_remove(s, e);
    (void)map_remove(&s->entries, e->hash, &e->key, same_key);
    s->bytes -= e->page.n + ENTRY_BYTES;
    entry_free(e);
}

/* Throws out what was not used for the longest time, until the bound holds or all is pinned. */
static void shrink(struct shard *s, size_t bytes_max)
{
    struct entry *e = s->oldest;

    while (e && s->bytes > bytes_max) {
        struct entry *newer = e->newer;

        if (!e->pins) {
            drop(s, e);
            s->evictions++;
        }
        e = newer;
    }
}

struct cache *cache_new(size_t bytes_max)
{
    struct cache *c = mem_new(struct cache);

    c->shard_bytes_max = bytes_max / SHARDS;
    for (size_t i = 0; i < SHARDS; i++) {
        (void)pthread_mutex_init(&c->shards[i].lock, NULL);
        map_init(&c->shards[i].entries);
    }
    return c;
}

void cache_free(struct cache *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *s = &c->shards[i];

        while (s->oldest) {
            assert(!s->oldest->pins);
            drop(s, s->oldest);
        }
        map_fini(&s->entries);
        (void)pthread_mutex_destroy(&s->lock);
    }
    mem_free(c);
}

uint64_t cache_file(struct cache *c)
{
    return atomic_fetch_add(&c->files, 1) + 1;
}

void cache_forget(struct cache *c, uint64_t file)
{
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *s = &c->shards[i];

        (void)pthread_mutex_lock(&s->lock);
        for (struct entry *e = s->oldest, *newer; e; e = newer) {
            newer = e->newer;
            if (e->key.file == file) {
                assert(!e->pins);
                drop(s, e);
            }
        }
        (void)pthread_mutex_unlock(&s->lock);
    }
}

static struct entry *find_and_pin(struct shard *s, uint64_t hash, const struct cache_key *key)
{
    struct entry *e = map_get(&s->entries, hash, key, same_key);

    if (!e)
        return NULL;
    e->pins++;
    if (s->newest != e) {
        list_remove(s, e);
        list_push(s, e);
    }
    return e;
}

int cache_pin(struct cache *c, struct cache_key key, cache_load load, void *arg,
              const struct cache_page **out, struct err *err)
{
    uint64_t hash = hash_of(key);
    struct shard *s = &c->shards[hash >> 61];
    struct entry *e, *other;
    unsigned char *bytes;
    size_t n;

    (void)pthread_mutex_lock(&s->lock);
    e = find_and_pin(s, hash, &key);
    if (e)
        s->hits++;
    else
        s->misses++;
    (void)pthread_mutex_unlock(&s->lock);
    if (e) {
        *out = &e->page;
        return 0;
    }
    if (load(arg, key, &bytes, &n, err) < 0)
        return -1;
    e = mem_new(struct entry);
    *e = (struct entry){.page = {bytes, n}, .key = key, .hash = hash, .pins = 1};
    (void)pthread_mutex_lock(&s->lock);
    other = find_and_pin(s, hash, &key); /* somebody was faster */
    if (!other) {
        map_put(&s->entries, hash, e);
        list_push(s, e);
        s->bytes += n + ENTRY_BYTES;
        shrink(s, c->shard_bytes_max);
    }
    (void)pthread_mutex_unlock(&s->lock);
    if (other) {
        entry_free(e);
        e = other;
    }
    *out = &e->page;
    return 0;
}

void cache_unpin(struct cache *c, const struct cache_page *page)
{
    struct entry *e = (struct entry *)(uintptr_t)page;
    struct shard *s;

    if (!e)
        return;
    s = &c->shards[e->hash >> 61];
    (void)pthread_mutex_lock(&s->lock);
    assert(e->pins);
    e->pins--;
    if (s->bytes > c->shard_bytes_max)
        shrink(s, c->shard_bytes_max);
    (void)pthread_mutex_unlock(&s->lock);
}

struct cache_stats cache_stats(struct cache *c)
{
    struct cache_stats sum = {.bytes_max = c->shard_bytes_max * SHARDS};

    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *s = &c->shards[i];

        (void)pthread_mutex_lock(&s->lock);
        sum.hits += s->hits;
        sum.misses += s->misses;
        sum.evictions += s->evictions;
        sum.bytes += s->bytes;
        (void)pthread_mutex_unlock(&s->lock);
    }
    return sum;
}
