/* wal: writes the log. Records are assembled in a buffer, then written at once by wal_write.
 *
 *   wal/<ingest window>-<number>.log    64 MiB each, or less after a cut
 *   wal/synced                          marks: up to which record the log was on the disk
 *
 * A write that fails leaves nothing: the file is cut back; when that fails too it is left behind
 * and the next segment says which record was the last good one. A failed fsync is never tried again
 * on the same file: what was written since the last good one is kept in memory and written to a new
 * segment.
 *
 * Segments remember which windows of the head have samples in them and go when all those are cut.
 *
 * Threads: the writer calls everything but wal_sync (the sync thread). The lock guards what both
 * touch and is not held across I/O.
 */
#ifndef TSDB_WAL_H
#define TSDB_WAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/str.h"
#include "tsdb/wal_record.h"

struct err;
struct fs;
struct wal;

#define WAL_FOLDER         "wal"
#define WAL_MARKS          "wal/synced"
#define WAL_SEGMENT_BYTES  (64u << 20)
#define WAL_UNSYNCED_BYTES (8u << 20)
/* In the place of a window: the segment holds deletes that stand nowhere else yet. */
#define WAL_DELETES UINT64_MAX

/* Where the log goes on after what was found at start. */
struct wal_place {
    uint64_t seq;    /* of the last good record */
    uint32_t number; /* of the newest segment */
};

struct wal *wal_new(struct fs *fs, const struct clock *clock, const struct wal_place *place);
/* Closes the files; wal_sync before it. */
void wal_free(struct wal *w);
/* A segment found at start, with the windows that have samples in it; oldest first. */
void wal_adopt(struct wal *w, const char *name, uint32_t number, uint64_t bytes,
               const uint64_t *windows, size_t windows_n);

/* Makes sure of a segment to write to; its number tells what is defined in it already. Waits when
 * too much is not on the disk yet. */
MUST_USE int wal_prepare(struct wal *w, uint32_t *segment, struct err *err);
/* The buffer of the record that is being assembled. */
struct buf *wal_begin(struct wal *w);
void wal_end(struct wal *w, enum wal_type type, uint32_t group);
uint64_t wal_next_seq(const struct wal *w); /* of the next record assembled */
/* Writes what was assembled, all or nothing. On failure it is forgotten. */
MUST_USE int wal_write(struct wal *w, struct err *err);
void wal_forget(struct wal *w); /* what was assembled */
/* The current segment has samples of this window. */
void wal_touch(struct wal *w, uint64_t window);
/* The window is in a block, or gone: segments that held nothing else are removed. */
void wal_release(struct wal *w, uint64_t window);
/* The next record goes to a new segment. */
void wal_rotate(struct wal *w);
/* The number of the oldest segment that is left; 0: none. The writer's. */
uint32_t wal_oldest(const struct wal *w);

/* The i-th segment's file, oldest first; NULL: there are not so many. The writer's. */
const char *wal_segment_name(const struct wal *w, size_t i);

/* Is there anything to sync? */
bool wal_is_dirty(struct wal *w);
size_t wal_unsynced(struct wal *w); /* bytes */
/* On the sync thread. After a failure the writer opens a new segment at its next wal_prepare. */
MUST_USE int wal_sync(struct wal *w, struct err *err);
/* The last wal_sync failed and what it covered waits to be written again. */
bool wal_needs_rewrite(struct wal *w);

/* Appends a mark of WAL_MARKS: up to this record the log is on the disk. */
void wal_put_mark(struct buf *b, uint64_t seq);

struct wal_stats {
    uint64_t records, syncs, sync_failures, write_failures, bytes, segments;
    uint64_t last_seq, synced_seq;
    bool failed; /* the last write or sync did */
};
struct wal_stats wal_stats(struct wal *w);

/* wal/<window>-<number>.log; false: not a name of ours. */
bool wal_name_parse(const char *name, ts_ms *window, uint32_t *number);

#endif
