/* db_disk: what happens when the disk is full.
 *
 * A reserve file keeps min(16 MiB, 2 %) of the disk. When a write finds the disk full, the reserve
 * is released at once, so that others (the state database) can go on; the log takes nothing more
 * until there is room to make the reserve again and a little beside it.
 */
#include <errno.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "sys/fs.h"
#include "tsdb/db_impl.h"

#define RESERVE_FOLDER  "reserve"
#define RESERVE         RESERVE_FOLDER "/zeros"
#define RESERVE_MAX     (UINT64_C(16) << 20)
#define ROOM_BESIDE_IT  (UINT64_C(1) << 20)
#define ZEROS_AT_A_TIME (256u << 10)

void db_disk_failed(struct db *db, const struct err *err)
{
    struct err ignored;
    bool full = err->kind == ERR_OS && (err->os == ENOSPC || err->os == EDQUOT);

    if (!full) {
        if (!db->log_complained)
            log_error(db->log, "tsdb", "%s; remote writes are refused, scrapes are kept in memory",
                      err->text);
        db->log_complained = true;
        return;
    }
    if (atomic_exchange(&db->disk_full, true))
        return;
    if (db->fs->ops->unlink(db->fs, RESERVE, &ignored) < 0)
        err_clear(&ignored);
    log_error(db->log, "tsdb",
              "the disk of %s is full: remote writes are refused, scrapes are kept in memory; "
              "free some space, it goes on by itself",
              db->fs->root);
}

static int reserve_fill(struct db *db, struct fs_file *f, uint64_t bytes, struct err *err)
{
    char *zeros = mem_zalloc(ZEROS_AT_A_TIME);
    int rc = 0;

    while (bytes && rc == 0) {
        size_t n = bytes < ZEROS_AT_A_TIME ? (size_t)bytes : ZEROS_AT_A_TIME;

        rc = db->fs->ops->append(f, zeros, n, err);
        bytes -= n;
    }
    mem_free(zeros);
    return rc;
}

static int reserve_make(struct db *db, struct err *err)
{
    struct fs_space space;
    struct fs_file *f;
    uint64_t want, there = 0;
    int rc;

    if (db->fs->ops->space(db->fs, &space, err) < 0)
        return -1;
    want = space.total_bytes / 50 < RESERVE_MAX ? space.total_bytes / 50 : RESERVE_MAX;
    if (db->fs->ops->mkdir(db->fs, RESERVE_FOLDER, err) < 0 ||
        db->fs->ops->open_append(db->fs, RESERVE, &f, err) < 0)
        return -1;
    rc = db->fs->ops->size(f, &there, err);
    if (rc == 0 && there < want) {
        rc = space.free_bytes < want - there + ROOM_BESIDE_IT
                 ? err_os(err, ENOSPC, "no room for the reserve")
                 : reserve_fill(db, f, want - there, err);
    }
    db->fs->ops->close(f);
    if (rc == 0) {
        db->reserve_bytes = want;
    } else {
        struct err ignored;

        if (db->fs->ops->unlink(db->fs, RESERVE, &ignored) < 0)
            err_clear(&ignored);
    }
    return rc;
}

void db_disk_measure(struct db *db)
{
    struct fs_space space;
    struct err err;

    if (db->fs->ops->space(db->fs, &space, &err) < 0)
        return; /* what was known stands; writes tell of a disk that is gone */
    atomic_store(&db->disk_size_bytes, space.total_bytes);
    atomic_store(&db->disk_avail_bytes, space.free_bytes);
}

bool db_disk_tick(struct db *db)
{
    struct err err;

    if (db->reserve_bytes && !atomic_load(&db->disk_full))
        return false;
    if (reserve_make(db, &err) < 0) {
        /* A disk that is nearly full at start is not full yet. */
        db->reserve_bytes = atomic_load(&db->disk_full) ? db->reserve_bytes : 1;
        return false;
    }
    if (!atomic_exchange(&db->disk_full, false))
        return false;
    log_info(db->log, "tsdb", "the disk of %s has room again: writes go on", db->fs->root);
    return true;
}
