/* db_blocks: the store's list of open blocks. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "sys/fs.h"
#include "tsdb/block.h"
#include "tsdb/cache.h"
#include "tsdb/db_impl.h"

#define CACHE_BYTES (16u << 20)
#define BAD_FOLDER  "bad"

static int by_time(const void *a, const void *b)
{
    const struct block_meta *x = block_meta(*(struct block *const *)a);
    const struct block_meta *y = block_meta(*(struct block *const *)b);

    if (x->mint != y->mint)
        return x->mint < y->mint ? -1 : 1;
    return (x->generation > y->generation) - (x->generation < y->generation);
}

/* Under data_lock (write), or before the threads run. */
static void list_add(struct db *db, struct block *b)
{
    db->blocks = mem_grow(db->blocks, &db->blocks_cap, db->blocks_n + 1, sizeof(void *));
    db->blocks[db->blocks_n++] = b;
    qsort(db->blocks, db->blocks_n, sizeof(void *), by_time);
}

static void list_remove(struct db *db, const struct block *b)
{
    for (size_t i = 0; i < db->blocks_n; i++)
        if (db->blocks[i] == b) {
            memmove(db->blocks + i, db->blocks + i + 1, (db->blocks_n - i - 1) * sizeof(void *));
            db->blocks_n--;
            return;
        }
}

static void move_aside(struct db *db, const char *name, const struct err *why)
{
    char to[160];
    struct err err;

    atomic_fetch_add(&db->counters.corrupt_blocks, 1);
    (void)snprintf(to, sizeof to, BAD_FOLDER "/%s", name);
    if (db->fs->ops->mkdir(db->fs, BAD_FOLDER, &err) < 0 ||
        db->fs->ops->rename(db->fs, name, to, &err) < 0)
        log_error(db->log, "tsdb", "block %s is corrupt (%s) and cannot be moved aside: %s", name,
                  why->text, err.text);
    else
        log_error(db->log, "tsdb", "block %s is corrupt and was moved to %s: %s", name, to,
                  why->text);
}

static int open_one(struct db *db, const char *name, struct err *err)
{
    struct block *b;

    if (block_open(db->fs, db->cache, name, &b, err) == 0) {
        list_add(db, b);
        return 0;
    }
    switch (err->kind) {
    case ERR_TYPE:
        return -1;
    case ERR_CORRUPT:
        move_aside(db, name, err);
        return 0;
    default:
        atomic_fetch_add(&db->counters.corrupt_blocks, 1);
        log_error(db->log, "tsdb", "block %s is left out: %s", name, err->text);
        return 0;
    }
}

static bool names_as_parent(const struct block *b, const uint8_t uuid[16])
{
    const struct block_meta *m = block_meta(b);

    for (uint32_t i = 0; i < m->parents_n; i++)
        if (memcmp(m->parents[i], uuid, 16) == 0)
            return true;
    return false;
}

static bool is_superseded(const struct db *db, const struct block *b)
{
    for (size_t i = 0; i < db->blocks_n; i++)
        if (db->blocks[i] != b && names_as_parent(db->blocks[i], block_meta(b)->uuid))
            return true;
    return false;
}

static void remove_later(struct db *db, const char *name)
{
    db->undeleted =
        mem_grow(db->undeleted, &db->undeleted_cap, db->undeleted_n + 1, sizeof *db->undeleted);
    db->undeleted[db->undeleted_n++] = mem_strdup(name);
}

/* What a crash between a compaction and the end of its parents left. */
static void drop_superseded(struct db *db)
{
    for (size_t i = 0; i < db->blocks_n; i++) {
        struct block *b = db->blocks[i];
        struct err err;

        if (!is_superseded(db, b))
            continue;
        if (block_delete(b, &err) < 0) {
            log_warn(db->log, "tsdb", "%s", err.text);
            remove_later(db, block_name(b));
        }
        list_remove(db, b);
        block_unref(b);
        i--;
    }
}

/* The generation in a name also counts when the file is left out: its name is not used again. */
static void note_generation(struct db *db, const char *name)
{
    const char *dash = strrchr(name, '-');
    unsigned long g = dash ? strtoul(dash + 1, NULL, 10) : 0;

    if (g > db->generation && g < UINT32_MAX / 2)
        db->generation = (uint32_t)g;
}

int db_blocks_open(struct db *db, struct err *err)
{
    SCOPED(arena_fini) struct arena a;
    struct fs_entry *entries;
    struct err ignored;
    size_t n;

    arena_init(&a, NULL);
    db->cache = cache_new(CACHE_BYTES);
    if (db->fs->ops->list(db->fs, "", &a, &entries, &n, err) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        struct str name = str_c(entries[i].name);

        if (entries[i].folder)
            continue;
        if (str_starts(name, STR("b-")) && str_ends(name, STR(".ear"))) {
            note_generation(db, entries[i].name);
            if (open_one(db, entries[i].name, err) < 0)
                return -1;
        } else if (str_ends(name, STR(".tmp"))) {
            if (db->fs->ops->unlink(db->fs, entries[i].name, &ignored) < 0)
                err_clear(&ignored);
        }
    }
    drop_superseded(db);
    return 0;
}

void db_blocks_close(struct db *db)
{
    for (size_t i = 0; i < db->blocks_n; i++)
        block_unref(db->blocks[i]);
    for (size_t i = 0; i < db->undeleted_n; i++)
        mem_free(db->undeleted[i]);
    mem_free(db->undeleted);
    mem_free(db->blocks);
    cache_free(db->cache);
}

bool db_blocks_has(void *arg, const char *name, const uint8_t uuid[16])
{
    const struct db *db = arg;

    for (size_t i = 0; i < db->blocks_n; i++)
        if (strcmp(block_name(db->blocks[i]), name) == 0 || names_as_parent(db->blocks[i], uuid))
            return true;
    return false;
}

uint32_t db_blocks_generation(struct db *db)
{
    uint32_t newest = 0;

    pthread_rwlock_wrlock(&db->head.data_lock);
    for (size_t i = 0; i < db->blocks_n; i++) {
        uint32_t g = block_meta(db->blocks[i])->generation;

        newest = g > newest ? g : newest;
    }
    /* Also when the newest block was deleted or left out: a name is not used twice. */
    newest = newest > db->generation ? newest + 1 : db->generation + 1;
    db->generation = newest;
    pthread_rwlock_unlock(&db->head.data_lock);
    return newest;
}

void db_blocks_uuid(struct db *db, uint32_t generation, uint8_t uuid[16])
{
    uint64_t seed[4] = {(uint64_t)db->clock->wall_ms(db->clock),
                        (uint64_t)db->clock->mono_ns(db->clock), generation,
                        (uint64_t)(uintptr_t)db};

    for (uint64_t half = 0; half < 2; half++) {
        uint64_t h;

        seed[3] ^= half;
        h = hash_bytes(seed, sizeof seed);
        memcpy(uuid + 8 * half, &h, 8);
    }
}

/* ---- while the store runs: upkeep only ---- */

size_t db_blocks_list(struct db *db, struct block ***out)
{
    size_t n;

    pthread_rwlock_rdlock(&db->head.data_lock);
    n = db->blocks_n;
    *out = mem_new_array(struct block *, n);
    for (size_t i = 0; i < n; i++)
        (*out)[i] = block_ref(db->blocks[i]);
    pthread_rwlock_unlock(&db->head.data_lock);
    return n;
}

void db_blocks_list_free(struct block **list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        block_unref(list[i]);
    mem_free(list);
}

/* 128 bits as 26 letters of five bits each, the first of three. */
static void write_ulid(const uint8_t uuid[16], char out[27])
{
    static const char letters[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    unsigned __int128 bits = 0;

    for (size_t i = 0; i < 16; i++)
        bits = bits << 8 | uuid[i];
    for (size_t i = 26; i-- > 0; bits >>= 5)
        out[i] = letters[bits & 31];
    out[26] = '\0';
}

int db_blocks(struct db *db, struct arena *a, struct db_block **out, size_t *n, struct err *err)
{
    struct block **list;
    size_t count = db_blocks_list(db, &list);
    struct db_block *blocks = arena_zalloc_array(a, count, sizeof *blocks, err);

    for (size_t i = 0; blocks && i < count; i++) {
        const struct block_meta *m = block_meta(list[i]);

        blocks[i] = (struct db_block){.mint = m->mint,
                                      .maxt = m->maxt,
                                      .samples = m->samples,
                                      .series = m->series,
                                      .compacted = m->parents_n > 0};
        write_ulid(m->uuid, blocks[i].ulid);
    }
    db_blocks_list_free(list, count);
    if (!blocks)
        return -1;
    *out = blocks;
    *n = count;
    return 0;
}

int db_blocks_open_new(struct db *db, const char *name, struct block **out, struct err *err)
{
    struct err ignored;

    if (block_open(db->fs, db->cache, name, out, err) == 0)
        return 0;
    if (db->fs->ops->unlink(db->fs, name, &ignored) < 0)
        remove_later(db, name);
    return -1;
}

void db_blocks_swap(struct db *db, struct block *in, struct block *const out[], size_t out_n,
                    struct window *const windows[], size_t windows_n)
{
    pthread_rwlock_wrlock(&db->head.data_lock);
    if (in)
        list_add(db, in);
    for (size_t i = 0; i < out_n; i++)
        list_remove(db, out[i]);
    for (size_t i = 0; i < windows_n; i++)
        head_drop(&db->head, windows[i]);
    pthread_rwlock_unlock(&db->head.data_lock);
    for (size_t i = 0; i < out_n; i++) {
        struct err err;

        if (block_delete(out[i], &err) < 0) {
            log_warn(db->log, "tsdb", "%s", err.text);
            remove_later(db, block_name(out[i]));
        }
        block_unref(out[i]); /* the list's */
    }
}

bool db_blocks_gone(struct db *db)
{
    struct err err;

    while (db->undeleted_n) {
        if (db->fs->ops->unlink(db->fs, db->undeleted[db->undeleted_n - 1], &err) < 0)
            return false;
        mem_free(db->undeleted[--db->undeleted_n]);
    }
    return db->fs->ops->sync_dir(db->fs, "", &err) == 0;
}
