#include "base/arena.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#if defined(__SANITIZE_ADDRESS__)
#define ONE_BLOCK_EACH 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ONE_BLOCK_EACH 1
#endif
#endif
#ifndef ONE_BLOCK_EACH
#define ONE_BLOCK_EACH 0
#endif

#define ALIGN           16u
#define SMALL_SHARE     32 /* a child that has more than this part of a shared budget is large */
#define BLOCK_BYTES_MIN 4096u
#define BLOCK_BYTES_MAX (256u << 10)
/* An arena that holds this much takes blocks that malloc maps and unmaps one by one (main sets the
 * threshold), so that what a heavy query held goes back to the system when it ends. */
#define LARGE_BYTES       (1u << 20)
#define LARGE_BLOCK_BYTES (1u << 20)

struct arena_block {
    struct arena_block *older;
    size_t bytes; /* of the whole block, header included */
};
_Static_assert(sizeof(struct arena_block) == ALIGN, "the header keeps payloads aligned");

void budget_init(struct budget *b, const char *name, size_t max_bytes, struct budget *parent)
{
    atomic_init(&b->used_bytes, 0);
    b->max_bytes = max_bytes;
    b->small_bytes = 0;
    b->name = name;
    b->parent = parent;
    atomic_init(&b->cancel, NULL);
}

void budget_init_shared(struct budget *b, const char *name, size_t max_bytes, struct budget *parent)
{
    budget_init(b, name, max_bytes, parent);
    b->small_bytes = max_bytes / SMALL_SHARE;
}

static int used_up(const struct budget *b, struct err *err)
{
    if (b->small_bytes)
        return err_set(err, ERR_BUSY,
                       "%s: more than %zu MiB would be needed; try again when others have ended, "
                       "or ask for less",
                       b->name, b->max_bytes >> 20);
    return err_set(err, ERR_LIMIT, "%s: more than %zu MiB would be needed", b->name,
                   b->max_bytes >> 20);
}

int budget_charge(struct budget *b, size_t bytes, struct err *err)
{
    size_t child_bytes = 0;

    for (struct budget *at = b; at; at = at->parent) {
        bool large = at->small_bytes && child_bytes > at->small_bytes;
        size_t max_bytes = large ? at->max_bytes / 4 * 3 : at->max_bytes;
        const atomic_bool *cancel = atomic_load_explicit(&at->cancel, memory_order_acquire);
        size_t used = atomic_fetch_add_explicit(&at->used_bytes, bytes, memory_order_relaxed);
        int failed = 0;

        if (cancel && atomic_load_explicit(cancel, memory_order_relaxed))
            failed = err_set(err, ERR_CANCELLED, "cancelled");
        else if (used + bytes > max_bytes || used + bytes < used)
            failed = used_up(at, err);
        if (failed) {
            for (struct budget *undo = b;; undo = undo->parent) {
                atomic_fetch_sub_explicit(&undo->used_bytes, bytes, memory_order_relaxed);
                if (undo == at)
                    return -1;
            }
        }
        child_bytes = used + bytes;
    }
    return 0;
}

void budget_return(struct budget *b, size_t bytes)
{
    for (; b; b = b->parent)
        atomic_fetch_sub_explicit(&b->used_bytes, bytes, memory_order_relaxed);
}

void arena_init(struct arena *a, struct budget *budget)
{
    *a = (struct arena){.block_bytes = BLOCK_BYTES_MIN, .budget = budget};
}

void arena_reset(struct arena *a)
{
    struct arena_block *block = a->blocks;

    while (block) {
        struct arena_block *older = block->older;

        free(block);
        block = older;
    }
    if (a->budget)
        budget_return(a->budget, a->total_bytes);
    arena_init(a, a->budget);
}

void arena_fini(struct arena *a)
{
    arena_reset(a);
}

void arena_join(struct arena *into, struct arena *from)
{
    struct arena_block *oldest = from->blocks;

    assert(into->budget == from->budget);
    if (!oldest)
        return;
    while (oldest->older)
        oldest = oldest->older;
    /* Behind the newest block of `into`, whose free part stays in use. */
    if (into->blocks) {
        oldest->older = into->blocks->older;
        into->blocks->older = from->blocks;
    } else {
        into->blocks = from->blocks;
    }
    into->total_bytes += from->total_bytes;
    arena_init(from, from->budget);
}

static struct arena_block *block_new(struct arena *a, size_t payload, struct err *err)
{
    size_t bytes;
    struct arena_block *block;

    if (__builtin_add_overflow(payload, sizeof *block, &bytes)) {
        (void)err_set(err, ERR_LIMIT, "an allocation of %zu bytes is out of range", payload);
        return NULL;
    }
    if (a->budget && budget_charge(a->budget, bytes, err) < 0)
        return NULL;
    block = malloc(bytes);
    if (!block) {
        if (a->budget)
            budget_return(a->budget, bytes);
        (void)err_set(err, ERR_NOMEM, "no memory for %zu bytes", bytes);
        return NULL;
    }
    block->bytes = bytes;
    a->total_bytes += bytes;
    return block;
}

void *arena_alloc(struct arena *a, size_t size, struct err *err)
{
    size_t rounded;
    struct arena_block *block;
    char *p;

    if (size == 0)
        size = 1; /* a fresh arena has no block whose end could be the pointer */
    if (__builtin_add_overflow(size, ALIGN - 1, &rounded)) {
        (void)err_set(err, ERR_LIMIT, "an allocation of %zu bytes is out of range", size);
        return NULL;
    }
    rounded &= ~(size_t)(ALIGN - 1);
    if (!rounded)
        rounded = ALIGN; /* a pointer of its own, in the first block too */
    if (!ONE_BLOCK_EACH && rounded <= a->left) {
        p = a->next;
        a->next += rounded;
        a->left -= rounded;
        return p;
    }
    if (ONE_BLOCK_EACH || rounded > a->block_bytes / 4) {
        /* A block of its own, kept behind the newest so that the newest's free part stays in use.
         * Under ASan exactly the bytes asked for, so that the first byte past them is poisoned. */
        block = block_new(a, ONE_BLOCK_EACH ? size : rounded, err);
        if (!block)
            return NULL;
        if (a->blocks) {
            block->older = a->blocks->older;
            a->blocks->older = block;
        } else {
            block->older = NULL;
            a->blocks = block;
        }
        return block + 1;
    }
    block = block_new(a, a->block_bytes - sizeof *block, err);
    if (!block)
        return NULL;
    block->older = a->blocks;
    a->blocks = block;
    p = (char *)(block + 1);
    a->next = p + rounded;
    a->left = a->block_bytes - sizeof *block - rounded;
    if (a->block_bytes < BLOCK_BYTES_MAX)
        a->block_bytes *= 2;
    else if (a->total_bytes >= LARGE_BYTES)
        a->block_bytes = LARGE_BLOCK_BYTES;
    return p;
}

void *arena_zalloc_array(struct arena *a, size_t n, size_t size, struct err *err)
{
    size_t bytes;
    void *p;

    if (__builtin_mul_overflow(n, size, &bytes)) {
        (void)err_set(err, ERR_LIMIT, "an array of %zu items is out of range", n);
        return NULL;
    }
    p = arena_alloc(a, bytes, err);
    if (p)
        memset(p, 0, bytes);
    return p;
}

struct str arena_str(struct arena *a, struct str s, struct err *err)
{
    char *p = arena_cstr(a, s, err);

    return (struct str){p, p ? s.n : 0};
}

char *arena_cstr(struct arena *a, struct str s, struct err *err)
{
    char *p = arena_alloc(a, s.n + 1, err);

    if (!p)
        return NULL;
    if (s.n)
        memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return p;
}

char *arena_printf(struct arena *a, struct err *err, const char *fmt, ...)
{
    va_list args, again;
    char *p = NULL;
    int n;

    va_start(args, fmt);
    va_copy(again, args);
    n = vsnprintf(NULL, 0, fmt, args);
    if (n >= 0)
        p = arena_alloc(a, (size_t)n + 1, err);
    if (p)
        (void)vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    va_end(args);
    return p;
}

int arena_grow(struct arena *a, void **items, size_t *cap, size_t need, size_t size,
               struct err *err)
{
    size_t wanted = *cap ? *cap : 8;
    size_t bytes;
    void *p;

    if (need <= *cap)
        return 0;
    while (wanted < need)
        if (__builtin_mul_overflow(wanted, 2, &wanted))
            return err_set(err, ERR_LIMIT, "an array of %zu items is out of range", need);
    if (__builtin_mul_overflow(wanted, size, &bytes))
        return err_set(err, ERR_LIMIT, "an array of %zu items is out of range", need);
    p = arena_alloc(a, bytes, err);
    if (!p)
        return -1;
    if (*cap)
        memcpy(p, *items, *cap * size);
    *items = p;
    *cap = wanted;
    return 0;
}
