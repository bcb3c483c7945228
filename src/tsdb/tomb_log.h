/* tomb_log: the file that keeps the tombstones of a store: `tombstones` (FORMAT.md, "Tombstones").
 *
 * Only appended to, until it is written anew without what is needed no more. Damage is found by
 * checksum: the good records count, the file as it was found is kept in "bad/".
 *
 * Threads: one at a time. Errors: those of the files; a format newer than ours: ERR_TYPE.
 */
#ifndef TSDB_TOMB_LOG_H
#define TSDB_TOMB_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct err;
struct fs;
struct tombs;

#define TOMB_LOG       "tombstones"
#define TOMB_LOG_MAJOR 0

struct tomb_log_found {
    struct tombs *tombs; /* owned by the caller */
    size_t records;      /* in the file */
    size_t corrupt;      /* stretches of damage */
    bool torn;           /* its end is not whole: what a kill leaves */
};

/* No file: nothing found. Leaves the file alone. */
MUST_USE int tomb_log_read(struct fs *fs, struct tomb_log_found *out, struct err *err);
/* Appends those with a seq above `after`, and syncs. After a failure the end of the file is not
 * known: write it anew. */
MUST_USE int tomb_log_append(struct fs *fs, const struct tombs *t, uint64_t after, struct err *err);
/* Writes all of them to a file of this name, and syncs it. */
MUST_USE int tomb_log_create(struct fs *fs, const char *name, const struct tombs *t,
                             struct err *err);
/* Writes all of them to a new file in the place of the old one. */
MUST_USE int tomb_log_rewrite(struct fs *fs, const struct tombs *t, struct err *err);

#endif
