/* map: a hash table from a 64-bit hash to a pointer; the caller says when two items are equal.
 *
 * Open addressing with linear probing and backward-shift deletion, at most 7/8 full. It stores
 * hashes and pointers only and owns neither. The hash comes from base/hash.h, so a hostile key set
 * costs at most a longer probe (XXH3 is not keyed; tables fed by users are bounded elsewhere).
 *
 * Threads: none of its own.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_slot {
    uint64_t hash;
    void *item; /* NULL: empty */
};

struct map {
    struct map_slot *slots; /* owned */
    size_t n, cap;
};

typedef bool (*map_equal)(const void *item, const void *key);

void map_init(struct map *m);
void map_fini(struct map *m); /* not the items */
void *map_get(const struct map *m, uint64_t hash, const void *key, map_equal equal);
/* The caller made sure that no equal item is in. */
void map_put(struct map *m, uint64_t hash, void *item);
/* Takes out and returns the item, NULL when it was not in. */
void *map_remove(struct map *m, uint64_t hash, const void *key, map_equal equal);
/* Iterates: *at starts at 0; NULL at the end. The map must not change meanwhile. */
void *map_next(const struct map *m, size_t *at);
/* Walks all invariants; for tests. */
bool map_check(const struct map *m);

#endif
