/* wal_read: reads the log at start: each good record once, in order, and what is missing.
 *
 * Records count without gaps. A gap before what was synced is damage; after it, it is what a kill
 * or a power cut leaves. Damaged bytes are copied to "bad/" and reading goes on at the next good
 * record; the handler is told, since records after a gap may lean on ones in it.
 *
 * Threads: none of its own. Errors: a format newer than ours (ERR_TYPE), or the folder cannot be
 * listed. Nothing else refuses.
 */
#ifndef TSDB_WAL_READ_H
#define TSDB_WAL_READ_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/clock.h"
#include "tsdb/wal.h"

struct cursor;
struct err;
struct fs;
struct log;

struct wal_handler {
    void (*segment)(struct wal_handler *h, const char *name, uint32_t number, uint64_t bytes);
    void (*record)(struct wal_handler *h, const struct wal_header *header, struct cursor *payload);
    void (*hole)(struct wal_handler *h); /* records are missing here */
};

struct wal_found {
    struct wal_place place; /* where to go on */
    uint64_t records, bytes;
    uint64_t torn_tails;   /* unsynced ends that a kill or power cut left */
    uint64_t corrupt;      /* stretches of damage */
    uint64_t lost_records; /* in them, as far as known */
};

/* The newest number of a segment, 0: none. */
MUST_USE int wal_newest(struct fs *fs, uint32_t *number, struct err *err);
MUST_USE int wal_read(struct fs *fs, struct log *log, struct wal_handler *h,
                      struct wal_found *found, struct err *err);

#endif
