/* labels: a label set, immutable, in one flat blob.
 *
 *   struct labels | (name_end u32, value_end u32) x n | name0 value0 name1 value1 ...
 *
 * Names are unique and in byte order; no value is empty (an empty value means "no such label").
 * The metric name is the label "__name__". The blob has no pointers: it can be copied with memcpy
 * (labels_size bytes), compared bytewise and put on disk field by field.
 *
 * Ownership: whoever holds the memory the blob was built in (an arena, or the heap by labels_dup).
 * Threads: immutable, so any.
 */
#ifndef MODEL_LABELS_H
#define MODEL_LABELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct arena;
struct err;

#define LABEL_NAME "__name__" /* the metric's name */

/* Longest whole label set taken anywhere; names and values are bounded by collectors further. */
#define LABELS_BYTES_MAX (1u << 20)

struct label {
    struct str name, value;
};

struct labels {
    uint64_t hash;  /* of the bytes after this struct; in memory only */
    uint32_t bytes; /* of the whole blob */
    uint32_t n;     /* labels */
};

extern const struct labels labels_empty;

/* Sorts (in place), drops empty values, refuses a name given twice (ERR_SYNTAX) and a set that is
 * too large (ERR_LIMIT). */
MUST_USE int labels_build(struct arena *a, struct label pairs[], size_t n,
                          const struct labels **out, struct err *err);
/* The same for pairs known to be sorted, unique and non-empty: only checks the size. */
MUST_USE int labels_build_sorted(struct arena *a, const struct label pairs[], size_t n,
                                 const struct labels **out, struct err *err);
MUST_USE struct labels *labels_dup(const struct labels *ls); /* heap; mem_free */

static inline size_t labels_size(const struct labels *ls)
{
    return ls->bytes;
}

struct label labels_at(const struct labels *ls, size_t i); /* i < ls->n */
/* Empty string when there is no such label. */
struct str labels_get(const struct labels *ls, struct str name);
bool labels_equal(const struct labels *a, const struct labels *b);
/* The order Prometheus sorts series in: name by name, value by value, shorter set first. */
int labels_compare(const struct labels *a, const struct labels *b);

/* A new set without / with only the names listed (need not be sorted); `ls` itself when nothing
 * changes. __name__ is a name like any other. */
MUST_USE int labels_without(struct arena *a, const struct labels *ls, const struct str names[],
                            size_t n, const struct labels **out, struct err *err);
MUST_USE int labels_only(struct arena *a, const struct labels *ls, const struct str names[],
                         size_t n, const struct labels **out, struct err *err);
/* A new set with one label set or replaced; an empty value removes it. */
MUST_USE int labels_with(struct arena *a, const struct labels *ls, struct str name,
                         struct str value, const struct labels **out, struct err *err);

/* name{a="b", c="d"} as Prometheus prints it, values escaped, names quoted when not legacy. */
void labels_print(const struct labels *ls, struct buf *out);

/* [a-zA-Z_:][a-zA-Z0-9_:]* and [a-zA-Z_][a-zA-Z0-9_]* */
bool name_is_legacy_metric(struct str s);
bool name_is_legacy_label(struct str s);

/* Walks all invariants of a blob of `size` bytes that came from outside (a file): counts, ends,
 * order, uniqueness, no empty value. Does not look at hash. */
bool labels_check(const struct labels *ls, size_t size);

#endif
