/* db_impl: what db.c and its neighbours (db_sink, db_source, db_disk, cut) share. Not for others.
 *
 * Locks, each a leaf but for head.index_lock before head.data_lock:
 *   queue_lock   guards the queue of commits, jobs for the writer, closing, who is the writer
 *   tick_lock    guards the wake-up flags of sync and upkeep
 *   head's locks see head.h; data_lock guards `blocks`, `generation` and `tombs` too
 *   tombs_lock   one at a time writes the file of the tombstones; held across its I/O
 */
#ifndef TSDB_DB_IMPL_H
#define TSDB_DB_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "model/sink.h"
#include "model/source.h"
#include "tsdb/db.h"
#include "tsdb/exemplar_store.h"
#include "tsdb/head.h"
#include "tsdb/metadata_store.h"
#include "tsdb/retention.h"
#include "tsdb/wal.h"
#include "tsdb/wal_put.h"

#define DB_FUTURE_MS          (INT64_C(10) * 60 * 1000)
#define DB_QUEUE_BYTES_MAX    (UINT64_C(64) << 20)
#define DB_UNLOGGED_BYTES_MAX (UINT64_C(64) << 20)
#define DB_SERIES_MAX         10000000u

/* One of these for each line of db_stats that only counts up. */
struct db_counters {
    atomic_uint_fast64_t written, duplicate, conflict, late, future, limit, unlogged,
        exemplars[EXEMPLAR_OUTCOMES];
    atomic_uint_fast64_t cuts, cut_failures, compactions, compaction_failures, retention_deletes;
    atomic_uint_fast64_t corrupt_blocks, corrupt_tombstones, deletes;
};

/* Work for the writer's thread, between two commits. */
struct block;
struct cache;
struct tombs;
struct tombstone;

struct writer_job {
    void (*run)(struct db *db, void *arg);
    void *arg;
    bool done;
    struct writer_job *next;
};

struct db {
    struct db_settings settings;
    struct fs *fs; /* owned */
    const struct clock *clock;
    struct log *log;
    struct sink sink;
    struct source source;
    struct head head;
    struct metadata_store metadata;
    struct exemplar_store exemplars;
    struct wal *wal;       /* owned */
    struct cache *cache;   /* owned; of the blocks */
    struct block **blocks; /* owned, by time; guarded by head.data_lock */
    size_t blocks_n, blocks_cap;
    char **undeleted; /* owned; files of blocks that are needed no more, but could not be removed;
                       * guarded by upkeep_lock */
    size_t undeleted_n, undeleted_cap;

    /* The writer's: of whoever has set `writing`. */
    struct wal_put put;
    struct head_diff diff;
    struct sink_row *rows; /* owned scratch: a batch's rows with ids of series */
    uint8_t *outcomes;
    size_t rows_cap, outcomes_cap;
    struct sink_exemplar *exemplar_rows; /* owned scratch, as `rows` */
    uint8_t *exemplar_outcomes;
    size_t exemplar_rows_cap, exemplar_outcomes_cap;
    bool log_complained; /* the failure under way was logged */
    int64_t mono_ns;     /* at the batch under way */
    ts_ms wall_ms;       /* when the clocks were compared last: finds steps */
    int64_t clock_mono_ns;

    pthread_mutex_t queue_lock;
    pthread_cond_t queue_wake; /* there is work, or closing */
    pthread_cond_t job_done;
    struct sink_batch *queue, **queue_end;
    uint64_t queue_bytes;
    struct writer_job *jobs;
    bool closing; /* no more commits are taken */
    bool writer_woken;
    bool writing; /* somebody is the writer: its thread, or one within a commit that may wait */

    pthread_mutex_t tick_lock;
    pthread_cond_t tick; /* sync_now, upkeep_now or stop changed */
    pthread_cond_t sync_done;
    bool sync_now, upkeep_now, stop;
    uint64_t syncs_done;

    pthread_t writer, sync, upkeep;
    bool writer_runs, sync_runs, upkeep_runs;

    atomic_bool disk_full;
    atomic_uint_fast64_t disk_size_bytes, disk_avail_bytes; /* 0: not known */
    uint64_t reserve_bytes;
    atomic_uint_fast64_t unlogged_bytes; /* in memory only */
    _Atomic ts_ms unlogged_from, unlogged_to;
    atomic_uint_fast64_t visible_seq;
    atomic_bool told;            /* on_commit was called and visible_seq not read since */
    pthread_mutex_t upkeep_lock; /* one cut or compaction at a time; held across their I/O */
    int64_t snapshots_n;         /* begun; guarded by upkeep_lock */
    uint32_t generation;         /* of the newest block begun; guarded by head.data_lock */
    struct tombs *tombs;         /* referenced; guarded by head.data_lock */
    pthread_mutex_t tombs_lock;  /* guards the two below and the file */
    uint64_t tombs_saved;        /* up to this seq they are in the file */
    bool tombs_rewrite;          /* the file is not what it should be: write it anew */
    size_t tombs_records;        /* in the file */
    bool tombs_torn;             /* the file had no whole end at start */
    uint64_t tombs_dropped_at;   /* upkeep's: what had happened when it looked what is needless */
    atomic_bool seal_wanted;     /* cut everything soon */
    bool cut_failed;             /* upkeep's */
    int64_t cut_failed_ns;
    int64_t merge_failed_ns; /* upkeep's; 0: it did not */
    uint64_t merged_at;      /* upkeep's: cuts + compactions when there was nothing more to merge */
    struct retention retention; /* upkeep's; its limits are set anew before each look */
    atomic_int_fast64_t retention_ms;
    atomic_uint_fast64_t retention_bytes;
    atomic_bool upkeep_cancelled; /* closing */
    struct db_counters counters;
    struct db_stats replayed; /* the part that replay found out */
};

/* db.c */
void db_on_writer(struct db *db, void (*run)(struct db *db, void *arg), void *arg);
void db_wake_sync(struct db *db);
void db_wake_upkeep(struct db *db);
/* Until all that was written before is on the disk, or its sync failed. Not on the sync thread. */
void db_wait_synced(struct db *db);
/* Until the log up to this record is on the disk; false: after a few tries it is not. */
bool db_wait_durable(struct db *db, uint64_t seq);

/* db_sink.c */
void db_sink_init(struct db *db);
void *db_writer_run(void *db);
void db_sink_fini(struct db *db);

/* db_source.c */
void db_source_init(struct db *db);

/* db_blocks.c */
int db_blocks_open(struct db *db, struct err *err);
void db_blocks_close(struct db *db);
bool db_blocks_has(void *db, const char *name, const uint8_t uuid[16]);
/* For the next block; under upkeep_lock. */
uint32_t db_blocks_generation(struct db *db);
void db_blocks_uuid(struct db *db, uint32_t generation, uint8_t uuid[16]);
/* A copy of the list, referenced. */
size_t db_blocks_list(struct db *db, struct block ***out);
void db_blocks_list_free(struct block **list, size_t n);
/* One step for those who select: `in` (NULL: none; its reference goes to the list) takes the place
 * of blocks, which are deleted, and of windows. */
void db_blocks_swap(struct db *db, struct block *in, struct block *const out[], size_t out_n,
                    struct window *const windows[], size_t windows_n);

/* Opens a block that was just written; when that fails it is removed, lest it comes back. */
int db_blocks_open_new(struct db *db, const char *name, struct block **out, struct err *err);
/* Tries again to remove what could not be. True: nothing is left of blocks that went, nor comes
 * back after a power cut. Under upkeep_lock. */
bool db_blocks_gone(struct db *db);

/* db_cut.c */
bool db_window_is_due(const struct db *db, const struct window *w);
void db_clock_look(struct db *db); /* on the writer */
void db_cut_tick(struct db *db);

/* Cuts what is frozen; under upkeep_lock. */
int db_cut_all(struct db *db, const atomic_bool *cancelled, struct err *err);

/* Cuts all of the head; under upkeep_lock. */
int db_seal(struct db *db, const atomic_bool *cancelled, struct err *err);

/* db_snapshot.c */
/* Removes what a snapshot that was not finished left. */
void db_snapshots_clean(struct db *db);

/* db_delete.c */
/* A reference to what is deleted; NULL: nothing is. */
struct tombs *db_tombs(struct db *db);
/* Before the log is read. */
int db_tombs_open(struct db *db, struct err *err);
/* After it, with what only the log knew. */
void db_tombs_replayed(struct db *db, struct tombstone *const deletes[], size_t n);
void db_tombs_tick(struct db *db);

/* db_merge.c */
/* Writes n of the blocks anew as one; under upkeep_lock. */
int db_merge_blocks(struct db *db, struct block *const blocks[], const size_t index[], size_t n,
                    const atomic_bool *cancelled, struct err *err);
/* Compacts while there is something to; under upkeep_lock. */
int db_merge_all(struct db *db, bool force, const atomic_bool *cancelled, struct err *err);
void db_merge_tick(struct db *db);
void db_retention_tick(struct db *db);

/* db_disk.c */
/* Looks how much room there is, for db_stats. May wait for the disk. */
void db_disk_measure(struct db *db);
/* What a failed write means; releases the reserve when the disk is full. */
void db_disk_failed(struct db *db, const struct err *err);
/* Goes on when there is room again. Returns true when it just did. */
bool db_disk_tick(struct db *db);

#endif
