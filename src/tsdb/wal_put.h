/* wal_put: what a commit looks like in the log.
 *
 * Ids in the log are those of the head. A segment defines each id before it uses it (SERIES,
 * LAYOUT), so segments can go one by one. Values that did not change are not written again; so
 * that a lost record cannot make later values wrong, a pull group writes all of its values (KEY)
 * first in each segment and every 64 commits, and a pushed series its value at its first sample of
 * each *epoch*, which is a segment or about 64 samples a series.
 *
 * Threads: the writer, under index_lock (read).
 */
#ifndef TSDB_WAL_PUT_H
#define TSDB_WAL_PUT_H

#include <stddef.h>
#include <stdint.h>

#include "model/sink.h"

struct head;
struct head_diff;
struct metadata;
struct pull;
struct tombstone;
struct wal;
struct window;

struct wal_put {
    uint32_t segment; /* being written to */
    uint32_t epoch;
    uint64_t rows, explicit_rows; /* in this epoch */
    uint32_t *ids;                /* owned scratch */
    size_t ids_cap;
};

void wal_put_init(struct wal_put *p);
void wal_put_fini(struct wal_put *p);
/* wal_prepare's answer: what was said before counts no more when the segment is another. */
void wal_put_segment(struct wal_put *p, uint32_t segment);

void wal_put_column(struct wal_put *p, struct wal *w, struct head *h, struct pull *g,
                    const struct sink_batch *b, const struct head_diff *d);
/* Of the rows those whose outcome is SINK_OK. */
void wal_put_rows(struct wal_put *p, struct wal *w, struct head *h, const struct sink_row *rows,
                  const uint8_t *outcomes, size_t n);
/* Of the exemplars (with ids of series) those whose outcome is 0. */
void wal_put_exemplars(struct wal_put *p, struct wal *w, struct head *h,
                       const struct sink_exemplar *items, const uint8_t *outcomes, size_t n);
void wal_put_metadata(struct wal *w, const struct metadata *items, size_t n);
/* `reset`: the clock stepped back, columns before the group's last time are columns again. */
void wal_put_freeze(struct wal *w, const struct window *window, bool reset);
/* The window is in the block of this name and uuid ("": it held nothing). */
void wal_put_cut(struct wal *w, uint64_t window, const char *block, const uint8_t uuid[16]);
void wal_put_delete(struct wal *w, const struct tombstone *t);

#endif
