/* segment: one SQLite file of lines, in the order of their times, with an index of their words.
 *
 *   lines    id, source, level, event, message, fields
 *   words    FTS5 without content: the words of message and fields, and keys (below)
 *   sources  id, name, how many lines and from when to when
 *   events   id, name
 *   marks    source, serial, state (batch.h)
 *
 * An id is the time in milliseconds << 20 | the number of the line among all that were stored since
 * the start, modulo 2^20. So the table is sorted by time without an index of its own, and which
 * lines came after others can be told, too (search.h).
 *
 * Keys are words that say where a line comes from, so that the index finds few lines among many:
 * TOKEN_KEY and s<source>, e<event>, or for SEGMENT_LEVEL_INDEXED and above l<level>.
 *
 * Errors:  ERR_CORRUPT: what stands in the file is not what was written. ERR_OS: the disk. After
 *          either in a transaction: roll back.
 * Threads: one at a time; readers have connections of their own (segment_read).
 */
#ifndef LOGSTORE_SEGMENT_H
#define LOGSTORE_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct err;
struct packed_line;
struct segment;
struct sqlite3;

#define SEGMENT_SEQ_BITS      20
#define SEGMENT_SEQ_MASK      ((INT64_C(1) << SEGMENT_SEQ_BITS) - 1)
#define SEGMENT_LEVEL_INDEXED 3

struct segment_info {
    int64_t first_id, last_id; /* without lines: first above last */
    uint64_t lines;
};

/* Makes the file when it is not there; checks it when it is. */
MUST_USE int segment_open(const char *path, struct segment **out, struct err *err);
void segment_close(struct segment *s); /* NULL is fine; what is not committed is dropped */
struct segment_info segment_info(const struct segment *s); /* as committed */

MUST_USE int segment_begin(struct segment *s, struct err *err);
/* *id is the one asked for; where that is taken, it becomes a later one. */
MUST_USE int segment_add(struct segment *s, const char *source, const struct packed_line *line,
                         int64_t *id, struct err *err);
MUST_USE int segment_mark(struct segment *s, const char *source, uint64_t serial, struct str state,
                          struct err *err);
/* Forgets what came since segment_begin. */
MUST_USE int segment_rollback(struct segment *s, struct err *err);
/* On the disk when it returns. */
MUST_USE int segment_commit(struct segment *s, struct err *err);

/* A connection that only reads; sqlite3_close it. ERR_OS with ENOENT: the file is gone. */
MUST_USE int segment_read(const char *path, struct sqlite3 **out, struct err *err);
MUST_USE int segment_read_info(struct sqlite3 *db, struct segment_info *out, struct err *err);
/* Fills err by what SQLite said last. */
#define segment_failed(db, rc, what, err) (segment_put_err((db), (rc), (what), (err)), -1)
void segment_put_err(struct sqlite3 *db, int rc, const char *what, struct err *err);

#endif
