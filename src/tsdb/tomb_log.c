#include "tsdb/tomb_log.h"

#include <errno.h>
#include <string.h>

#include "base/cursor.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "sys/fs.h"
#include "tsdb/tomb.h"
#include "tsdb/wal_record.h"

#define MAGIC        "earshotT"
#define HEADER_BYTES 16u
#define TMP          TOMB_LOG ".tmp" /* removed at start, as every .tmp is */
#define FILE_MAX     (UINT64_C(256) << 20)

/* ---- reading ---- */

static int read_file(struct fs *fs, char **out, size_t *n, struct err *err)
{
    struct fs_file *f;
    uint64_t bytes = 0;
    size_t got = 0;
    int rc;

    *out = NULL;
    *n = 0;
    if (fs->ops->open_read(fs, TOMB_LOG, &f, err) < 0)
        return err->kind == ERR_OS && err->os == ENOENT ? 0 : -1;
    rc = fs->ops->size(f, &bytes, err);
    if (rc == 0 && bytes > FILE_MAX)
        rc = err_set(err, ERR_CORRUPT, "%s is larger than it can be", TOMB_LOG);
    if (rc == 0) {
        *out = mem_zalloc((size_t)bytes + 1);
        rc = fs->ops->pread(f, 0, *out, (size_t)bytes, &got, err);
        *n = got;
    }
    fs->ops->close(f);
    return rc;
}

/* True when the header is sound. */
static int read_header(const char *p, size_t n, bool *sound, struct err *err)
{
    struct cursor c = cursor_of(p, n);
    struct str magic = cursor_bytes(&c, 8);
    uint32_t major = cursor_u32(&c), crc = cursor_u32(&c);

    *sound = !c.failed && str_eq(magic, STR(MAGIC)) && crc == crc32c(0, p, HEADER_BYTES - 4);
    if (*sound && major > TOMB_LOG_MAJOR)
        return err_set(err, ERR_TYPE,
                       "%s has format %u, this program knows up to %d: use the newer program "
                       "again, or another data directory",
                       TOMB_LOG, major, TOMB_LOG_MAJOR);
    return 0;
}

static bool whole_at(const char *p, size_t left, struct wal_header *h)
{
    return wal_header_read(p, left, h) && left >= wal_record_bytes(h->payload_bytes) &&
           wal_record_intact(p, h) && h->type == WAL_DELETE;
}

/* A record that ends too early, or was never filled: the last append was not finished. */
static bool is_torn(const char *p, size_t n)
{
    struct wal_header h;
    size_t zeros = 0;

    if (n < WAL_HEADER_BYTES)
        return true;
    if (wal_header_read(p, n, &h) && wal_record_bytes(h.payload_bytes) > n)
        return true;
    while (zeros < n && !p[zeros])
        zeros++;
    return zeros == n;
}

static void read_records(const char *p, size_t n, struct tomb_log_found *out)
{
    struct tombstone **items = NULL;
    size_t at = HEADER_BYTES, bad = SIZE_MAX, items_n = 0, cap = 0;

    for (; at < n; at += 8) {
        struct wal_header h;
        struct tombstone *t;
        struct cursor c;
        struct err err;

        if (!whole_at(p + at, n - at, &h)) {
            bad = bad == SIZE_MAX ? at : bad;
            continue;
        }
        out->corrupt += bad != SIZE_MAX;
        bad = SIZE_MAX;
        c = cursor_of(p + at + WAL_HEADER_BYTES, h.payload_bytes);
        if (!h.seq || tombstone_decode(&c, h.seq, &t, &err) < 0) {
            out->corrupt++; /* seq 0: the log counts from 1 */
        } else {
            items = mem_grow(items, &cap, items_n + 1, sizeof *items);
            items[items_n++] = t;
        }
        out->records++;
        at += wal_record_bytes(h.payload_bytes) - 8;
    }
    if (bad != SIZE_MAX) {
        out->torn = is_torn(p + bad, n - bad);
        out->corrupt += !out->torn;
    }
    out->tombs = tombs_with(NULL, items, items_n);
    for (size_t i = 0; i < items_n; i++)
        tombstone_unref(items[i]);
    mem_free(items);
}

int tomb_log_read(struct fs *fs, struct tomb_log_found *out, struct err *err)
{
    SCOPED(mem_freep) char *p = NULL;
    size_t n;
    bool sound = false;

    *out = (struct tomb_log_found){0};
    if (read_file(fs, &p, &n, err) < 0)
        return -1;
    if (!n)
        return 0;
    if (read_header(p, n, &sound, err) < 0)
        return -1;
    if (n < HEADER_BYTES)
        out->torn = true;
    else {
        out->corrupt += !sound;
        read_records(p, n, out);
    }
    return 0;
}

/* ---- writing ---- */

static void put_header(struct buf *b)
{
    size_t start = b->n;

    buf_add(b, STR(MAGIC));
    put_u32(b, TOMB_LOG_MAJOR);
    put_u32(b, crc32c(0, b->p + start, HEADER_BYTES - 4));
}

static void put_records(struct buf *b, const struct tombs *t, uint64_t after)
{
    for (size_t i = 0; t && i < t->n; i++) {
        size_t start;

        if (t->items[i]->seq <= after)
            continue;
        start = wal_record_begin(b);
        tombstone_encode(t->items[i], b);
        wal_record_end(b, start, WAL_DELETE, 0, t->items[i]->seq);
    }
}

int tomb_log_append(struct fs *fs, const struct tombs *t, uint64_t after, struct err *err)
{
    SCOPED(buf_fini) struct buf b = {0};
    struct fs_file *f;
    int rc;

    put_records(&b, t, after);
    if (fs->ops->open_append(fs, TOMB_LOG, &f, err) < 0)
        return -1;
    rc = fs->ops->append(f, b.p, b.n, err);
    if (rc == 0)
        rc = fs->ops->datasync(f, err);
    fs->ops->close(f);
    return rc;
}

int tomb_log_create(struct fs *fs, const char *name, const struct tombs *t, struct err *err)
{
    SCOPED(buf_fini) struct buf b = {0};
    struct fs_file *f;
    int rc;

    put_header(&b);
    put_records(&b, t, 0);
    if (fs->ops->create(fs, name, &f, err) < 0)
        return -1;
    rc = fs->ops->append(f, b.p, b.n, err);
    if (rc == 0)
        rc = fs->ops->datasync(f, err);
    fs->ops->close(f);
    return rc;
}

int tomb_log_rewrite(struct fs *fs, const struct tombs *t, struct err *err)
{
    if (fs->ops->unlink(fs, TMP, err) < 0 || tomb_log_create(fs, TMP, t, err) < 0 ||
        fs->ops->rename(fs, TMP, TOMB_LOG, err) < 0)
        return -1;
    return fs->ops->sync_dir(fs, "", err);
}
