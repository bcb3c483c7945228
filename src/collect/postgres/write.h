/* write: rows of a query's result as samples, one family a column. */
#ifndef COLLECT_POSTGRES_WRITE_H
#define COLLECT_POSTGRES_WRITE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

struct emit;
struct err;
struct metadata;
struct tuples;

#define WRITE_LABELS_MAX 16

struct write_label {
    const char *name;
    size_t column;
};

struct write_source {
    const struct tuples *rows;
    const bool *keep;  /* [rows->n]; NULL: all */
    struct str server; /* the label of that name; n 0: none */
    struct write_label labels[WRITE_LABELS_MAX];
    size_t labels_n;
    bool null_is_nan; /* else a NULL has no sample */
};

/* What is no number has no sample. */
MUST_USE int write_family(const struct write_source *from, const struct metadata *family,
                          size_t column, struct emit *emit, struct err *err);

#endif
