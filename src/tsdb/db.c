#include "tsdb/db.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "sys/fs.h"
#include "sys/thread.h"
#include "tsdb/block.h"
#include "tsdb/db_impl.h"
#include "tsdb/replay.h"
#include "tsdb/tomb.h"

#define SYNC_EVERY_MS   1000
#define MEASURE_EVERY   10 /* of these */
#define UPKEEP_EVERY_MS 500

struct sink *db_sink(struct db *db)
{
    return &db->sink;
}

struct source *db_source(struct db *db)
{
    return &db->source;
}

uint64_t db_visible_seq(struct db *db)
{
    atomic_store(&db->told, false);
    return atomic_load(&db->visible_seq);
}

/* ---- threads ---- */

static void wait_tick(struct db *db, bool *flag, int ms)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    while (!*flag && !db->stop)
        if (pthread_cond_timedwait(&db->tick, &db->tick_lock, &until) == ETIMEDOUT)
            break;
    *flag = false;
}

static void raise_flag(struct db *db, bool *flag)
{
    pthread_mutex_lock(&db->tick_lock);
    *flag = true;
    pthread_cond_broadcast(&db->tick);
    pthread_mutex_unlock(&db->tick_lock);
}

void db_wake_sync(struct db *db)
{
    raise_flag(db, &db->sync_now);
}

void db_wake_upkeep(struct db *db)
{
    raise_flag(db, &db->upkeep_now);
}

static void wake_writer(struct db *db)
{
    pthread_mutex_lock(&db->queue_lock);
    db->writer_woken = true;
    pthread_cond_signal(&db->queue_wake);
    pthread_mutex_unlock(&db->queue_lock);
}

void db_on_writer(struct db *db, void (*run)(struct db *db, void *arg), void *arg)
{
    struct writer_job job = {.run = run, .arg = arg};

    pthread_mutex_lock(&db->queue_lock);
    job.next = db->jobs;
    db->jobs = &job;
    pthread_cond_signal(&db->queue_wake);
    while (!job.done)
        pthread_cond_wait(&db->job_done, &db->queue_lock);
    pthread_mutex_unlock(&db->queue_lock);
}

static void sync_once(struct db *db)
{
    struct err err;

    if (!wal_is_dirty(db->wal))
        return;
    if (wal_sync(db->wal, &err) < 0) {
        log_error(
            db->log, "tsdb",
            "%s; what was written since the last good sync is written again to a new log file",
            err.text);
        wake_writer(db);
    }
}

static void *sync_run(void *arg)
{
    struct db *db = arg;
    unsigned tick = 0;
    bool stop;

    do {
        pthread_mutex_lock(&db->tick_lock);
        wait_tick(db, &db->sync_now, SYNC_EVERY_MS);
        stop = db->stop;
        pthread_mutex_unlock(&db->tick_lock);
        sync_once(db);
        if (++tick % MEASURE_EVERY == 0)
            db_disk_measure(db);
        if (!stop && db_disk_tick(db) && atomic_load(&db->unlogged_bytes))
            atomic_store(&db->seal_wanted, true); /* a block makes them safe */
        pthread_mutex_lock(&db->tick_lock);
        db->syncs_done++;
        pthread_cond_broadcast(&db->sync_done);
        pthread_mutex_unlock(&db->tick_lock);
    } while (!stop);
    return NULL;
}

static void *upkeep_run(void *arg)
{
    struct db *db = arg;
    bool stop = false;

    while (!stop) {
        db_cut_tick(db);
        db_merge_tick(db);
        db_tombs_tick(db);
        db_retention_tick(db);
        pthread_mutex_lock(&db->tick_lock);
        wait_tick(db, &db->upkeep_now, UPKEEP_EVERY_MS);
        stop = db->stop;
        pthread_mutex_unlock(&db->tick_lock);
    }
    return NULL;
}

static int threads_start(struct db *db, struct err *err)
{
    db_disk_measure(db);
    if (thread_start(&db->writer, "tsdb-writer", db_writer_run, db, err) < 0)
        return -1;
    db->writer_runs = true;
    if (thread_start(&db->sync, "tsdb-sync", sync_run, db, err) < 0)
        return -1;
    db->sync_runs = true;
    if (thread_start(&db->upkeep, "tsdb-upkeep", upkeep_run, db, err) < 0)
        return -1;
    db->upkeep_runs = true;
    return 0;
}

static void threads_end(struct db *db)
{
    atomic_store(&db->upkeep_cancelled, true);
    pthread_mutex_lock(&db->tick_lock);
    db->stop = true;
    pthread_cond_broadcast(&db->tick);
    pthread_mutex_unlock(&db->tick_lock);
    /* Upkeep first: it hands jobs to the writer. */
    if (db->upkeep_runs)
        pthread_join(db->upkeep, NULL);
    pthread_mutex_lock(&db->queue_lock);
    db->closing = true;
    pthread_cond_signal(&db->queue_wake);
    pthread_mutex_unlock(&db->queue_lock);
    if (db->writer_runs)
        pthread_join(db->writer, NULL);
    if (db->sync_runs)
        pthread_join(db->sync, NULL);
}

/* ---- open and close ---- */

static void db_free(struct db *db)
{
    wal_free(db->wal);
    db_blocks_close(db);
    tombs_unref(db->tombs);
    wal_put_fini(&db->put);
    head_diff_fini(&db->diff);
    head_fini(&db->head);
    metadata_store_fini(&db->metadata);
    exemplar_store_fini(&db->exemplars);
    db_sink_fini(db);
    pthread_mutex_destroy(&db->queue_lock);
    pthread_mutex_destroy(&db->tick_lock);
    pthread_mutex_destroy(&db->upkeep_lock);
    pthread_mutex_destroy(&db->tombs_lock);
    pthread_cond_destroy(&db->queue_wake);
    pthread_cond_destroy(&db->job_done);
    pthread_cond_destroy(&db->tick);
    pthread_cond_destroy(&db->sync_done);
    mem_free(db);
}

void db_set_retention(struct db *db, int64_t ms, uint64_t bytes)
{
    atomic_store(&db->retention_ms, ms);
    atomic_store(&db->retention_bytes, bytes);
}

static struct db *db_new(const struct db_settings *settings)
{
    struct db *db = mem_new(struct db);
    pthread_condattr_t attr;

    db->settings = *settings;
    db->fs = settings->fs;
    db->clock = settings->clock;
    db->log = settings->log;
    db_set_retention(db, settings->retention_ms, settings->retention_bytes);
    head_init(&db->head, HEAD_NO_SERIES); /* the log is read whole, whatever the limit is now */
    metadata_store_init(&db->metadata);
    exemplar_store_init(&db->exemplars, settings->exemplars_max);
    wal_put_init(&db->put);
    pthread_mutex_init(&db->queue_lock, NULL);
    pthread_mutex_init(&db->tick_lock, NULL);
    pthread_mutex_init(&db->upkeep_lock, NULL);
    pthread_mutex_init(&db->tombs_lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&db->queue_wake, &attr);
    pthread_cond_init(&db->job_done, &attr);
    pthread_cond_init(&db->tick, &attr);
    pthread_cond_init(&db->sync_done, &attr);
    pthread_condattr_destroy(&attr);
    atomic_init(&db->unlogged_from, INT64_MAX);
    atomic_init(&db->unlogged_to, INT64_MIN);
    db_sink_init(db);
    db_source_init(db);
    return db;
}

static void note_replay(struct db *db, const struct replay *r, const struct wal_found *found,
                        int64_t began_ns)
{
    db->replayed = (struct db_stats){
        .replay_records = found->records,
        .replay_samples = r->samples,
        .replay_ms = (uint64_t)(db->clock->mono_ns(db->clock) - began_ns) / 1000000,
        .torn_tails = found->torn_tails,
        .corrupt_records = found->corrupt + r->malformed,
        .gap_samples = r->gap_samples,
    };
    if (r->malformed)
        log_error(db->log, "tsdb", "%llu records of the log make no sense and were left out",
                  (unsigned long long)r->malformed);
    if (r->gap_samples)
        log_error(db->log, "tsdb", "%llu samples after damage in the log could not be given back",
                  (unsigned long long)r->gap_samples);
    if (found->records)
        log_info(db->log, "tsdb", "log read: %llu records, %llu samples, %llu ms",
                 (unsigned long long)found->records, (unsigned long long)r->samples,
                 (unsigned long long)db->replayed.replay_ms);
}

static int replay_log(struct db *db, struct err *err)
{
    struct replay r;
    struct wal_found found;
    uint32_t newest;
    int64_t began = db->clock->mono_ns(db->clock);
    int rc;

    if (wal_newest(db->fs, &newest, err) < 0)
        return -1;
    /* Unique over all runs: a run that writes anything makes a segment of a higher number. */
    db->head.window_uid = (uint64_t)(newest + 1) << 32;
    replay_init(&r, &db->head, &db->metadata);
    r.tombs = db->tombs;
    r.exemplars = &db->exemplars;
    r.block_is_there = db_blocks_has;
    r.arg = db;
    rc = wal_read(db->fs, db->log, &r.handler, &found, err);
    if (rc == 0) {
        replay_deletes_end(&r);
        /* What follows must not count as older than a delete. */
        for (size_t i = 0; db->tombs && i < db->tombs->n; i++)
            if (db->tombs->items[i]->seq > found.place.seq)
                found.place.seq = db->tombs->items[i]->seq;
        db->wal = wal_new(db->fs, db->clock, &found.place);
        for (size_t i = 0; i < r.segments_n; i++)
            wal_adopt(db->wal, r.segments[i].name, r.segments[i].number, r.segments[i].bytes,
                      r.segments[i].windows, r.segments[i].windows_n);
        note_replay(db, &r, &found, began);
        r.tombs = NULL;
        db_tombs_replayed(db, r.deletes, r.deletes_n);
    }
    replay_fini(&r);
    return rc;
}

int db_open(const struct db_settings *settings, struct db **out, struct err *err)
{
    struct db *db = db_new(settings);

    db->wall_ms = db->clock->wall_ms(db->clock);
    db->clock_mono_ns = db->clock->mono_ns(db->clock);
    if (db->fs->ops->mkdir(db->fs, WAL_FOLDER, err) < 0 || db_blocks_open(db, err) < 0 ||
        db_tombs_open(db, err) < 0 || replay_log(db, err) < 0 || threads_start(db, err) < 0) {
        threads_end(db);
        db_free(db);
        return -1;
    }
    db->head.series_max = DB_SERIES_MAX;
    if (settings->head_series_max && settings->head_series_max < DB_SERIES_MAX)
        db->head.series_max = settings->head_series_max;
    db_snapshots_clean(db);
    *out = db;
    return 0;
}

/* The last words: a sync that failed is tried once more, on a new file. */
static void sync_last(struct db *db)
{
    struct err err;
    uint32_t segment;

    for (int i = 0; i < 2; i++) {
        if (wal_needs_rewrite(db->wal) && wal_prepare(db->wal, &segment, &err) < 0)
            return;
        sync_once(db);
    }
}

void db_close(struct db *db)
{
    struct fs *fs;

    if (!db)
        return;
    threads_end(db);
    sync_last(db);
    fs = db->fs;
    db_free(db);
    fs_free(fs);
}

/* ---- the rest ---- */

int db_metadata(struct db *db, struct arena *a, struct str family, struct metadata **out, size_t *n,
                struct err *err)
{
    return metadata_store_get(&db->metadata, a, family, out, n, err);
}

struct db_stats db_stats(struct db *db)
{
    struct db_stats s = db->replayed;
    struct wal_stats wal = wal_stats(db->wal);
    struct head_sums sums;
    struct db_counters *c = &db->counters;
    struct exemplar_sums exemplars;
    struct block **blocks;
    size_t blocks_n, tombs_n;

    pthread_rwlock_rdlock(&db->head.index_lock);
    s.head_series = db->head.series_live;
    s.head_series_max = db->head.series_max;
    s.head_bytes =
        db->head.labels_bytes + db->head.index.bytes + db->head.series_cap * sizeof(struct series);
    for (size_t i = 0; i < db->head.pulls_n; i++)
        s.head_groups += db->head.pulls[i] != NULL;
    pthread_rwlock_rdlock(&db->head.data_lock);
    sums = head_sums(&db->head);
    tombs_n = db->tombs ? db->tombs->n : 0;
    pthread_rwlock_unlock(&db->head.data_lock);
    pthread_rwlock_unlock(&db->head.index_lock);
    blocks_n = db_blocks_list(db, &blocks);
    s.blocks = blocks_n;
    for (size_t i = 0; i < blocks_n; i++) {
        const struct block_meta *m = block_meta(blocks[i]);

        s.block_bytes += m->bytes;
        s.corrupt_pages += block_bad_pages(blocks[i]);
        sums.oldest_ts = m->mint < sums.oldest_ts ? m->mint : sums.oldest_ts;
    }
    db_blocks_list_free(blocks, blocks_n);
    s.corrupt_blocks = atomic_load(&c->corrupt_blocks);
    s.corrupt_tombstones = atomic_load(&c->corrupt_tombstones);
    s.deletes = atomic_load(&c->deletes);
    s.tombstones = tombs_n;
    s.head_bytes += sums.bytes;
    s.head_samples = sums.samples;
    s.head_min_ts = sums.min_ts;
    s.oldest_ts = sums.oldest_ts;
    s.head_max_ts = sums.max_ts;
    s.samples_written = atomic_load(&c->written);
    s.samples_duplicate = atomic_load(&c->duplicate);
    s.samples_conflict = atomic_load(&c->conflict);
    s.samples_late = atomic_load(&c->late);
    s.samples_future = atomic_load(&c->future);
    s.samples_limit = atomic_load(&c->limit);
    s.samples_unlogged = atomic_load(&c->unlogged);
    exemplars = exemplar_store_sums(&db->exemplars);
    s.exemplars = exemplars.exemplars;
    s.exemplar_series = exemplars.series;
    s.exemplar_bytes = exemplars.bytes;
    s.exemplars_oldest_ts = exemplars.oldest_ts;
    s.exemplars_written = atomic_load(&c->exemplars[EXEMPLAR_OK]);
    s.exemplars_duplicate = atomic_load(&c->exemplars[EXEMPLAR_DUPLICATE]);
    s.exemplars_out_of_order = atomic_load(&c->exemplars[EXEMPLAR_OUT_OF_ORDER]);
    s.exemplars_off = atomic_load(&c->exemplars[EXEMPLAR_OFF]);
    s.exemplars_too_long = atomic_load(&c->exemplars[EXEMPLAR_TOO_LONG]);
    s.cuts = atomic_load(&c->cuts);
    s.cut_failures = atomic_load(&c->cut_failures);
    s.compactions = atomic_load(&c->compactions);
    s.compaction_failures = atomic_load(&c->compaction_failures);
    s.retention_deletes = atomic_load(&c->retention_deletes);
    s.wal_bytes = wal.bytes;
    s.wal_segments = wal.segments;
    s.wal_records = wal.records;
    s.wal_syncs = wal.syncs;
    s.wal_sync_failures = wal.sync_failures;
    s.wal_write_failures = wal.write_failures;
    s.disk_full = atomic_load(&db->disk_full);
    s.disk_size_bytes = atomic_load(&db->disk_size_bytes);
    s.disk_avail_bytes = atomic_load(&db->disk_avail_bytes);
    s.log_error = wal.failed;
    return s;
}
