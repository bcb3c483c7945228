#include "tsdb/pages.h"

#include <string.h>

#include "base/mem.h"

void pages_set(struct pages *p, uint32_t i, uint32_t v)
{
    size_t k = i >> PAGES_SHIFT;

    if (k >= p->n) {
        size_t n = k + 1 + k / 2;

        if (!v)
            return;
        p->page = mem_realloc(p->page, n * sizeof(void *));
        memset(p->page + p->n, 0, (n - p->n) * sizeof(void *));
        p->bytes += (n - p->n) * sizeof(void *);
        p->n = n;
    }
    if (!p->page[k]) {
        if (!v)
            return;
        p->page[k] = mem_new_array(uint32_t, PAGES_ITEMS);
        p->bytes += PAGES_ITEMS * sizeof(uint32_t);
    }
    p->page[k][i & (PAGES_ITEMS - 1)] = v;
}

void pages_fini(struct pages *p)
{
    for (size_t k = 0; k < p->n; k++)
        mem_free(p->page[k]);
    mem_free(p->page);
    *p = (struct pages){0};
}
