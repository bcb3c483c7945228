/* ref_cache: which ref the store gave to a pushed series, by the hash of its label bytes.
 *
 * A sender repeats its series with the same bytes, so that a steady push resolves nothing. The
 * bytes are not kept: 96 bits of their hash stand for them. All entries belong to one generation of
 * the store; a newer one empties the cache, and so does running full.
 *
 * Threads: any; one lock, held for one batch of look-ups.
 */
#ifndef COLLECT_PUSH_REF_CACHE_H
#define COLLECT_PUSH_REF_CACHE_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"

#define REF_CACHE_UNKNOWN UINT32_MAX /* in ids: not in the cache */

struct ref_cache_entry {
    uint64_t low;
    uint32_t high;
    uint32_t id; /* REF_CACHE_UNKNOWN: free */
};

struct ref_cache {
    pthread_mutex_t lock; /* guards all below */
    uint32_t generation;
    struct ref_cache_entry *entries; /* owned; [cap], a power of two, at most 3/4 full */
    size_t n, cap, entries_max;
};

void ref_cache_init(struct ref_cache *c, size_t entries_max);
void ref_cache_fini(struct ref_cache *c);

/* Keys lie `stride` bytes apart, so that they may be members of the caller's own structs. Fills
 * ids[0..n), returns how many are unknown and sets the generation of the others. */
size_t ref_cache_find(struct ref_cache *c, const struct hash128 *keys, size_t stride, size_t n,
                      uint32_t ids[], uint32_t *generation);
/* An id that is REF_CACHE_UNKNOWN is left out. What is of an older generation is ignored. */
void ref_cache_put(struct ref_cache *c, uint32_t generation, const struct hash128 *keys,
                   size_t stride, size_t n, const uint32_t ids[]);
/* The store said that refs of this generation are stale. */
void ref_cache_drop(struct ref_cache *c, uint32_t generation);
size_t ref_cache_count(struct ref_cache *c);

#endif
