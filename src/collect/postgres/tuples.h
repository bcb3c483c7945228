/* tuples: what a query gave, kept until it has been written family by family.
 *
 * Cells are text, row by row, p NULL for NULL; text that is not UTF-8 (a database of SQL_ASCII may
 * hold any bytes) gets '?' for each byte that is none.
 *
 * Ownership: an arena. Threads: one at a time.
 */
#ifndef COLLECT_POSTGRES_TUPLES_H
#define COLLECT_POSTGRES_TUPLES_H

#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

struct arena;
struct err;

struct tuples_column {
    const char *name;
    unsigned type; /* OID */
};

struct tuples {
    struct tuples_column *columns; /* [columns_n]; of the first answer */
    size_t columns_n;
    struct str *cells; /* [n * columns_n] */
    size_t n, cap;     /* cap in cells */
};

/* Copies columns_n cells into `a`. */
MUST_USE int tuples_add(struct tuples *r, struct arena *a, const struct str cells[],
                        struct err *err);

static inline const struct str *tuples_at(const struct tuples *r, size_t row)
{
    return &r->cells[row * r->columns_n];
}

#endif
