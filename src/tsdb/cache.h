/* cache: the one bounded cache that all blocks read through.
 *
 * An entry is what a loader made from disk: a page whose CRC was checked, or something decoded from
 * pages. It is found by (file, section, page), pinned while it is looked at, and thrown out oldest
 * first when the sum of all entries exceeds the bound. Pinned entries are never thrown out, so the
 * bound may be exceeded by what readers hold at the moment.
 *
 * Eight shards by hash, each with a lock of its own that is not held while loading: two threads may
 * load the same page at once, and one of the two copies is dropped.
 *
 * Ownership: entries belong to the cache; a loader hands over heap memory (mem_free).
 * Threads: any.
 * Errors: those of the loader; nothing is kept then.
 */
#ifndef TSDB_CACHE_H
#define TSDB_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct cache;
struct err;

struct cache_key {
    uint64_t file; /* from cache_file */
    uint32_t section, page;
};

struct cache_page {
    const unsigned char *bytes;
    size_t n;
};

typedef int (*cache_load)(void *arg, struct cache_key key, unsigned char **bytes, size_t *n,
                          struct err *err);

struct cache_stats {
    uint64_t hits, misses, evictions;
    uint64_t bytes, bytes_max;
};

struct cache *cache_new(size_t bytes_max);
void cache_free(struct cache *c); /* nothing is pinned any more; NULL is fine */

/* A number for a file, never given twice by this cache, from 1. */
uint64_t cache_file(struct cache *c);
/* Forgets the file's entries; none is pinned. */
void cache_forget(struct cache *c, uint64_t file);

MUST_USE int cache_pin(struct cache *c, struct cache_key key, cache_load load, void *arg,
                       const struct cache_page **out, struct err *err);
void cache_unpin(struct cache *c, const struct cache_page *page); /* NULL is fine */

struct cache_stats cache_stats(struct cache *c);

#endif
