/* db: the time-series store of one data directory: head, write-ahead log, blocks, retention.
 *
 * The folder's entry header. Samples go in through db_sink (model/sink.h) and come out through
 * db_source (model/source.h); everything else is housekeeping. FORMAT.md says what is on disk.
 *
 * Threads the store runs itself: writer (head and WAL), sync (fdatasync), upkeep (cut, compaction,
 * retention). db_open replays on the calling thread.
 */
#ifndef TSDB_DB_H
#define TSDB_DB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/str.h"
#include "model/metadata.h"

struct arena;
struct budget;
struct db;
struct err;
struct fs;
struct log;
struct sink;
struct source;
struct source_selector;

struct db_settings {
    struct fs *fs; /* owned by the db from db_open's success on */
    const struct clock *clock;
    struct log *log;
    struct budget *budget;    /* process-wide */
    int64_t retention_ms;     /* 0: unlimited */
    uint64_t retention_bytes; /* 0: unlimited */
    int64_t late_window_ms;   /* -1: unlimited, future samples are taken then too */
    size_t head_series_max;   /* at most 10,000,000, which 0 means too */
    size_t exemplars_max;     /* 0: none is stored */
    bool sync_each_commit;
    /* On the writer, after commits became visible; not again until db_visible_seq was read. NULL:
     * nobody listens. It posts a message, no more. */
    void (*on_commit)(void *arg);
    void *on_commit_arg;
};

/* Never refuses for damage: what is bad is moved aside ("bad/"), counted and reported. Refuses
 * (exit 3 of the program) for a format newer than ours. */
MUST_USE int db_open(const struct db_settings *settings, struct db **out, struct err *err);
/* Ends the threads after all commits handed in are written and synced. Before it: http drained,
 * collectors stopped, loop stopped, lanes freed (all sets freed, all groups closed). After it: the
 * last `done` messages are posted, so drain the loop once more. */
void db_close(struct db *db);

/* Other limits than those of the settings, from here on; 0: unlimited. Any thread. */
void db_set_retention(struct db *db, int64_t ms, uint64_t bytes);
struct sink *db_sink(struct db *db);
struct source *db_source(struct db *db);

/* Seals the head, compacts, and returns when done: admin API. Blocking: call from LANE_UPKEEP. */
MUST_USE int db_compact(struct db *db, const atomic_bool *cancelled, struct err *err);

/* Deletes the samples there are in [mint, maxt] (inclusive) of the series that match any of n
 * selectors (whose matchers do not all match the empty string). What is written later stays,
 * whatever its time. On 0 they are gone for every select from now on, also after a kill or power
 * cut; on an error perhaps. Blocking: LANE_UPKEEP. */
MUST_USE int db_delete(struct db *db, const struct source_selector *selectors, size_t n, ts_ms mint,
                       ts_ms maxt, struct err *err);
/* Writes the blocks that hold deleted samples anew without them. Blocking: LANE_UPKEEP. */
MUST_USE int db_clean_tombstones(struct db *db, const atomic_bool *cancelled, struct err *err);

#define DB_SNAPSHOT_NAME 64
/* Makes a copy of the store as it is now under <data>/snapshots/, by hard links: all samples whose
 * commit was answered, or only those in blocks. `name` is that of its folder. Blocking:
 * LANE_UPKEEP. */
MUST_USE int db_snapshot(struct db *db, bool skip_head, const atomic_bool *cancelled,
                         char name[DB_SNAPSHOT_NAME], struct err *err);

/* Rises with each commit that became visible. Any thread. */
uint64_t db_visible_seq(struct db *db);

/* Metadata of families seen since start or in the WAL; family "" : all. Sorted by family. */
MUST_USE int db_metadata(struct db *db, struct arena *a, struct str family, struct metadata **out,
                         size_t *n, struct err *err);

/* What a sealed block is and holds; `ulid` is its UUID in Crockford's letters. */
struct db_block {
    char ulid[27];
    ts_ms mint, maxt; /* of its samples, inclusive */
    uint64_t samples, series;
    bool compacted; /* made from other blocks */
};
/* Those there are, by time. Any thread. */
MUST_USE int db_blocks(struct db *db, struct arena *a, struct db_block **out, size_t *n,
                       struct err *err);

struct db_stats {
    uint64_t head_series, head_series_max, head_groups, head_samples, head_bytes;
    ts_ms head_min_ts, head_max_ts; /* head_min_ts > head_max_ts: empty */
    uint64_t blocks, block_bytes, wal_bytes, wal_segments;
    ts_ms oldest_ts;
    uint64_t samples_written, samples_duplicate, samples_conflict, samples_late, samples_future,
        samples_limit, samples_unlogged;
    uint64_t exemplars, exemplar_series, exemplar_bytes; /* stored now */
    ts_ms exemplars_oldest_ts;                           /* 0: none is stored */
    uint64_t exemplars_written, exemplars_duplicate, exemplars_out_of_order, exemplars_too_long,
        exemplars_off;
    uint64_t wal_records, wal_syncs, wal_sync_failures, wal_write_failures;
    uint64_t replay_records, replay_samples, replay_ms;
    uint64_t torn_tails; /* not damage: what a kill or a power cut leaves */
    uint64_t corrupt_records, corrupt_blocks, corrupt_pages, corrupt_tombstones; /* damage found */
    uint64_t tombstones;  /* deletes that are applied when samples are read */
    uint64_t deletes;     /* tombstones made */
    uint64_t gap_samples; /* samples a damaged log could not give back, as far as known */
    uint64_t cuts, cut_failures, compactions, compaction_failures, retention_deletes;
    uint64_t disk_size_bytes, disk_avail_bytes; /* where the data are; to us, not to root */
    bool disk_full;
    bool log_error; /* the last log write or sync failed */
};
struct db_stats db_stats(struct db *db);

#endif
