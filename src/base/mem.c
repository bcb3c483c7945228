#include "base/mem.h"

#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define RESERVE_BYTES (1u << 20)

static _Atomic(void *) reserve;
static void (*_Atomic exhausted)(void *arg);
static _Atomic(void *) exhausted_arg;

void mem_on_exhaustion(void (*hook)(void *arg), void *arg)
{
    void *r = malloc(RESERVE_BYTES);

    atomic_store(&exhausted_arg, arg);
    atomic_store(&exhausted, hook);
    mem_free(atomic_exchange(&reserve, r));
}

/* Second try after the reserve is freed and queries were cancelled; then there is nothing to save.
 */
static void *retry(void *old, size_t size)
{
    static const char text[] = "earshot: out of memory for bookkeeping; ending. Stored data are "
                               "safe; restart, or raise the memory limit.\n";
    void (*hook)(void *) = atomic_load(&exhausted);
    void *p;

    mem_free(atomic_exchange(&reserve, NULL));
    if (hook)
        hook(atomic_load(&exhausted_arg));
    p = realloc(old, size);
    if (!p) {
        ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);

        (void)ignored;
        abort();
    }
    return p;
}

void *mem_zalloc(size_t size)
{
    return mem_zalloc_array(1, size);
}

void *mem_zalloc_array(size_t n, size_t size)
{
    size_t bytes;
    void *p = calloc(n ? n : 1, size ? size : 1);

    if (p)
        return p;
    if (__builtin_mul_overflow(n, size, &bytes))
        abort();
    p = retry(NULL, bytes ? bytes : 1);
    memset(p, 0, bytes);
    return p;
}

void *mem_realloc(void *old, size_t size)
{
    void *p = realloc(old, size ? size : 1);

    return p ? p : retry(old, size ? size : 1);
}

char *mem_strdup(const char *s)
{
    return mem_dup(s, strlen(s) + 1);
}

void *mem_dup(const void *p, size_t size)
{
    void *copy = mem_realloc(NULL, size);

    if (size)
        memcpy(copy, p, size);
    return copy;
}

void mem_free(void *p)
{
    free(p);
}

void mem_freep(void *pointer)
{
    void *p;

    memcpy(&p, pointer, sizeof p);
    free(p);
}

void *mem_grow(void *items, size_t *cap, size_t need, size_t size)
{
    size_t wanted = *cap ? *cap : 8;
    size_t bytes;

    if (need <= *cap)
        return items;
    while (wanted < need)
        wanted *= 2;
    if (__builtin_mul_overflow(wanted, size, &bytes))
        abort();
    items = mem_realloc(items, bytes);
    *cap = wanted;
    return items;
}
