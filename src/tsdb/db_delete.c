/* db_delete: deletes, and what becomes of their tombstones (tomb.h).
 *
 *   1  Which active windows hold samples of it? Nothing in the store matches: done.
 *   2  On the writer: the tombstone names the windows and the blocks there are, and counts from now
 *      on; DELETE goes to the log; those active windows are frozen, so that what comes later is in
 *      other ones.
 *   3  The log is synced, the tombstone goes to the file `tombstones`; until it is there the log's
 *      segment stays (WAL_DELETES stands among its windows).
 *   4  Cuts and compactions leave out what is deleted. When no block or window that it names is
 *      left, nor a segment that could bring one back, the tombstone goes.
 *
 * A crash before the record of 2 is written: nothing is deleted. After it: replay freezes the same
 * windows at the same place of the log, and makes the tombstone again if the file does not have it.
 *
 * A block is begun by taking its generation and, after that, the tombstones. So a delete that comes
 * between names that generation, and one that comes before is among the tombstones: what a cut or
 * compaction under way reads is deleted from its outcome in either case.
 */
#include <errno.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/source.h"
#include "sys/fs.h"
#include "tsdb/block.h"
#include "tsdb/compact.h"
#include "tsdb/db_impl.h"
#include "tsdb/tomb.h"
#include "tsdb/tomb_log.h"

#define TOMBSTONES_MAX 1000u /* more, and a delete cleans up before it adds to them */
#define SLACK_RECORDS  64u
#define BAD_FOLDER     "bad"

struct tombs *db_tombs(struct db *db)
{
    struct tombs *t;

    pthread_rwlock_rdlock(&db->head.data_lock);
    t = tombs_ref(db->tombs);
    pthread_rwlock_unlock(&db->head.data_lock);
    return t;
}

/* Under data_lock (write), or before the threads run. Takes over `t`. */
static void put_tombs(struct db *db, struct tombs *t)
{
    struct head *h = &db->head;

    tombs_unref(db->tombs);
    db->tombs = t;
    for (size_t i = 0; t && i < t->n; i++)
        for (size_t k = 0; k < h->frozen_n + h->active_n; k++) {
            struct window *w = k < h->frozen_n ? h->frozen[k] : h->active[k - h->frozen_n];

            w->buried = w->buried || tombstone_has_window(t->items[i], w->uid);
        }
}

/* For the head: is this sample of a window deleted? */
static bool is_deleted(void *arg, const struct window *w, uint32_t series, ts_ms ts)
{
    struct db *db = arg;
    struct tomb_list l = tombs_of_window(db->tombs, w->uid, ts, ts);
    struct tomb_spans spans = {0};
    bool is = tomb_list_spans(&l, db->head.series[series].labels, &spans);

    tomb_spans_fini(&spans);
    tomb_list_fini(&l);
    return is;
}

/* ---- 1: is there anything? ---- */

static bool overlaps(const struct window *w, ts_ms mint, ts_ms maxt)
{
    return w->min_ts <= w->max_ts && w->min_ts <= maxt && w->max_ts >= mint;
}

static const struct labels *labels_of(void *arg, uint32_t id)
{
    return ((const struct head *)arg)->series[id].labels;
}

static bool has_any(const struct window *w, const uint32_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (window_has(w, ids[i]))
            return true;
    return false;
}

struct found {
    bool active, frozen, blocks; /* where samples of it are */
};

static int look_in_head(struct db *db, struct arena *a, const struct tombstone *t,
                        struct found *found, struct err *err)
{
    struct head *h = &db->head;
    uint32_t *ids = NULL;
    size_t n = 0;
    int rc;

    pthread_rwlock_rdlock(&h->index_lock);
    rc = head_index_select(&h->index, a, t->matchers, t->matchers_n, labels_of, h, &ids, &n, err);
    pthread_rwlock_rdlock(&h->data_lock);
    for (size_t i = 0; rc == 0 && i < h->active_n; i++)
        found->active = found->active ||
                        (overlaps(h->active[i], t->mint, t->maxt) && has_any(h->active[i], ids, n));
    for (size_t i = 0; rc == 0 && i < h->frozen_n; i++)
        found->frozen = found->frozen ||
                        (overlaps(h->frozen[i], t->mint, t->maxt) && has_any(h->frozen[i], ids, n));
    pthread_rwlock_unlock(&h->data_lock);
    pthread_rwlock_unlock(&h->index_lock);
    return rc;
}

/* A block that cannot be read may hold some of it. */
static int look_in_block(struct block *b, struct arena *a, const struct tombstone *t, bool *out,
                         struct err *err)
{
    const struct block_meta *m = block_meta(b);
    uint64_t bad = block_bad_pages(b);
    uint32_t *ids;
    size_t n = 0;

    *out = false;
    if (m->generation > t->generation || m->mint > t->maxt || m->maxt < t->mint)
        return 0;
    if (block_select(b, a, t->matchers, t->matchers_n, &ids, &n, err) < 0) {
        if (err->kind != ERR_CORRUPT && err->kind != ERR_OS)
            return -1;
        n = 1;
    }
    *out = n || block_bad_pages(b) != bad;
    return 0;
}

static int look_in_blocks(struct db *db, struct arena *a, const struct tombstone *t, bool *out,
                          struct err *err)
{
    struct block **blocks;
    size_t n = db_blocks_list(db, &blocks);
    int rc = 0;

    *out = false;
    for (size_t i = 0; i < n && rc == 0 && !*out; i++)
        rc = look_in_block(blocks[i], a, t, out, err);
    db_blocks_list_free(blocks, n);
    return rc;
}

/* The head first: what is cut meanwhile is found in a block. */
static int look(struct db *db, struct tombstone *t, struct found *found, struct err *err)
{
    SCOPED(arena_fini) struct arena a;

    arena_init(&a, db->settings.budget);
    *found = (struct found){0};
    t->generation = UINT32_MAX; /* every block there is; narrowed by the writer */
    if (look_in_head(db, &a, t, found, err) < 0)
        return -1;
    return look_in_blocks(db, &a, t, &found->blocks, err);
}

/* ---- 2: on the writer ---- */

struct burying {
    struct tombstone **items;
    size_t n;
    bool freeze;  /* active windows too */
    uint64_t seq; /* out, of the last one */
    int rc;
    struct err *err;
};

static void name_windows(struct head *h, struct tombstone *t, bool freeze)
{
    for (size_t i = 0; i < h->frozen_n; i++)
        if (overlaps(h->frozen[i], t->mint, t->maxt))
            tombstone_add_window(t, h->frozen[i]->uid, h->frozen[i]->start, false);
    for (size_t i = 0; freeze && i < h->active_n; i++)
        if (overlaps(h->active[i], t->mint, t->maxt))
            tombstone_add_window(t, h->active[i]->uid, h->active[i]->start, true);
}

static void name_all(struct db *db, struct burying *b, uint32_t segment)
{
    for (size_t i = 0; i < b->n; i++) {
        struct tombstone *t = b->items[i];

        t->generation = db->generation;
        t->segment = segment;
        t->seq = b->seq = wal_next_seq(db->wal) + i;
        name_windows(&db->head, t, b->freeze);
    }
    put_tombs(db, tombs_with(db->tombs, b->items, b->n));
}

static void freeze_named(struct head *h, const struct burying *b)
{
    for (size_t i = h->active_n; i-- > 0;) {
        bool named = false;

        for (size_t k = 0; k < b->n; k++)
            named = named || tombstone_has_window(b->items[k], h->active[i]->uid);
        if (named)
            head_freeze(h, h->active[i]);
    }
}

static bool is_one_of(void *arg, const struct tombstone *t)
{
    const struct burying *b = arg;

    for (size_t i = 0; i < b->n; i++)
        if (b->items[i] == t)
            return true;
    return false;
}

static int bury_logged(struct db *db, struct burying *b)
{
    uint32_t segment;

    if (atomic_load(&db->disk_full))
        return err_os(b->err, ENOSPC, "nothing was deleted: the disk is full");
    if (wal_prepare(db->wal, &segment, b->err) < 0)
        return -1;
    wal_put_segment(&db->put, segment);
    pthread_rwlock_wrlock(&db->head.data_lock);
    name_all(db, b, segment);
    pthread_rwlock_unlock(&db->head.data_lock);
    for (size_t i = 0; i < b->n; i++)
        wal_put_delete(db->wal, b->items[i]);
    if (wal_write(db->wal, b->err) < 0) {
        pthread_rwlock_wrlock(&db->head.data_lock);
        put_tombs(db, tombs_without(db->tombs, is_one_of, b));
        pthread_rwlock_unlock(&db->head.data_lock);
        wal_rotate(db->wal);
        return -1;
    }
    pthread_rwlock_wrlock(&db->head.data_lock);
    freeze_named(&db->head, b);
    pthread_rwlock_unlock(&db->head.data_lock);
    wal_touch(db->wal, WAL_DELETES);
    wal_rotate(db->wal);
    return 0;
}

static void bury(struct db *db, void *arg)
{
    struct burying *b = arg;

    b->rc = bury_logged(db, b);
    if (b->rc < 0)
        db_disk_failed(db, b->err);
    else
        atomic_fetch_add(&db->visible_seq, 1);
}

/* ---- 3: safe on the disk ---- */

/* On the writer: segments need not stay for tombstones that are in the file. */
static void release_deletes(struct db *db, void *arg)
{
    uint64_t saved = *(uint64_t *)arg;

    if (!db->tombs || !db->tombs->n || db->tombs->items[db->tombs->n - 1]->seq <= saved)
        wal_release(db->wal, WAL_DELETES);
}

/* Brings the file to what is in memory. */
static int save(struct db *db, struct err *err)
{
    struct tombs *t;
    uint64_t saved;
    int rc = 0;

    pthread_mutex_lock(&db->tombs_lock);
    t = db_tombs(db);
    saved = t && t->n ? t->items[t->n - 1]->seq : db->tombs_saved;
    /* The first one makes the file. */
    if (db->tombs_rewrite || (t && t->n && !db->tombs_records) ||
        (t && db->tombs_records > 2 * t->n + SLACK_RECORDS)) {
        db->tombs_rewrite = true;
        rc = tomb_log_rewrite(db->fs, t, err);
        if (rc == 0)
            db->tombs_records = t ? t->n : 0;
    } else if (saved > db->tombs_saved) {
        for (size_t i = 0; i < t->n; i++)
            db->tombs_records += t->items[i]->seq > db->tombs_saved;
        rc = tomb_log_append(db->fs, t, db->tombs_saved, err);
        db->tombs_rewrite = true;
    }
    if (rc == 0) {
        db->tombs_rewrite = false;
        db->tombs_saved = saved > db->tombs_saved ? saved : db->tombs_saved;
        saved = db->tombs_saved;
    }
    pthread_mutex_unlock(&db->tombs_lock);
    tombs_unref(t);
    if (rc == 0)
        db_on_writer(db, release_deletes, &saved);
    return rc;
}

static int make_room(struct db *db, size_t n, struct err *err)
{
    struct tombs *t = db_tombs(db);
    bool full = t && t->n + n > TOMBSTONES_MAX;

    tombs_unref(t);
    if (!full)
        return 0;
    if (db_clean_tombstones(db, &db->upkeep_cancelled, err) < 0)
        return -1;
    t = db_tombs(db);
    full = t && t->n + n > TOMBSTONES_MAX;
    tombs_unref(t);
    if (full)
        return err_set(err, ERR_LIMIT,
                       "nothing was deleted: %u deletes wait to be carried out already",
                       TOMBSTONES_MAX);
    return 0;
}

int db_delete(struct db *db, const struct source_selector *selectors, size_t n, ts_ms mint,
              ts_ms maxt, struct err *err)
{
    struct burying b = {.items = mem_new_array(struct tombstone *, n), .err = err};
    struct err later;
    struct found found;
    int rc = make_room(db, n, err);

    for (size_t i = 0; i < n && rc == 0; i++) {
        struct tombstone **t = &b.items[b.n];

        rc = tombstone_new(selectors[i].matchers, selectors[i].n, mint, maxt, t, err);
        if (rc < 0)
            break;
        rc = look(db, *t, &found, err);
        b.freeze = b.freeze || found.active;
        if (rc == 0 && (found.active || found.frozen || found.blocks))
            b.n++;
        else
            tombstone_unref(*t);
    }
    if (rc == 0 && b.n) {
        db_on_writer(db, bury, &b);
        rc = b.rc;
        if (rc == 0) {
            atomic_fetch_add(&db->counters.deletes, b.n);
            if (!db_wait_durable(db, b.seq))
                rc = err_os(err, EIO,
                            "deleted, but the log cannot be synced: it may be back after a power "
                            "cut");
        }
        /* The log has them: when the file cannot be written it is tried again by upkeep. */
        if (rc == 0 && save(db, &later) < 0)
            log_warn(db->log, "tsdb", "the file of the deletes cannot be written yet: %s",
                     later.text);
        db_wake_upkeep(db);
    }
    for (size_t i = 0; i < b.n; i++)
        tombstone_unref(b.items[i]);
    mem_free(b.items);
    return rc;
}

/* ---- 4: what is needed no more ---- */

static bool names_left(struct db *db, const struct tombstone *t)
{
    bool left = false;

    for (size_t i = 0; i < db->head.frozen_n && !left; i++)
        left = tombstone_has_window(t, db->head.frozen[i]->uid);
    for (size_t i = 0; i < db->blocks_n && !left && !atomic_load(&t->cleaned); i++) {
        const struct block_meta *m = block_meta(db->blocks[i]);

        left = m->generation <= t->generation && m->mint <= t->maxt && m->maxt >= t->mint;
    }
    return left;
}

struct dropping {
    struct db *db;
    uint32_t oldest; /* segment of the log */
    size_t n;        /* out */
};

static bool is_needless(void *arg, const struct tombstone *t)
{
    struct dropping *d = arg;
    bool needless = t->segment < d->oldest && !names_left(d->db, t);

    d->n += needless;
    return needless;
}

/* On the writer. */
static void find_oldest(struct db *db, void *arg)
{
    ((struct dropping *)arg)->oldest = wal_oldest(db->wal);
}

static void drop_needless(struct db *db, void *arg)
{
    struct dropping *d = arg;
    struct tombs *left;

    pthread_rwlock_wrlock(&db->head.data_lock);
    left = tombs_without(db->tombs, is_needless, d);
    put_tombs(db, left);
    pthread_rwlock_unlock(&db->head.data_lock);
}

/* Under upkeep_lock. */
static void drop(struct db *db)
{
    struct dropping d = {.db = db};
    struct err err;

    db_on_writer(db, find_oldest, &d);
    /* A segment or block that comes back after a power cut must not bring back what was deleted. */
    if (!db_blocks_gone(db) || db->fs->ops->sync_dir(db->fs, WAL_FOLDER, &err) < 0)
        return;
    db_on_writer(db, drop_needless, &d);
    if (!d.n)
        return;
    pthread_mutex_lock(&db->tombs_lock);
    db->tombs_rewrite = true;
    pthread_mutex_unlock(&db->tombs_lock);
    if (save(db, &err) < 0)
        log_warn(db->log, "tsdb", "the file of the deletes cannot be written anew yet: %s",
                 err.text);
}

void db_tombs_tick(struct db *db)
{
    struct db_counters *c = &db->counters;
    uint64_t happened = 1 + atomic_load(&c->cuts) + atomic_load(&c->compactions) +
                        atomic_load(&c->retention_deletes);
    struct tombs *t = db_tombs(db);
    size_t n = t ? t->n : 0;
    bool unsaved;
    struct err err;

    pthread_mutex_lock(&db->tombs_lock);
    unsaved = db->tombs_rewrite || (n && t->items[n - 1]->seq > db->tombs_saved);
    pthread_mutex_unlock(&db->tombs_lock);
    tombs_unref(t);
    /* A failure was or will be said by whoever asked for the delete; here it is tried again. */
    if (unsaved && save(db, &err) < 0)
        return;
    if (n && db->tombs_dropped_at != happened) {
        pthread_mutex_lock(&db->upkeep_lock);
        drop(db);
        pthread_mutex_unlock(&db->upkeep_lock);
    }
    db->tombs_dropped_at = happened;
}

/* ---- clean ---- */

/* The blocks to be written anew for the sake of one; 1: done, 0: nothing to do. */
static int clean_one(struct db *db, const struct tombs *t, const atomic_bool *cancelled,
                     size_t *left_out, struct err *err)
{
    SCOPED(arena_fini) struct arena a;
    struct block **blocks;
    size_t n = db_blocks_list(db, &blocks), index[COMPACT_BLOCKS_MAX], around;
    int rc = 0;

    arena_init(&a, db->settings.budget);
    *left_out = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        bool holds = false;

        for (size_t k = 0; k < t->n && rc == 0 && !holds; k++)
            rc = look_in_block(blocks[i], &a, t->items[k], &holds, err);
        arena_reset(&a);
        if (rc < 0 || !holds)
            continue;
        around = compact_around(blocks, n, i, index);
        if (!around) {
            (*left_out)++;
            continue;
        }
        rc = db_merge_blocks(db, blocks, index, around, cancelled, err) < 0 ? -1 : 1;
    }
    db_blocks_list_free(blocks, n);
    return rc;
}

static int clean_all(struct db *db, struct tombs *t, const atomic_bool *cancelled, struct err *err)
{
    size_t left_out;
    int rc;

    do {
        rc = clean_one(db, t, cancelled, &left_out, err);
    } while (rc > 0);
    if (rc < 0)
        return -1;
    if (left_out)
        return err_set(err, ERR_CORRUPT,
                       "%zu blocks are damaged and were left as they are; what is deleted stays "
                       "hidden (see `earshot tsdb verify`)",
                       left_out);
    for (size_t i = 0; i < t->n; i++)
        atomic_store(&t->items[i]->cleaned, true);
    return 0;
}

/* On the writer: segments with nothing left in them go. */
static void begin_segment(struct db *db, void *arg)
{
    struct err err;
    uint32_t segment;

    (void)arg;
    if (!atomic_load(&db->disk_full) && wal_prepare(db->wal, &segment, &err) == 0)
        wal_put_segment(&db->put, segment);
}

int db_clean_tombstones(struct db *db, const atomic_bool *cancelled, struct err *err)
{
    struct tombs *t;
    int rc = 0;

    pthread_mutex_lock(&db->upkeep_lock);
    t = db_tombs(db);
    if (t && t->n) {
        db_on_writer(db, begin_segment, NULL);
        rc = db_cut_all(db, cancelled, err);
        if (rc == 0)
            rc = clean_all(db, t, cancelled, err);
        if (rc == 0 && (rc = save(db, err)) == 0)
            drop(db);
    }
    tombs_unref(t);
    pthread_mutex_unlock(&db->upkeep_lock);
    return rc < 0 ? -1 : 0;
}

/* ---- start ---- */

/* As a second name: the file goes when there is a better one. */
static void keep_aside(struct db *db)
{
    struct err err;

    log_error(db->log, "tsdb",
              "the file of the deletes (%s) is damaged: some may be lost, so that deleted samples "
              "are there again; the file is kept in " BAD_FOLDER "/",
              TOMB_LOG);
    if (db->fs->ops->mkdir(db->fs, BAD_FOLDER, &err) < 0 ||
        db->fs->ops->unlink(db->fs, BAD_FOLDER "/" TOMB_LOG, &err) < 0 ||
        db->fs->ops->link(db->fs, TOMB_LOG, BAD_FOLDER "/" TOMB_LOG, &err) < 0)
        log_error(db->log, "tsdb", "it cannot be kept there: %s", err.text);
}

int db_tombs_open(struct db *db, struct err *err)
{
    struct tomb_log_found found;

    db->head.deleted = is_deleted;
    db->head.deleted_arg = db;
    if (tomb_log_read(db->fs, &found, err) < 0) {
        if (err->kind == ERR_TYPE)
            return -1;
        found.corrupt = 1; /* it cannot be read */
    }
    db->tombs = found.tombs;
    db->tombs_records = found.records;
    db->tombs_torn = found.torn;
    db->tombs_rewrite = found.torn || found.corrupt;
    atomic_store(&db->counters.corrupt_tombstones, found.corrupt);
    for (size_t i = 0; db->tombs && i < db->tombs->n; i++) {
        const struct tombstone *t = db->tombs->items[i];

        db->tombs_saved = t->seq;
        db->generation = t->generation > db->generation ? t->generation : db->generation;
    }
    return 0;
}

void db_tombs_replayed(struct db *db, struct tombstone *const deletes[], size_t n)
{
    /* The log keeps what is not in the file for certain, so a torn end is one of these. */
    if (db->tombs_torn && !n)
        atomic_fetch_add(&db->counters.corrupt_tombstones, 1);
    if (atomic_load(&db->counters.corrupt_tombstones))
        keep_aside(db);
    for (size_t i = 0; i < n; i++)
        if (deletes[i]->generation > db->generation)
            db->generation = deletes[i]->generation;
    db->tombs_rewrite = db->tombs_rewrite || n;
    put_tombs(db, tombs_with(db->tombs, deletes, n));
}
