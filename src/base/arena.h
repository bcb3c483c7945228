/* arena: memory that is freed in one stroke, under a budget.
 *
 * One arena per query, scrape, HTTP request and config load; what must outlive it is copied out.
 * Every arena draws from a `struct budget`; budgets may have a parent, so that all arenas together
 * stay under one process-wide bound. When either is used up, allocation fails with ERR_LIMIT.
 *
 * Where many draw from one parent, the large ones must not starve the small: the last quarter of a
 * shared budget is kept for children that are not large, and it fails with ERR_BUSY.
 *
 * Under AddressSanitizer each allocation is its own malloc, so that overruns do not hide.
 *
 * Threads: an arena belongs to one thread at a time; a budget is shared (atomic).
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct err;

struct budget {
    atomic_size_t used_bytes;
    size_t max_bytes;
    size_t small_bytes;    /* shared: a child that has more than this is large; 0: not shared */
    const char *name;      /* for the message: "query memory" */
    struct budget *parent; /* NULL: none */
    _Atomic(const atomic_bool *) cancel; /* when set and true, charging fails with ERR_CANCELLED */
};

void budget_init(struct budget *b, const char *name, size_t max_bytes, struct budget *parent);
/* Of many children that come and go, for which `name` speaks: "all queries together". */
void budget_init_shared(struct budget *b, const char *name, size_t max_bytes,
                        struct budget *parent);
/* Charges b and its parents, or none of them. */
MUST_USE int budget_charge(struct budget *b, size_t bytes, struct err *err);
void budget_return(struct budget *b, size_t bytes);

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
    char *next;                 /* free part of the newest block */
    size_t left;
    size_t total_bytes; /* charged to the budget */
    size_t block_bytes; /* size of the next block; doubles up to 256 KiB, 1 MiB in large arenas */
    struct budget *budget;
};

/* `budget` may be NULL only in tests and for text whose size is bounded elsewhere. */
void arena_init(struct arena *a, struct budget *budget);
/* Frees everything; the arena is empty and usable afterwards. */
void arena_reset(struct arena *a);
void arena_fini(struct arena *a);
/* Moves all that `from` holds into `into`; `from` is empty after. Both draw on the same budget. */
void arena_join(struct arena *into, struct arena *from);

/* 16-byte aligned, not zeroed; NULL with ERR_LIMIT (or ERR_NOMEM). size 0 gives a valid pointer. */
MUST_USE void *arena_alloc(struct arena *a, size_t size, struct err *err);
/* Zeroed; checks n * size for overflow. */
MUST_USE void *arena_zalloc_array(struct arena *a, size_t n, size_t size, struct err *err);
/* Copies; the result also ends in a NUL that is not counted. p NULL on failure. */
MUST_USE struct str arena_str(struct arena *a, struct str s, struct err *err);
MUST_USE char *arena_cstr(struct arena *a, struct str s, struct err *err);
MUST_USE char *arena_printf(struct arena *a, struct err *err, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* As mem_grow, but from the arena: the old array stays behind until the arena ends. -1 on failure,
 * then *items and *cap are untouched. */
MUST_USE int arena_grow(struct arena *a, void **items, size_t *cap, size_t need, size_t size,
                        struct err *err);

#define arena_new(a, type, err)          ((type *)arena_zalloc_array((a), 1, sizeof(type), (err)))
#define arena_new_array(a, type, n, err) ((type *)arena_zalloc_array((a), (n), sizeof(type), (err)))

#endif
