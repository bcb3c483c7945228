/* replay: puts what the log holds back into the head at start.
 *
 * Every record goes through the same functions of the head that took the samples first, so a sample
 * that is there already is not taken twice. After a hole a pull group is skipped until its next
 * KEY, and a pushed series that did not change until its next written value.
 *
 * Threads: db_open's, before any other runs.
 */
#ifndef TSDB_REPLAY_H
#define TSDB_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "tsdb/wal_read.h"

struct exemplar_store;
struct head;
struct metadata_store;
struct tombs;
struct tombstone;
struct window;

struct replay_series; /* what the log's id stands for now */
struct replay_group;

/* A segment and the windows that have samples in it. */
struct replay_segment {
    char name[64];
    uint32_t number;
    uint64_t bytes;
    uint64_t *windows; /* owned */
    size_t windows_n, windows_cap;
};

struct replay {
    struct wal_handler handler; /* give this to wal_read */
    struct head *head;
    struct metadata_store *metadata;
    struct exemplar_store *exemplars; /* NULL: they are passed over */
    /* Is the block of a CUT record open here, or its successor? */
    bool (*block_is_there)(void *arg, const char *name, const uint8_t uuid[16]);
    void *arg;
    /* Tombstones known already, by seq: applied at their place also when the log lost their
     * records. Borrowed; NULL: none. */
    const struct tombs *tombs;
    size_t tombs_at;
    /* Those that only the log knew, in order; owned. */
    struct tombstone **deletes;
    size_t deletes_n, deletes_cap;

    uint64_t samples;     /* taken */
    uint64_t gap_samples; /* known to be missing after holes */
    uint64_t malformed;   /* records that are good but make no sense */

    struct replay_segment *segments;
    size_t segments_n, segments_cap;
    struct replay_series *series;
    size_t series_n, series_cap;
    struct replay_group *groups;
    size_t groups_n, groups_cap;
    bool times_anew; /* a FREEZE said so, and no record of another kind has come since */
    struct arena scratch;
};

void replay_init(struct replay *r, struct head *head, struct metadata_store *metadata);
void replay_fini(struct replay *r);
/* After the last record: what was deleted later than all the log still has. */
void replay_deletes_end(struct replay *r);

#endif
