#include "collect/postgres/tuples.h"

#include "base/arena.h"

static struct str copy(struct arena *a, struct str text, struct err *err)
{
    struct str s = arena_str(a, text, err);
    char *p = (char *)s.p;

    if (!p || str_is_utf8(s))
        return s;
    for (size_t i = 0; i < s.n; i++)
        if (p[i] & 0x80)
            p[i] = '?';
    return s;
}

int tuples_add(struct tuples *r, struct arena *a, const struct str cells[], struct err *err)
{
    size_t at = r->n * r->columns_n;
    void *items = r->cells;

    if (arena_grow(a, &items, &r->cap, at + r->columns_n, sizeof *r->cells, err) < 0)
        return -1;
    r->cells = items;
    for (size_t i = 0; i < r->columns_n; i++) {
        r->cells[at + i] = cells[i].p ? copy(a, cells[i], err) : (struct str){NULL, 0};
        if (cells[i].p && !r->cells[at + i].p)
            return -1;
    }
    r->n++;
    return 0;
}
