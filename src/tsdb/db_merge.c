/* db_merge: fewer blocks (compact.h decides and does it), and none that are too old (retention.h).
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "tsdb/block.h"
#include "tsdb/compact.h"
#include "tsdb/db_impl.h"
#include "tsdb/tomb.h"

#define RETRY_NS (INT64_C(600) * 1000000000)

int db_merge_blocks(struct db *db, struct block *const blocks[], const size_t index[], size_t n,
                    const atomic_bool *cancelled, struct err *err)
{
    struct block *chosen[COMPACT_BLOCKS_MAX], *merged = NULL;
    /* In this order: a delete that is not among the tombstones yet means this generation too. */
    uint32_t generation = db_blocks_generation(db);
    struct tombs *tombs = db_tombs(db);
    uint8_t uuid[16];
    char name[96];
    int rc;

    for (size_t i = 0; i < n; i++)
        chosen[i] = blocks[index[i]];
    db_blocks_uuid(db, generation, uuid);
    rc = compact_run(db->fs, chosen, n, tombs, generation, uuid, cancelled, name, err);
    tombs_unref(tombs);
    if (rc == 0 && name[0])
        rc = db_blocks_open_new(db, name, &merged, err);
    if (rc == 0) {
        db_blocks_swap(db, merged, chosen, n, NULL, 0);
        atomic_fetch_add(&db->counters.compactions, 1);
    }
    return rc;
}

/* 1: merged some, 0: nothing to do. */
static int merge_some(struct db *db, bool force, const atomic_bool *cancelled, struct err *err)
{
    struct block **blocks;
    size_t index[COMPACT_BLOCKS_MAX], n = db_blocks_list(db, &blocks);
    size_t chosen = compact_plan(blocks, n, force, index);
    int rc = 0;

    if (chosen)
        rc = db_merge_blocks(db, blocks, index, chosen, cancelled, err) < 0 ? -1 : 1;
    db_blocks_list_free(blocks, n);
    return rc;
}

int db_merge_all(struct db *db, bool force, const atomic_bool *cancelled, struct err *err)
{
    int rc;

    do {
        rc = merge_some(db, force, cancelled, err);
    } while (rc > 0);
    if (rc < 0 && err->kind != ERR_CANCELLED)
        atomic_fetch_add(&db->counters.compaction_failures, 1);
    return rc;
}

void db_merge_tick(struct db *db)
{
    uint64_t blocks_made = atomic_load(&db->counters.cuts) + atomic_load(&db->counters.compactions);
    int64_t now = db->clock->mono_ns(db->clock);
    struct err err;
    int rc;

    /* Only a new block can make another one ripe; the first look is at what was found at start. */
    if (db->merged_at == blocks_made + 1 ||
        (db->merge_failed_ns && now - db->merge_failed_ns < RETRY_NS))
        return;
    pthread_mutex_lock(&db->upkeep_lock);
    rc = db_merge_all(db, false, &db->upkeep_cancelled, &err);
    pthread_mutex_unlock(&db->upkeep_lock);
    db->merge_failed_ns = rc < 0 ? now : 0;
    if (rc == 0)
        db->merged_at =
            atomic_load(&db->counters.cuts) + atomic_load(&db->counters.compactions) + 1;
    else if (err.kind != ERR_CANCELLED)
        log_error(db->log, "tsdb", "blocks could not be compacted (tried again in %d s): %s",
                  (int)(RETRY_NS / 1000000000), err.text);
}

void db_retention_tick(struct db *db)
{
    struct retention_block *rb;
    struct block **blocks;
    struct head_sums sums;
    ts_ms newest;
    size_t n;
    int at;

    pthread_rwlock_rdlock(&db->head.data_lock);
    sums = head_sums(&db->head);
    pthread_rwlock_unlock(&db->head.data_lock);
    newest = sums.max_ts;
    pthread_mutex_lock(&db->upkeep_lock);
    n = db_blocks_list(db, &blocks);
    rb = mem_new_array(struct retention_block, n);
    for (size_t i = 0; i < n; i++) {
        const struct block_meta *m = block_meta(blocks[i]);

        rb[i] = (struct retention_block){m->maxt, m->bytes};
        newest = m->maxt > newest ? m->maxt : newest;
    }
    db->retention.limit_ms = atomic_load(&db->retention_ms);
    db->retention.limit_bytes = atomic_load(&db->retention_bytes);
    at = retention_choose(&db->retention, db->clock, rb, n, newest, wal_stats(db->wal).bytes);
    if (at != RETENTION_NONE) {
        log_info(db->log, "tsdb", "block %s is older or more than is to be kept: deleted",
                 block_name(blocks[at]));
        db_blocks_swap(db, NULL, &blocks[at], 1, NULL, 0);
        atomic_fetch_add(&db->counters.retention_deletes, 1);
    }
    mem_free(rb);
    db_blocks_list_free(blocks, n);
    pthread_mutex_unlock(&db->upkeep_lock);
}
