/* db_snapshot: a copy of the store at one moment, under snapshots/.
 *
 *   1  On the writer: the log's segment ends. What was answered before is in the segments there are
 *      now, which take nothing more, and in blocks.
 *   2  The log is synced up to there.
 *   3  Blocks and segments get a second name in snapshots/<name>.tmp; what the store changes in
 *      place (the tombstones, the marks of what is synced) is written anew.
 *   4  The folder gets its name.
 *
 * The copy is what a kill at 1 would have left, so it is opened as every data directory is. Samples
 * come in all the while. Nothing is cut, compacted or deleted for its age: upkeep_lock is held.
 *
 * A crash before 4 leaves a folder .tmp, which the next start removes.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "sys/fs.h"
#include "tsdb/block.h"
#include "tsdb/db_impl.h"
#include "tsdb/tomb.h"
#include "tsdb/tomb_log.h"

#define FOLDER     "snapshots"
#define UNFINISHED ".tmp"
#define TRIES      3 /* a segment that went between the look and the link is rare */
#define PATH_BYTES 256

/* ---- what is not finished ---- */

/* Removes a folder, and what is in it down to `depth` more folders. */
static int remove_folder(struct fs *fs, const char *path, int depth, struct err *err)
{
    SCOPED(arena_fini) struct arena a;
    struct fs_entry *entries;
    char inner[PATH_BYTES];
    size_t n;

    arena_init(&a, NULL);
    if (fs->ops->list(fs, path, &a, &entries, &n, err) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        int rc;

        (void)snprintf(inner, sizeof inner, "%s/%.150s", path, entries[i].name);
        if (!entries[i].folder)
            rc = fs->ops->unlink(fs, inner, err);
        else
            rc = depth ? remove_folder(fs, inner, depth - 1, err) : 0;
        if (rc < 0)
            return -1;
    }
    return fs->ops->rmdir(fs, path, err);
}

void db_snapshots_clean(struct db *db)
{
    SCOPED(arena_fini) struct arena a;
    struct fs_entry *entries;
    char path[PATH_BYTES];
    struct err err;
    size_t n;

    arena_init(&a, NULL);
    if (db->fs->ops->list(db->fs, FOLDER, &a, &entries, &n, &err) < 0)
        return;
    for (size_t i = 0; i < n; i++) {
        if (!entries[i].folder || !str_ends(str_c(entries[i].name), STR(UNFINISHED)))
            continue;
        (void)snprintf(path, sizeof path, FOLDER "/%.150s", entries[i].name);
        if (remove_folder(db->fs, path, 1, &err) < 0)
            log_warn(db->log, "tsdb",
                     "a snapshot that was not finished cannot be removed (tried again at the next "
                     "start): %s",
                     err.text);
    }
}

/* ---- 1: the moment ---- */

struct moment {
    bool head;
    uint64_t seq;    /* of the last record in it */
    char **segments; /* owned, oldest first */
    size_t segments_n;
    struct tombs *tombs; /* referenced */
    int rc;
    struct err *err;
};

static int end_segment(struct db *db, struct moment *m)
{
    uint32_t segment;

    if (atomic_load(&db->disk_full))
        return err_os(m->err, ENOSPC, "no snapshot was made: the disk is full");
    if (atomic_load(&db->unlogged_bytes))
        return err_os(m->err, EIO,
                      "no snapshot was made: the disk failed, and some samples are in memory only "
                      "until it can be written again");
    /* A segment of its own, which says where the one before ended. */
    wal_rotate(db->wal);
    if (wal_prepare(db->wal, &segment, m->err) < 0) {
        db_disk_failed(db, m->err);
        return -1;
    }
    wal_put_segment(&db->put, segment);
    wal_rotate(db->wal);
    m->seq = wal_stats(db->wal).last_seq;
    return 0;
}

static void look(struct db *db, void *arg)
{
    struct moment *m = arg;

    m->rc = m->head ? end_segment(db, m) : 0;
    if (m->rc < 0)
        return;
    m->tombs = db_tombs(db);
    while (m->head && wal_segment_name(db->wal, m->segments_n))
        m->segments_n++;
    m->segments = mem_new_array(char *, m->segments_n);
    for (size_t i = 0; i < m->segments_n; i++)
        m->segments[i] = mem_strdup(wal_segment_name(db->wal, i));
}

static void moment_fini(struct moment *m)
{
    for (size_t i = 0; i < m->segments_n; i++)
        mem_free(m->segments[i]);
    mem_free(m->segments);
    tombs_unref(m->tombs);
}

/* The tombstones as far as they mean blocks. Numbers of windows are given out again where there is
 * no log. */
static int of_blocks_only(struct moment *m, struct err *err)
{
    struct tombs *all = m->tombs;
    size_t n = 0, all_n = all ? all->n : 0;
    struct tombstone **items = mem_new_array(struct tombstone *, all_n);
    int rc = 0;

    for (size_t i = 0; i < all_n && rc == 0; i++) {
        const struct tombstone *t = all->items[i];

        rc = tombstone_new(t->matchers, t->matchers_n, t->mint, t->maxt, &items[n], err);
        if (rc < 0)
            break;
        items[n]->seq = t->seq;
        items[n]->generation = t->generation;
        n++;
    }
    if (rc == 0) {
        m->tombs = tombs_with(NULL, items, n);
        tombs_unref(all);
    }
    for (size_t i = 0; i < n; i++)
        tombstone_unref(items[i]);
    mem_free(items);
    return rc;
}

/* ---- 3: the copy ---- */

struct copy {
    struct db *db;
    char folder[PATH_BYTES];
    const atomic_bool *cancelled;
    size_t blocks_n;
    struct err *err;
};

static const char *in_copy(const struct copy *c, const char *name, char path[PATH_BYTES])
{
    (void)snprintf(path, PATH_BYTES, "%.120s/%.120s", c->folder, name);
    return path;
}

static int link_one(const struct copy *c, const char *name)
{
    struct fs *fs = c->db->fs;
    char path[PATH_BYTES];

    if (c->cancelled && atomic_load(c->cancelled))
        return err_set(c->err, ERR_CANCELLED, "cancelled");
    return fs->ops->link(fs, name, in_copy(c, name, path), c->err);
}

static int link_blocks(struct copy *c)
{
    struct block **blocks;
    size_t n = db_blocks_list(c->db, &blocks);
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++)
        rc = link_one(c, block_name(blocks[i]));
    db_blocks_list_free(blocks, n);
    c->blocks_n = n;
    return rc;
}

/* The newest first: the writer removes the oldest when nothing in them is needed any more, which
 * must not leave a hole. When even the newest went, ENOENT: look again, there is a newer one. */
static int link_segments(struct copy *c, const struct moment *m)
{
    for (size_t i = m->segments_n; i-- > 0;) {
        if (link_one(c, m->segments[i]) == 0)
            continue;
        return c->err->kind == ERR_OS && c->err->os == ENOENT && i + 1 < m->segments_n ? 0 : -1;
    }
    return 0;
}

static int write_marks(const struct copy *c, uint64_t seq)
{
    SCOPED(buf_fini) struct buf b = {0};
    struct fs *fs = c->db->fs;
    char path[PATH_BYTES];
    struct fs_file *f;
    int rc;

    wal_put_mark(&b, seq);
    if (fs->ops->create(fs, in_copy(c, WAL_MARKS, path), &f, c->err) < 0)
        return -1;
    rc = fs->ops->append(f, b.p, b.n, c->err);
    if (rc == 0)
        rc = fs->ops->datasync(f, c->err);
    fs->ops->close(f);
    return rc;
}

static int copy_log(struct copy *c, const struct moment *m)
{
    struct fs *fs = c->db->fs;
    char path[PATH_BYTES];

    if (fs->ops->mkdir(fs, in_copy(c, WAL_FOLDER, path), c->err) < 0 || link_segments(c, m) < 0 ||
        write_marks(c, m->seq) < 0)
        return -1;
    return fs->ops->sync_dir(fs, path, c->err);
}

static int copy_all(struct copy *c, const struct moment *m)
{
    struct fs *fs = c->db->fs;
    char path[PATH_BYTES];

    if (fs->ops->mkdir(fs, FOLDER, c->err) < 0 || fs->ops->mkdir(fs, c->folder, c->err) < 0 ||
        link_blocks(c) < 0 || (m->head && copy_log(c, m) < 0))
        return -1;
    if (m->tombs && m->tombs->n &&
        tomb_log_create(fs, in_copy(c, TOMB_LOG, path), m->tombs, c->err) < 0)
        return -1;
    return fs->ops->sync_dir(fs, c->folder, c->err);
}

/* ---- all of it ---- */

/* The time, and what makes it the only one of its second. Under upkeep_lock. */
static void make_name(struct db *db, char name[DB_SNAPSHOT_NAME])
{
    ts_ms now = db->clock->wall_ms(db->clock);
    int64_t seed[3] = {now, db->clock->mono_ns(db->clock), ++db->snapshots_n};
    time_t seconds = (time_t)(now / 1000);
    struct tm tm;
    size_t n;

    (void)gmtime_r(&seconds, &tm);
    n = strftime(name, DB_SNAPSHOT_NAME, "%Y%m%dT%H%M%SZ", &tm);
    (void)snprintf(name + n, DB_SNAPSHOT_NAME - n, "-%016llx",
                   (unsigned long long)hash_bytes(seed, sizeof seed));
}

static int finish(struct copy *c, const char *name)
{
    struct fs *fs = c->db->fs;
    struct err ignored;
    char to[PATH_BYTES];

    (void)snprintf(to, sizeof to, FOLDER "/%s", name);
    if (fs->ops->rename(fs, c->folder, to, c->err) < 0)
        return -1;
    if (fs->ops->sync_dir(fs, FOLDER, c->err) == 0 && fs->ops->sync_dir(fs, "", c->err) == 0)
        return 0;
    /* It was never answered, so nobody would look after it. */
    if (remove_folder(fs, to, 1, &ignored) < 0)
        log_warn(c->db->log, "tsdb", "%s", ignored.text);
    return -1;
}

/* Under upkeep_lock. */
static int snapshot(struct db *db, struct copy *c, struct moment *m, const char *name)
{
    /* A block is the only place for what the log did not take. */
    if (m->head && atomic_load(&db->unlogged_bytes) && db_seal(db, c->cancelled, c->err) < 0)
        return -1;
    db_on_writer(db, look, m);
    if (m->rc < 0 || (!m->head && of_blocks_only(m, c->err) < 0))
        return -1;
    if (m->head && !db_wait_durable(db, m->seq))
        return err_os(c->err, EIO, "no snapshot was made: the log cannot be synced");
    if (copy_all(c, m) < 0 || finish(c, name) < 0) {
        db_snapshots_clean(db);
        return -1;
    }
    return 0;
}

int db_snapshot(struct db *db, bool skip_head, const atomic_bool *cancelled,
                char name[DB_SNAPSHOT_NAME], struct err *err)
{
    struct err why = {0};
    struct copy c = {.db = db, .cancelled = cancelled, .err = &why};
    struct moment m = {.head = !skip_head, .err = &why};
    char made[DB_SNAPSHOT_NAME];
    int rc;

    pthread_mutex_lock(&db->upkeep_lock);
    make_name(db, made);
    (void)snprintf(c.folder, sizeof c.folder, FOLDER "/%s" UNFINISHED, made);
    for (int left = TRIES; (rc = snapshot(db, &c, &m, made)) < 0 && left > 1; left--) {
        if (why.kind != ERR_OS || why.os != ENOENT)
            break;
        moment_fini(&m);
        m = (struct moment){.head = !skip_head, .err = &why};
    }
    pthread_mutex_unlock(&db->upkeep_lock);
    if (rc < 0 && err)
        *err = why;
    if (rc == 0) {
        memcpy(name, made, sizeof made);
        log_info(db->log, "tsdb", "snapshot " FOLDER "/%s: %zu blocks, %zu files of the log", made,
                 c.blocks_n, m.segments_n);
    }
    moment_fini(&m);
    return rc;
}
