/* db_cut: windows of the head become blocks, blocks become fewer, old ones go.
 *
 *   1  the writer freezes the windows that are due: FREEZE in the log, a new segment
 *   2  upkeep writes them as a block
 *   3  the block takes their place in the list that queries see, in one step
 *   4  the writer logs CUT, lets segments go that held nothing else, forgets dead series
 *
 * A crash before 2 is done: replay freezes them again, they are cut again. Between 2 and 4: they
 * are in the block and, from the log, in the head; equal samples are merged when read, and once
 * more cut and merged by a compaction. After 4 the log says that the block has them.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "sys/fs.h"
#include "tsdb/block.h"
#include "tsdb/cut_input.h"
#include "tsdb/db_impl.h"
#include "tsdb/tomb.h"

#define DAY_MS             (INT64_C(24) * 3600 * 1000)
#define WINDOW_GRACE_MS    (INT64_C(10) * 60 * 1000)
#define LATE_IDLE_NS       (INT64_C(60) * 1000000000)
#define LATE_AGE_NS        (INT64_C(7200) * 1000000000)
#define LATE_BYTES         (16u << 20)
#define RETRY_NS           (INT64_C(30) * 1000000000)
#define CLOCK_STEP_BACK_MS 10000

/* ---- 1: freeze ---- */

static int64_t grace_ms(const struct db *db)
{
    int64_t late = db->settings.late_window_ms;

    return late < 0 || late > WINDOW_GRACE_MS ? WINDOW_GRACE_MS : late;
}

bool db_window_is_due(const struct db *db, const struct window *w)
{
    ts_ms newest = db->head.max_ts;

    return newest != INT64_MIN && w->end < INT64_MAX - grace_ms(db) &&
           newest >= w->end + grace_ms(db);
}

/* A window that was over before its first sample came is left open while samples come. */
static bool freeze_now(const struct db *db, const struct window *w)
{
    int64_t now = db->clock->mono_ns(db->clock);

    if (!db_window_is_due(db, w))
        return false;
    return !w->late || now - w->touched_ns >= LATE_IDLE_NS || now - w->born_ns >= LATE_AGE_NS ||
           window_bytes(w) >= LATE_BYTES;
}

struct freezing {
    bool all, reset;
    size_t n; /* out */
};

/* On the writer. When the log cannot say so it is not done. */
static void freeze(struct db *db, void *arg)
{
    struct freezing *f = arg;
    struct head *h = &db->head;
    struct window **due = mem_new_array(struct window *, h->active_n);
    struct err err;
    uint32_t segment;
    size_t n = 0;

    for (size_t i = 0; i < h->active_n; i++)
        if (f->all || freeze_now(db, h->active[i]))
            due[n++] = h->active[i];
    if ((n || f->reset) && !atomic_load(&db->disk_full) &&
        wal_prepare(db->wal, &segment, &err) == 0) {
        wal_put_segment(&db->put, segment);
        for (size_t i = 0; i < n; i++)
            wal_put_freeze(db->wal, due[i], f->reset);
        if (wal_write(db->wal, &err) == 0) {
            pthread_rwlock_wrlock(&h->data_lock);
            for (size_t i = 0; i < n; i++)
                head_freeze(h, due[i]);
            if (f->reset)
                head_clock_reset(h);
            pthread_rwlock_unlock(&h->data_lock);
            wal_rotate(db->wal);
            f->n = n;
        }
    }
    mem_free(due);
}

void db_clock_look(struct db *db)
{
    ts_ms wall = db->clock->wall_ms(db->clock);
    int64_t mono = db->clock->mono_ns(db->clock);
    int64_t step = (wall - db->wall_ms) - (mono - db->clock_mono_ns) / 1000000;
    struct freezing f = {.all = true, .reset = true};

    db->wall_ms = wall;
    db->clock_mono_ns = mono;
    if (step >= -CLOCK_STEP_BACK_MS)
        return;
    log_warn(db->log, "tsdb", "the clock stepped back by %lld s: the open window is cut",
             (long long)(-step / 1000));
    freeze(db, &f);
    db_wake_upkeep(db);
}

/* ---- 2 to 4: cut ---- */

static ts_ms day_of(ts_ms ts)
{
    ts_ms r = ts % DAY_MS;

    return ts - (r < 0 ? r + DAY_MS : r);
}

static int by_start(const void *a, const void *b)
{
    const struct window *x = *(struct window *const *)a, *y = *(struct window *const *)b;

    return (x->start > y->start) - (x->start < y->start);
}

/* Frozen windows of one day, each stretch once, oldest first. They are upkeep's to drop, so they
 * stay. */
static size_t next_to_cut(struct db *db, struct window ***out)
{
    struct head *h = &db->head;
    struct window **list;
    size_t n = 0;

    pthread_rwlock_rdlock(&h->data_lock);
    list = mem_new_array(struct window *, h->frozen_n);
    for (size_t i = 0; i < h->frozen_n; i++) {
        bool fits = !n || day_of(h->frozen[i]->start) == day_of(list[0]->start);

        for (size_t k = 0; k < n; k++)
            fits = fits && list[k]->start != h->frozen[i]->start;
        if (fits)
            list[n++] = h->frozen[i];
    }
    pthread_rwlock_unlock(&h->data_lock);
    if (n)
        qsort(list, n, sizeof(void *), by_start);
    *out = list;
    return n;
}

static bool overlaps_a_block(struct db *db, ts_ms from, ts_ms to)
{
    bool does = false;

    pthread_rwlock_rdlock(&db->head.data_lock);
    for (size_t i = 0; i < db->blocks_n; i++) {
        const struct block_meta *m = block_meta(db->blocks[i]);

        does = does || (m->mint <= to && m->maxt >= from);
    }
    pthread_rwlock_unlock(&db->head.data_lock);
    return does;
}

struct cutting {
    struct window **windows;
    size_t n;
    char name[96];
    uint8_t uuid[16];
    uint64_t *uids;
    bool collect;
};

static int write_block(struct db *db, struct cutting *c, const atomic_bool *cancelled,
                       struct err *err)
{
    /* In this order: a delete that is not among the tombstones yet means this generation too. */
    struct block_meta meta = {.generation = db_blocks_generation(db)};
    struct tombs *tombs = db_tombs(db);
    struct cut_input *in = cut_input_new(&db->head, c->windows, c->n, tombs, cancelled);
    int rc;

    meta.side = overlaps_a_block(db, c->windows[0]->start, c->windows[c->n - 1]->end - 1);
    db_blocks_uuid(db, meta.generation, meta.uuid);
    memcpy(c->uuid, meta.uuid, sizeof c->uuid);
    c->name[0] = '\0';
    rc = block_write(db->fs, cut_input_block(in), &meta, c->name, err);
    cut_input_free(in);
    tombs_unref(tombs);
    return rc;
}

/* On the writer. */
static void say_cut(struct db *db, void *arg)
{
    struct cutting *c = arg;
    struct head *h = &db->head;
    struct err err;
    uint32_t segment;

    if (!atomic_load(&db->disk_full) && wal_prepare(db->wal, &segment, &err) == 0) {
        wal_put_segment(&db->put, segment);
        for (size_t i = 0; i < c->n; i++)
            wal_put_cut(db->wal, c->uids[i], c->name, c->uuid);
        if (wal_write(db->wal, &err) < 0) {
            /* Then replay reads them once more: harmless. */
            wal_rotate(db->wal);
        }
    }
    for (size_t i = 0; i < c->n; i++)
        wal_release(db->wal, c->uids[i]);
    if (!c->collect)
        return;
    pthread_rwlock_wrlock(&h->index_lock);
    pthread_rwlock_rdlock(&h->data_lock);
    head_collect(h);
    pthread_rwlock_unlock(&h->data_lock);
    pthread_rwlock_unlock(&h->index_lock);
    wal_rotate(db->wal);
}

static void unlogged_are_safe(struct db *db)
{
    bool left = false;

    pthread_rwlock_rdlock(&db->head.data_lock);
    for (size_t i = 0; i < db->head.active_n; i++)
        left = left || db->head.active[i]->unlogged;
    for (size_t i = 0; i < db->head.frozen_n; i++)
        left = left || db->head.frozen[i]->unlogged;
    if (!left) {
        atomic_store(&db->unlogged_bytes, 0);
        atomic_store(&db->unlogged_from, INT64_MAX);
        atomic_store(&db->unlogged_to, INT64_MIN);
    }
    pthread_rwlock_unlock(&db->head.data_lock);
}

/* Cuts what next_to_cut found. 1: done, 0: nothing to do. */
static int cut_some(struct db *db, const atomic_bool *cancelled, struct err *err)
{
    struct cutting c = {.n = 0};
    struct block *b = NULL;
    size_t left;
    int rc = 0;

    c.n = next_to_cut(db, &c.windows);
    if (c.n) {
        c.uids = mem_new_array(uint64_t, c.n);
        for (size_t i = 0; i < c.n; i++)
            c.uids[i] = c.windows[i]->uid;
        rc = write_block(db, &c, cancelled, err);
        if (rc == 0 && c.name[0])
            rc = db_blocks_open_new(db, c.name, &b, err);
        if (rc == 0) {
            db_blocks_swap(db, b, NULL, 0, c.windows, c.n);
            pthread_rwlock_rdlock(&db->head.data_lock);
            left = db->head.frozen_n;
            pthread_rwlock_unlock(&db->head.data_lock);
            c.collect = left == 0; /* once a round */
            db_on_writer(db, say_cut, &c);
            atomic_fetch_add(&db->counters.cuts, 1);
            unlogged_are_safe(db);
            rc = 1;
        }
        mem_free(c.uids);
    }
    mem_free(c.windows);
    return rc;
}

int db_cut_all(struct db *db, const atomic_bool *cancelled, struct err *err)
{
    int rc;

    do {
        rc = cut_some(db, cancelled, err);
    } while (rc > 0);
    if (rc < 0 && err->kind != ERR_CANCELLED)
        atomic_fetch_add(&db->counters.cut_failures, 1);
    return rc;
}

/* ---- upkeep ---- */

static bool something_is_due(struct db *db)
{
    bool due;

    pthread_rwlock_rdlock(&db->head.data_lock);
    due = db->head.frozen_n != 0;
    for (size_t i = 0; i < db->head.active_n && !due; i++)
        due = freeze_now(db, db->head.active[i]);
    pthread_rwlock_unlock(&db->head.data_lock);
    return due;
}

void db_cut_tick(struct db *db)
{
    struct freezing f = {.all = atomic_exchange(&db->seal_wanted, false)};
    int64_t now = db->clock->mono_ns(db->clock);
    struct err err;

    if (db->cut_failed && now - db->cut_failed_ns < RETRY_NS && !f.all)
        return;
    if (!something_is_due(db) && !f.all)
        return;
    pthread_mutex_lock(&db->upkeep_lock);
    db_on_writer(db, freeze, &f);
    db->cut_failed = db_cut_all(db, &db->upkeep_cancelled, &err) < 0;
    db->cut_failed_ns = now;
    pthread_mutex_unlock(&db->upkeep_lock);
    if (db->cut_failed && err.kind != ERR_CANCELLED)
        log_error(db->log, "tsdb", "the head could not be cut to a block (tried again in %d s): %s",
                  (int)(RETRY_NS / 1000000000), err.text);
}

int db_seal(struct db *db, const atomic_bool *cancelled, struct err *err)
{
    struct freezing f = {.all = true};

    db_on_writer(db, freeze, &f);
    return db_cut_all(db, cancelled, err);
}

int db_compact(struct db *db, const atomic_bool *cancelled, struct err *err)
{
    int rc;

    pthread_mutex_lock(&db->upkeep_lock);
    rc = db_seal(db, cancelled, err);
    if (rc == 0)
        rc = db_merge_all(db, true, cancelled, err);
    pthread_mutex_unlock(&db->upkeep_lock);
    return rc < 0 ? -1 : 0;
}
