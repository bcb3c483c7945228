/* db_sink: the writer's side of the store (model/sink.h).
 *
 * A batch is taken in this order: look at every sample (nothing changes), put what is new into the
 * log's buffer, write it, change the head, tell the caller. A write that fails has changed nothing.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "tsdb/db_impl.h"

#define SYNC_EARLY_EVERY_BYTES (2u << 20)
#define SYNC_TRIES             4

struct sink_group {
    struct pull *pull;
    size_t series_max; /* 0: none */
};

/* ---- the batch under way ---- */

struct taking {
    struct sink_batch *b;
    struct pull *pull;           /* NULL: rows only */
    bool column;                 /* it has a column that is taken as one */
    const struct sink_row *rows; /* with ids of series */
    uint8_t *outcomes;
    size_t rows_n, first_own; /* rows before first_own come from the column */
    size_t ok, exemplars_ok;
};

static enum sink_outcome time_outcome(const struct db *db, ts_ms ts, ts_ms now)
{
    int64_t window = db->settings.late_window_ms;
    ts_ms newest = db->head.max_ts;

    if (ts > TS_MS_MAX)
        return SINK_FUTURE;
    if (ts < -TS_MS_MAX)
        return SINK_LATE;
    if (window < 0)
        return SINK_OK;
    if (ts > now + DB_FUTURE_MS)
        return SINK_FUTURE;
    return newest != INT64_MIN && ts < newest - window ? SINK_LATE : SINK_OK;
}

/* What was written down before we were there to read it is late for no fault of its own. */
static enum sink_outcome row_outcome(const struct db *db, const struct sink_batch *b, ts_ms ts,
                                     ts_ms now)
{
    enum sink_outcome o = time_outcome(db, ts, now);

    return o == SINK_LATE && b->any_age && ts >= -TS_MS_MAX ? SINK_OK : o;
}

static void rows_room(struct db *db, size_t n)
{
    db->rows = mem_grow(db->rows, &db->rows_cap, n, sizeof *db->rows);
    db->outcomes = mem_grow(db->outcomes, &db->outcomes_cap, n, 1);
}

static bool slot_there(const struct sink_batch *b, uint32_t slot)
{
    return b->present[slot / 64] >> (slot % 64) & 1 && !value_is_stale(b->values[slot]);
}

/* A column that is not after the group's last one: sample by sample. */
static size_t column_to_rows(struct db *db, const struct pull *p, const struct sink_batch *b)
{
    size_t n = 0;

    for (uint32_t slot = 0; slot < b->slots; slot++)
        n += slot_there(b, slot);
    rows_room(db, n + b->rows_n);
    n = 0;
    for (uint32_t slot = 0; slot < b->slots; slot++)
        if (slot_there(b, slot))
            db->rows[n++] =
                (struct sink_row){.ref.id = p->series[slot], .ts = b->ts, .value = b->values[slot]};
    return n;
}

/* Finds out what the batch consists of. Rows get ids of series in place of slots. */
static void sort_out(struct db *db, struct taking *t, ts_ms now)
{
    const struct sink_batch *b = t->b;
    size_t n = 0;

    t->pull = b->group ? b->group->pull : NULL;
    if (!t->pull) {
        rows_room(db, b->rows_n);
        t->rows = b->rows;
        t->rows_n = b->rows_n;
        t->outcomes = db->outcomes;
        return;
    }
    assert(b->slots <= t->pull->n);
    t->column = b->ts > t->pull->last_ts && time_outcome(db, b->ts, now) == SINK_OK;
    if (!t->column) {
        t->pull->by_row = true;
        n = column_to_rows(db, t->pull, b);
    }
    t->first_own = n;
    rows_room(db, n + b->rows_n);
    for (size_t i = 0; i < b->rows_n; i++, n++) {
        assert(b->rows[i].ref.id < t->pull->n);
        db->rows[n] = b->rows[i];
        db->rows[n].ref.id = t->pull->series[b->rows[i].ref.id];
    }
    t->rows = db->rows;
    t->rows_n = n;
    t->outcomes = db->outcomes;
}

static struct exemplar exemplar_of(const struct sink_batch *b, const struct sink_exemplar *e)
{
    return (struct exemplar){e->ts, e->value, e->labels, b->group && e->ts == b->ts};
}

static void judge_rows(struct db *db, struct taking *t, ts_ms now)
{
    ts_ms ts = INT64_MIN;
    enum sink_outcome by_time = row_outcome(db, t->b, ts, now);

    t->ok = 0;
    for (size_t i = 0; i < t->rows_n; i++) {
        const struct sink_row *row = &t->rows[i];

        assert(row->ref.id < db->head.series_n && db->head.series[row->ref.id].labels);
        if (row->ts != ts) {
            ts = row->ts;
            by_time = row_outcome(db, t->b, ts, now);
        }
        t->outcomes[i] =
            (uint8_t)(by_time ? by_time
                              : head_check(&db->head, row->ref.id, ts, value_bits(row->value)));
        t->ok += t->outcomes[i] == SINK_OK;
    }
}

/* Exemplars get ids of series in place of slots, and what would become of each. */
static void judge_exemplars(struct db *db, struct taking *t)
{
    const struct sink_batch *b = t->b;

    t->exemplars_ok = 0;
    if (!b->exemplars_n)
        return;
    db->exemplar_rows = mem_grow(db->exemplar_rows, &db->exemplar_rows_cap, b->exemplars_n,
                                 sizeof *db->exemplar_rows);
    db->exemplar_outcomes =
        mem_grow(db->exemplar_outcomes, &db->exemplar_outcomes_cap, b->exemplars_n, 1);
    for (size_t i = 0; i < b->exemplars_n; i++) {
        struct sink_exemplar *e = &db->exemplar_rows[i];
        struct exemplar as_stored = exemplar_of(b, &b->exemplars[i]);

        *e = b->exemplars[i];
        if (t->pull) {
            assert(e->ref.id < t->pull->n);
            e->ref.id = t->pull->series[e->ref.id];
        }
        db->exemplar_outcomes[i] = (uint8_t)exemplar_store_check(
            &db->exemplars, db->head.series[e->ref.id].labels, &as_stored);
        t->exemplars_ok += db->exemplar_outcomes[i] == EXEMPLAR_OK;
    }
}

/* Under index_lock. */
static void apply_exemplars(struct db *db, const struct taking *t)
{
    const struct sink_batch *b = t->b;

    for (size_t i = 0; i < b->exemplars_n; i++) {
        enum exemplar_outcome o = (enum exemplar_outcome)db->exemplar_outcomes[i];
        struct exemplar e = exemplar_of(b, &b->exemplars[i]);

        /* Two of one batch may be of one series. */
        if (o == EXEMPLAR_OK)
            o = exemplar_store_put(&db->exemplars,
                                   db->head.series[db->exemplar_rows[i].ref.id].labels, &e);
        atomic_fetch_add(&db->counters.exemplars[o], 1);
    }
}

static void put_in_log(struct db *db, struct taking *t, uint32_t segment)
{
    wal_put_segment(&db->put, segment);
    if (t->column)
        wal_put_column(&db->put, db->wal, &db->head, t->pull, t->b, &db->diff);
    if (t->ok)
        wal_put_rows(&db->put, db->wal, &db->head, t->rows, t->outcomes, t->rows_n);
    if (t->exemplars_ok)
        wal_put_exemplars(&db->put, db->wal, &db->head, db->exemplar_rows, db->exemplar_outcomes,
                          t->b->exemplars_n);
    if (t->b->metadata_n) {
        size_t news = 0;

        for (size_t i = 0; i < t->b->metadata_n; i++)
            news += metadata_store_put(&db->metadata, &t->b->metadata[i]);
        if (news)
            wal_put_metadata(db->wal, t->b->metadata, t->b->metadata_n);
    }
}

static void touch(struct db *db, bool logged)
{
    struct window *w = db->head.recent;

    if (!w->born_ns) {
        w->born_ns = db->mono_ns;
        w->late = db_window_is_due(db, w);
    }
    w->touched_ns = db->mono_ns;
    if (logged)
        wal_touch(db->wal, w->uid);
    else
        w->unlogged = true;
}

static void apply_rows(struct db *db, struct taking *t, bool logged)
{
    const struct window *touched = NULL;

    for (size_t i = 0; i < t->rows_n; i++) {
        const struct sink_row *row = &t->rows[i];

        if (t->outcomes[i] != SINK_OK)
            continue;
        /* Within one batch the same sample may come twice. */
        t->outcomes[i] = (uint8_t)head_put(&db->head, row->ref.id, row->ts, value_bits(row->value));
        if (db->head.recent != touched) {
            touch(db, logged);
            touched = db->head.recent;
        }
    }
}

static void count_outcomes(struct db *db, struct taking *t, bool logged)
{
    struct sink_batch *b = t->b;

    for (size_t i = 0; i < t->rows_n; i++)
        b->outcomes[t->outcomes[i]]++;
    if (b->row_outcomes)
        memcpy(b->row_outcomes, t->outcomes + t->first_own, b->rows_n);
    atomic_fetch_add(&db->counters.written, b->outcomes[SINK_OK]);
    atomic_fetch_add(&db->counters.duplicate, b->outcomes[SINK_DUPLICATE]);
    atomic_fetch_add(&db->counters.conflict, b->outcomes[SINK_CONFLICT]);
    atomic_fetch_add(&db->counters.late, b->outcomes[SINK_LATE]);
    atomic_fetch_add(&db->counters.future, b->outcomes[SINK_FUTURE]);
    if (!logged)
        atomic_fetch_add(&db->counters.unlogged, b->outcomes[SINK_OK]);
}

static void apply(struct db *db, struct taking *t, bool logged)
{
    struct head *h = &db->head;

    pthread_rwlock_rdlock(&h->index_lock);
    pthread_rwlock_wrlock(&h->data_lock);
    if (t->column) {
        head_column(h, t->pull, t->b->ts, &db->diff, t->b->outcomes);
        if (h->recent)
            touch(db, logged);
    }
    apply_rows(db, t, logged);
    pthread_rwlock_unlock(&h->data_lock);
    apply_exemplars(db, t);
    pthread_rwlock_unlock(&h->index_lock);
    count_outcomes(db, t, logged);
    atomic_fetch_add(&db->visible_seq, 1);
}

/* ---- without the log ---- */

static void refuse(struct sink_batch *b, enum sink_reason reason, int os)
{
    b->verdict = SINK_REFUSED;
    b->reason = reason;
    b->os = os;
}

/* Scrapes and rule results go on in memory while the log cannot be written. */
static void take_unlogged(struct db *db, struct taking *t, enum sink_reason reason, int os)
{
    uint64_t bytes = db->diff.n * 16 + t->b->slots / 8 + t->ok * 24 + 64;

    if (!t->pull) {
        refuse(t->b, reason, os);
        return;
    }
    if (atomic_load(&db->unlogged_bytes) + bytes > DB_UNLOGGED_BYTES_MAX) {
        refuse(t->b, SINK_UNLOGGED_FULL, os);
        return;
    }
    atomic_fetch_add(&db->unlogged_bytes, bytes);
    t->pull->log_key_due = true;
    if (t->b->ts < atomic_load(&db->unlogged_from))
        atomic_store(&db->unlogged_from, t->b->ts);
    if (t->b->ts > atomic_load(&db->unlogged_to))
        atomic_store(&db->unlogged_to, t->b->ts);
    apply(db, t, false);
    for (size_t i = 0; i < t->b->metadata_n; i++)
        (void)metadata_store_put(&db->metadata, &t->b->metadata[i]);
    t->b->verdict = SINK_UNLOGGED;
    t->b->reason = reason;
    t->b->os = os;
}

/* ---- one batch ---- */

static int write_log(struct db *db, struct taking *t, bool prepared, uint32_t segment,
                     struct err *err)
{
    if (!prepared)
        return -1;
    pthread_rwlock_rdlock(&db->head.index_lock);
    put_in_log(db, t, segment);
    pthread_rwlock_unlock(&db->head.index_lock);
    if (wal_write(db->wal, err) == 0)
        return 0;
    /* What this batch defined is not in the segment: define all again in the next one. */
    wal_rotate(db->wal);
    if (t->pull)
        t->pull->log_key_due = true;
    return -1;
}

static void take_batch(struct db *db, struct sink_batch *b)
{
    struct taking t = {.b = b};
    struct err err = {0};
    ts_ms now = db->clock->wall_ms(db->clock);
    uint32_t segment = 0;
    bool full = atomic_load(&db->disk_full);
    bool prepared, logged;

    b->verdict = SINK_WRITTEN;
    b->reason = SINK_NO_REASON;
    b->os = 0;
    if (full)
        (void)err_os(&err, ENOSPC, "the disk is full");
    prepared = !full && wal_prepare(db->wal, &segment, &err) == 0;

    pthread_rwlock_rdlock(&db->head.index_lock);
    if ((b->group || b->rows_n || b->exemplars_n) && b->generation != db->head.generation) {
        pthread_rwlock_unlock(&db->head.index_lock);
        b->verdict = SINK_STALE;
        return;
    }
    sort_out(db, &t, now);
    pthread_rwlock_rdlock(&db->head.data_lock);
    judge_rows(db, &t, now);
    pthread_rwlock_unlock(&db->head.data_lock);
    judge_exemplars(db, &t);
    db->diff.n = 0;
    if (t.column)
        head_pull_diff(t.pull, b, &db->diff);
    pthread_rwlock_unlock(&db->head.index_lock);

    logged = write_log(db, &t, prepared, segment, &err) == 0;
    if (logged) {
        apply(db, &t, true);
        db->log_complained = false;
        return;
    }
    db_disk_failed(db, &err);
    take_unlogged(db, &t, atomic_load(&db->disk_full) ? SINK_DISK_FULL : SINK_DISK_ERROR, err.os);
}

/* ---- the writer's thread ---- */

static uint64_t batch_bytes(const struct sink_batch *b)
{
    return b->rows_n * sizeof *b->rows;
}

void db_wait_synced(struct db *db)
{
    uint64_t seen;

    pthread_mutex_lock(&db->tick_lock);
    /* A round that began before this one may have missed it. */
    for (int i = 0; i < 2; i++) {
        seen = db->syncs_done;
        db->sync_now = true;
        pthread_cond_broadcast(&db->tick);
        while (db->syncs_done == seen && !db->stop)
            pthread_cond_wait(&db->sync_done, &db->tick_lock);
    }
    pthread_mutex_unlock(&db->tick_lock);
}

bool db_wait_durable(struct db *db, uint64_t seq)
{
    for (int i = 0; i < SYNC_TRIES && wal_stats(db->wal).synced_seq < seq; i++)
        db_wait_synced(db);
    return wal_stats(db->wal).synced_seq >= seq;
}

/* With sync_each_commit: on the disk before the answer. A failed sync goes to a new segment. */
static void sync_commit(struct db *db)
{
    for (int i = 0; i < 3; i++) {
        struct err err;
        uint32_t segment;

        db_wait_synced(db);
        if (!wal_needs_rewrite(db->wal) || wal_prepare(db->wal, &segment, &err) < 0)
            return;
    }
}

static void tell(struct db *db)
{
    if (db->settings.on_commit && !atomic_exchange(&db->told, true))
        db->settings.on_commit(db->settings.on_commit_arg);
}

static void run_batches(struct db *db, struct sink_batch *b)
{
    while (b) {
        struct sink_batch *next = b->next;
        uint64_t bytes = batch_bytes(b);

        db->mono_ns = db->clock->mono_ns(db->clock);
        memset(b->outcomes, 0, sizeof b->outcomes);
        db_clock_look(db);
        if (b->verdict != SINK_REFUSED)
            take_batch(db, b);
        if (db->settings.sync_each_commit && b->verdict == SINK_WRITTEN)
            sync_commit(db);
        if (b->verdict == SINK_WRITTEN || b->verdict == SINK_UNLOGGED)
            tell(db);
        pthread_mutex_lock(&db->queue_lock);
        db->queue_bytes -= bytes;
        pthread_mutex_unlock(&db->queue_lock);
        b->done(b);
        b = next;
    }
    if (wal_unsynced(db->wal) > SYNC_EARLY_EVERY_BYTES)
        db_wake_sync(db);
}

static void run_jobs(struct db *db, struct writer_job *job)
{
    while (job) {
        struct writer_job *next = job->next;

        job->run(db, job->arg);
        pthread_mutex_lock(&db->queue_lock);
        job->done = true; /* its owner may be gone after this */
        pthread_cond_broadcast(&db->job_done);
        pthread_mutex_unlock(&db->queue_lock);
        job = next;
    }
}

/* Under queue_lock. */
static bool has_work(const struct db *db)
{
    return db->queue || db->jobs || db->closing || db->writer_woken;
}

static void keep_log_whole(struct db *db)
{
    struct err err;
    uint32_t segment;

    if (wal_needs_rewrite(db->wal) && wal_prepare(db->wal, &segment, &err) < 0)
        db_disk_failed(db, &err);
}

void *db_writer_run(void *arg)
{
    struct db *db = arg;
    bool goes_on = true;

    while (goes_on) {
        struct sink_batch *batches;
        struct writer_job *jobs;

        pthread_mutex_lock(&db->queue_lock);
        while (db->writing || !has_work(db))
            pthread_cond_wait(&db->queue_wake, &db->queue_lock);
        batches = db->queue;
        db->queue = NULL;
        db->queue_end = &db->queue;
        jobs = db->jobs;
        db->jobs = NULL;
        goes_on = !db->closing || batches || jobs;
        db->writer_woken = false;
        db->writing = true;
        pthread_mutex_unlock(&db->queue_lock);

        run_batches(db, batches);
        run_jobs(db, jobs);
        keep_log_whole(db);
        pthread_mutex_lock(&db->queue_lock);
        db->writing = false;
        pthread_mutex_unlock(&db->queue_lock);
    }
    return NULL;
}

/* ---- sink.h ---- */

static struct db *db_of(struct sink *s)
{
    return CONTAINER_OF(s, struct db, sink);
}

static int group_open(struct sink *s, const struct labels *key, size_t series_max,
                      struct sink_group **out, struct err *err)
{
    struct db *db = db_of(s);
    struct pull *p;
    bool taken;

    pthread_rwlock_wrlock(&db->head.index_lock);
    p = head_pull_make(&db->head, key);
    taken = atomic_exchange(&p->open, true);
    pthread_rwlock_unlock(&db->head.index_lock);
    if (taken)
        return err_set(err, ERR_EVAL, "another collector writes this group already");
    *out = mem_new(struct sink_group);
    **out = (struct sink_group){p, series_max};
    return 0;
}

static void group_close(struct sink *s, struct sink_group *group)
{
    (void)s;
    if (!group)
        return;
    atomic_store(&group->pull->open, false); /* the group itself may be gone from here on */
    mem_free(group);
}

/* True when all are known already. */
static bool resolve_known(struct head *h, const struct pull *p, const struct labels *const labels[],
                          size_t n, struct sink_ref out[])
{
    for (size_t i = 0; i < n; i++) {
        uint32_t id = head_series_find(h, labels[i]);

        if (id != HEAD_NO_SERIES && p) {
            uint32_t slot = pages_get(&p->slot_of, id);

            id = slot ? slot - 1 : HEAD_NO_SERIES;
        }
        if (id == HEAD_NO_SERIES)
            return false;
        out[i] = (struct sink_ref){id, h->generation};
    }
    return true;
}

/* Under the index lock: the id of a series, of its slot when there is a group. */
static uint32_t make_id(struct head *h, const struct sink_group *group, const struct labels *labels)
{
    struct pull *p = group ? group->pull : NULL;
    struct sink_ref known;
    uint32_t id;

    if (p && group->series_max && p->n - p->spare_n >= group->series_max)
        return resolve_known(h, p, &labels, 1, &known) ? known.id : SINK_NO_ID;
    id = head_series_make(h, labels);
    if (id == HEAD_NO_SERIES)
        return SINK_NO_ID;
    return p ? head_slot_make(p, id) : id;
}

static int resolve(struct sink *s, struct sink_group *group, const struct labels *const labels[],
                   size_t n, struct sink_ref out[], struct err *err)
{
    struct db *db = db_of(s);
    struct pull *p = group ? group->pull : NULL;
    uint64_t refused = 0;
    bool known;

    (void)err; /* nothing can fail: what does not fit gets SINK_NO_ID */
    pthread_rwlock_rdlock(&db->head.index_lock);
    known = resolve_known(&db->head, p, labels, n, out);
    pthread_rwlock_unlock(&db->head.index_lock);
    if (known)
        return 0;
    pthread_rwlock_wrlock(&db->head.index_lock);
    for (size_t i = 0; i < n; i++) {
        out[i] = (struct sink_ref){make_id(&db->head, group, labels[i]), db->head.generation};
        refused += out[i].id == SINK_NO_ID;
    }
    pthread_rwlock_unlock(&db->head.index_lock);
    atomic_fetch_add(&db->counters.limit, refused);
    return 0;
}

/* Under queue_lock: queues it. */
static void put_in_queue(struct db *db, struct sink_batch *b)
{
    /* Refused ones too are answered by the writer, in their turn. */
    if (db->closing)
        refuse(b, SINK_CLOSING, 0);
    else if (db->queue_bytes && db->queue_bytes + batch_bytes(b) > DB_QUEUE_BYTES_MAX)
        refuse(b, SINK_BUSY, 0);
    db->queue_bytes += batch_bytes(b);
    *db->queue_end = b;
    db->queue_end = &b->next;
}

/* The caller is the writer for this batch. */
static void take_here(struct db *db, struct sink_batch *b)
{
    run_batches(db, b);
    keep_log_whole(db);
    pthread_mutex_lock(&db->queue_lock);
    db->writing = false;
    if (has_work(db))
        pthread_cond_signal(&db->queue_wake);
    pthread_mutex_unlock(&db->queue_lock);
}

static void commit(struct sink *s, struct sink_batch *b)
{
    struct db *db = db_of(s);
    bool here;

    b->next = NULL;
    b->verdict = SINK_WRITTEN;
    pthread_mutex_lock(&db->queue_lock);
    here = b->may_wait && !db->writing && !has_work(db);
    db->writing |= here;
    if (here)
        db->queue_bytes += batch_bytes(b);
    else
        put_in_queue(db, b);
    pthread_mutex_unlock(&db->queue_lock);
    if (here)
        take_here(db, b);
    else
        pthread_cond_signal(&db->queue_wake); /* without the lock, which it wants at once */
}

void db_sink_init(struct db *db)
{
    db->sink = (struct sink){group_open, group_close, resolve, commit};
    db->queue_end = &db->queue;
}

void db_sink_fini(struct db *db)
{
    for (struct sink_batch *b = db->queue, *next; b; b = next) {
        next = b->next;
        refuse(b, SINK_CLOSING, 0);
        b->done(b);
    }
    mem_free(db->rows);
    mem_free(db->outcomes);
    mem_free(db->exemplar_rows);
    mem_free(db->exemplar_outcomes);
}
