/* batch: lines of one source on their way into the store, packed into one piece of memory.
 *
 * A batch is stored as a whole, with its mark, or not at all. The mark is what its reader needs to
 * go on behind the last of its lines (positions in files, counts): the store keeps the newest of
 * each source in the transaction that stores the lines, so that a kill at any moment leaves lines
 * and mark that belong together.
 *
 * Threads: one at a time; logstore_append takes a batch over.
 */
#ifndef LOGSTORE_BATCH_H
#define LOGSTORE_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/cursor.h"
#include "base/str.h"

struct logstore_batch;

/* `plain`: the value is JSON as it stands (a number, true, false) and no text. */
struct logstore_field {
    struct str name, value;
    bool plain;
};

struct logstore_line {
    int64_t time_ms;
    uint8_t level;    /* 0 to 7, the graver the higher */
    struct str event; /* n 0: none */
    struct str message;
    const struct logstore_field *fields; /* [fields_n] */
    size_t fields_n;
};

struct logstore_batch *logstore_batch_new(const char *source);
void logstore_batch_free(struct logstore_batch *b); /* NULL is fine */
/* Copied. */
void logstore_batch_add(struct logstore_batch *b, const struct logstore_line *line);
/* Copied. Of two marks of one source the one with the larger serial counts. */
void logstore_batch_mark(struct logstore_batch *b, uint64_t serial, struct str state);
size_t logstore_batch_lines(const struct logstore_batch *b);
size_t logstore_batch_bytes(const struct logstore_batch *b); /* what it takes in memory, about */

/* ---- for the store ---- */

/* A line as it is stored; views into the batch. */
struct packed_line {
    int64_t time_ms;
    uint8_t level;
    struct str event, message, fields;
};

const char *batch_source(const struct logstore_batch *b);
void batch_line(const struct logstore_batch *b, size_t i, struct packed_line *out);
int64_t batch_time(const struct logstore_batch *b, size_t i);
/* False: it has none. */
bool batch_mark(const struct logstore_batch *b, uint64_t *serial, struct str *state);
struct logstore_batch **batch_next(struct logstore_batch *b); /* link of the queue it stands in */

/* Takes one field off the front of packed fields; false: there is none, or what stands there is no
 * field. */
bool packed_field_next(struct cursor *c, struct logstore_field *out);

#endif
