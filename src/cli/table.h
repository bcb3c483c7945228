/* table: rows of text in columns: aligned on a terminal, as CSV elsewhere.
 *
 * Cells are copied. What comes from a target (label values, errors) may hold anything: control
 * characters are shown as \xNN, so that no label drives a terminal.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct table {
    char **cells; /* owned, each too; row by row */
    size_t n, cap, columns;
    unsigned right; /* bit a column: aligned right */
};

void table_init(struct table *t, size_t columns, unsigned right);
void table_fini(struct table *t);
void table_add(struct table *t, struct str cell);
/* The first row is the head. `width` 0: no bound; else the last column is cut. */
void table_print(const struct table *t, size_t width, struct buf *out);
void table_csv(const struct table *t, struct buf *out);

/* Columns of the terminal, 80 when it does not say; 0 when stdout is none. */
size_t table_terminal_width(void);

#endif
