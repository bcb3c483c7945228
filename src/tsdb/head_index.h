/* head_index: which series of the head carry a label: posting lists in memory.
 *
 * For each label pair the ascending ids of the series that have it. A select takes the shortest
 * list it can name without a scan and filters it by the labels themselves; a regular expression
 * walks the values of its name only when there is nothing better.
 *
 * Ownership: copies the text of labels once a pair.
 * Threads: guarded by the head's index_lock.
 */
#ifndef TSDB_HEAD_INDEX_H
#define TSDB_HEAD_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/map.h"
#include "base/str.h"

struct arena;
struct err;
struct labels;
struct matcher;

struct head_index {
    struct map names;
    struct map pairs; /* every (name, value) */
    size_t bytes;
};

void head_index_init(struct head_index *ix);
void head_index_fini(struct head_index *ix);
void head_index_add(struct head_index *ix, uint32_t id, const struct labels *ls);

/* Ids that match, ascending. labels_of gives the labels of an id. */
typedef const struct labels *(*head_index_labels)(void *arg, uint32_t id);
MUST_USE int head_index_select(const struct head_index *ix, struct arena *a,
                               const struct matcher *matchers, size_t n,
                               head_index_labels labels_of, void *arg, uint32_t **out,
                               size_t *out_n, struct err *err);

/* Sorted. */
MUST_USE int head_index_names(const struct head_index *ix, struct arena *a, struct str **out,
                              size_t *n, struct err *err);
MUST_USE int head_index_values(const struct head_index *ix, struct arena *a, struct str name,
                               struct str **out, size_t *n, struct err *err);

#endif
