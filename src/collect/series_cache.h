/* series_cache: the slot of each series a target exposes, by the hash of the series as written.
 *
 * A target writes its series alike and in the same order each time, so the entry after the last one
 * found is tried first; only a change of order costs a look-up. The text is not kept: 128 bits of
 * its hash stand for it. Entries lie in the order they came.
 *
 * Threads: none of its own; a target's, one at a time.
 */
#ifndef COLLECT_SERIES_CACHE_H
#define COLLECT_SERIES_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/str.h"

#define SERIES_CACHE_NO_SLOT UINT32_MAX
#define SERIES_CACHE_DROPPED (UINT32_MAX - 1) /* by relabelling: never gets one */

struct series_entry {
    struct hash128 key;
    uint32_t slot;   /* SERIES_CACHE_NO_SLOT: not resolved (yet) */
    uint32_t round;  /* in which it was seen last */
    uint32_t length; /* of the text; 0: it came without */
};

struct series_cache {
    struct series_entry *items; /* owned; [n] */
    size_t n, cap;
    uint32_t *index; /* owned; [index_cap], place in items, UINT32_MAX: free */
    size_t index_cap;
    size_t next; /* where the next entry is expected */
};

void series_cache_init(struct series_cache *c);
void series_cache_fini(struct series_cache *c);
/* Place in items, or -1. */
ptrdiff_t series_cache_find(struct series_cache *c, struct hash128 key);
/* Does the text begin with the entry that is expected next? Its length, or 0. */
size_t series_cache_expect(const struct series_cache *c, struct str text);
/* The key is not in; place in items. */
size_t series_cache_add(struct series_cache *c, struct hash128 key, uint32_t length,
                        uint32_t round);
/* Keeps only the first n entries. */
void series_cache_cut(struct series_cache *c, size_t n);
/* Keeps only entries seen in this round that have a slot. */
void series_cache_sweep(struct series_cache *c, uint32_t round);
/* Walks all invariants; for tests. */
bool series_cache_check(const struct series_cache *c);

#endif
