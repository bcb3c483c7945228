/* pages: a sparse array of u32 by a dense id, in pages of 256; 0 means "nothing there".
 *
 * The head keeps several of them a window (series -> stream): a window that holds few of the
 * head's series costs little.
 *
 * Threads: none of its own.
 */
#ifndef TSDB_PAGES_H
#define TSDB_PAGES_H

#include <stddef.h>
#include <stdint.h>

#define PAGES_SHIFT 8
#define PAGES_ITEMS (1u << PAGES_SHIFT)

struct pages {
    uint32_t **page; /* owned; NULL: all nothing */
    size_t n;
    size_t bytes;
};

static inline uint32_t pages_get(const struct pages *p, uint32_t i)
{
    size_t k = i >> PAGES_SHIFT;

    return k < p->n && p->page[k] ? p->page[k][i & (PAGES_ITEMS - 1)] : 0;
}

void pages_set(struct pages *p, uint32_t i, uint32_t v);
void pages_fini(struct pages *p);

#endif
