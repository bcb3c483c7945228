/* logstore: the lines of logs, kept for a time and searched. The folder's entry header.
 *
 * Lines stand in a row of SQLite files (segment.h), each of a day or a part of the room at most, so
 * that to forget the oldest is to delete a file. One thread writes them ("logs"), in transactions
 * of what has come meanwhile; searches read beside it (search.h).
 *
 * A file that is damaged is moved aside (".damaged") with a line in the log and a metric, and
 * another is begun; a disk that takes nothing loses the lines, and that is counted. Neither stops
 * anybody.
 *
 * Threads: any. logstore_append waits while more than LOGSTORE_QUEUE_BYTES are on their way.
 */
#ifndef LOGSTORE_LOGSTORE_H
#define LOGSTORE_LOGSTORE_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"
#include "logstore/batch.h"

struct clock;
struct log;
struct logstore;

#define LOGSTORE_QUEUE_BYTES (4u << 20)

struct logstore_context {
    const char *folder; /* of its own; made when the first line comes */
    const struct clock *clock;
    struct log *log;
    int64_t retention_ms;         /* 0: unlimited, as the next */
    uint64_t retention_bytes;     /* of all files; the one that is written may be above it */
    void (*on_commit)(void *arg); /* from the thread that writes; NULL: nobody asks */
    void *on_commit_arg;
};

struct logstore_stats {
    uint64_t stored_lines;  /* since the start, as the next */
    uint64_t dropped_lines; /* the disk did not take them */
    uint64_t damaged_files; /* moved aside */
    uint64_t deleted_files; /* by retention */
    uint64_t lines, bytes;  /* that there are */
    size_t files;
    double oldest_seconds; /* Unix time of the oldest line; 0: there is none */
};

struct logstore *logstore_new(const struct logstore_context *context);
/* Writes what has been handed over. No other call is under way or comes; NULL is fine. */
void logstore_close(struct logstore *s);
void logstore_set_retention(struct logstore *s, int64_t ms, uint64_t bytes);
struct logstore_stats logstore_stats(struct logstore *s);

/* Takes the batch over; returns its number. */
uint64_t logstore_append(struct logstore *s, struct logstore_batch *b);
/* Until that batch, and all before it, are on the disk or counted as dropped. */
void logstore_wait(struct logstore *s, uint64_t number);
/* Of what has been handed over so far the newest mark of a source, once that is on the disk:
 * *serial 0 and no text when there is none. */
void logstore_mark(struct logstore *s, const char *source, uint64_t *serial, struct buf *state);

#endif
