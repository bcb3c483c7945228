/* mem: the heap, in two kinds.
 *
 * Bookkeeping (`mem_new`, `mem_grow`) is small and ours: when it cannot be had the process ends,
 * after a reserve was freed and all queries were told to stop. The store is crash-safe, so that is
 * honest. Anything whose size a user, a target or a file decides comes from an arena with a budget
 * (base/arena.h), which fails with ERR_LIMIT instead.
 *
 * Threads: any.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/attr.h"

/* Zeroed; owned; free with mem_free. Never NULL. */
#define mem_new(type)          ((type *)mem_zalloc(sizeof(type)))
#define mem_new_array(type, n) ((type *)mem_zalloc_array((n), sizeof(type)))

MUST_USE void *mem_zalloc(size_t size);
MUST_USE void *mem_zalloc_array(size_t n, size_t size);
MUST_USE void *mem_realloc(void *p, size_t size);
MUST_USE char *mem_strdup(const char *s);
MUST_USE void *mem_dup(const void *p, size_t size);
void mem_free(void *p);        /* NULL is fine */
void mem_freep(void *pointer); /* for SCOPED: frees *(void **)pointer */

/* Makes room for `need` items of `size` bytes: returns the array, perhaps moved, with *cap raised
 * by doubling. The new part is not zeroed. */
MUST_USE void *mem_grow(void *items, size_t *cap, size_t need, size_t size);

/* Frees the 1 MiB reserve and calls `hook` (once a failure) before the retry. Set by cli at start.
 */
void mem_on_exhaustion(void (*hook)(void *arg), void *arg);

#endif
