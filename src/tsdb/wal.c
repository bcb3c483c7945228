#include "tsdb/wal.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/cursor.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "sys/fs.h"
#include "tsdb/window.h"

#define NAME_BYTES 64

struct segment {
    char name[NAME_BYTES];
    uint32_t number;
    uint64_t bytes;
    uint64_t *windows; /* owned; with samples in it that are not in a block yet */
    size_t windows_n, windows_cap;
};

/* A file that sync has to close. */
struct closing {
    struct fs_file *file;
    bool dead; /* its sync failed: close only */
    struct closing *next;
};

struct wal {
    struct fs *fs;
    const struct clock *clock;

    /* The writer's. */
    struct buf buf;           /* records that are being assembled */
    size_t record;            /* where the current one starts */
    uint64_t next_seq;        /* of the next record to assemble */
    uint64_t assembled;       /* records in buf */
    struct segment *segments; /* owned, oldest first; the last one is current if file is set */
    size_t segments_n, segments_cap;
    uint32_t number; /* of the newest segment */
    bool rotate;
    uint64_t marked_seq; /* what the newest SYNC record says */

    pthread_mutex_t lock;  /* guards all below */
    pthread_cond_t synced; /* unsynced shrank, or a sync failed */
    struct fs_file *file;  /* of the current segment; NULL: none. Closed by whoever takes it out. */
    struct closing *closing; /* files that are complete, to be synced once more and closed */
    struct buf unsynced;     /* written since the last sync began */
    struct buf syncing;      /* what the sync under way covers */
    bool folder_dirty;       /* a file was made and its name is not on the disk yet */
    bool rewrite;            /* a sync failed: write `unsynced` again, to a new segment */
    bool sync_under_way;
    uint64_t last_seq; /* written */
    uint64_t synced_seq;
    uint64_t total_bytes;
    struct wal_stats stats;
};

struct wal *wal_new(struct fs *fs, const struct clock *clock, const struct wal_place *place)
{
    struct wal *w = mem_new(struct wal);

    w->fs = fs;
    w->clock = clock;
    w->next_seq = place->seq + 1;
    w->last_seq = w->synced_seq = w->marked_seq = place->seq;
    w->number = place->number;
    buf_init(&w->buf, 0);
    buf_init(&w->unsynced, 0);
    buf_init(&w->syncing, 0);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->synced, NULL);
    return w;
}

void wal_free(struct wal *w)
{
    if (!w)
        return;
    while (w->closing) {
        struct closing *next = w->closing->next;

        w->fs->ops->close(w->closing->file);
        mem_free(w->closing);
        w->closing = next;
    }
    w->fs->ops->close(w->file);
    for (size_t i = 0; i < w->segments_n; i++)
        mem_free(w->segments[i].windows);
    mem_free(w->segments);
    buf_fini(&w->buf);
    buf_fini(&w->unsynced);
    buf_fini(&w->syncing);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->synced);
    mem_free(w);
}

/* ---- segments ---- */

bool wal_name_parse(const char *name, ts_ms *window, uint32_t *number)
{
    long long start;
    unsigned n;
    int end = 0;

    if (sscanf(name, "%lld-%9u.log%n", &start, &n, &end) != 2 || !end || name[end])
        return false;
    *window = start;
    *number = n;
    return true;
}

static struct segment *segment_add(struct wal *w, const char *name, uint32_t number)
{
    struct segment *s;

    w->segments = mem_grow(w->segments, &w->segments_cap, w->segments_n + 1, sizeof *w->segments);
    s = &w->segments[w->segments_n++];
    *s = (struct segment){.number = number};
    (void)snprintf(s->name, sizeof s->name, "%s", name);
    return s;
}

static struct segment *segment_now(struct wal *w)
{
    return &w->segments[w->segments_n - 1];
}

void wal_adopt(struct wal *w, const char *name, uint32_t number, uint64_t bytes,
               const uint64_t *windows, size_t windows_n)
{
    struct segment *s = segment_add(w, name, number);

    s->bytes = bytes;
    w->total_bytes += bytes;
    s->windows_cap = s->windows_n = windows_n;
    s->windows = mem_dup(windows, windows_n * sizeof *windows);
}

void wal_touch(struct wal *w, uint64_t window)
{
    struct segment *s = segment_now(w);

    for (size_t i = s->windows_n; i; i--)
        if (s->windows[i - 1] == window)
            return;
    s->windows = mem_grow(s->windows, &s->windows_cap, s->windows_n + 1, sizeof *s->windows);
    s->windows[s->windows_n++] = window;
}

static bool segment_unlink(struct wal *w, size_t i)
{
    struct err err;

    return w->fs->ops->unlink(w->fs, w->segments[i].name, &err) == 0;
}

static void segment_forget(struct wal *w, size_t i)
{
    pthread_mutex_lock(&w->lock);
    w->total_bytes -= w->segments[i].bytes;
    pthread_mutex_unlock(&w->lock);
    mem_free(w->segments[i].windows);
    memmove(w->segments + i, w->segments + i + 1, (w->segments_n - i - 1) * sizeof *w->segments);
    w->segments_n--;
}

static bool has_current(struct wal *w)
{
    bool there;

    pthread_mutex_lock(&w->lock);
    there = w->file != NULL;
    pthread_mutex_unlock(&w->lock);
    return there;
}

void wal_release(struct wal *w, uint64_t window)
{
    size_t keep = has_current(w) ? 1 : 0;

    for (size_t i = 0; i < w->segments_n; i++) {
        struct segment *s = &w->segments[i];

        for (size_t k = 0; k < s->windows_n; k++)
            if (s->windows[k] == window)
                s->windows[k--] = s->windows[--s->windows_n];
    }
    /* Oldest first and no further than the first that stays, for its samples or because it cannot
     * be removed now: later ones say what of it is in blocks or deleted. */
    while (w->segments_n > keep && !w->segments[0].windows_n && segment_unlink(w, 0))
        segment_forget(w, 0);
}

/* Leaves the current file to sync, which closes it. */
static void segment_end(struct wal *w, bool dead)
{
    struct closing *c = mem_new(struct closing);

    pthread_mutex_lock(&w->lock);
    c->file = w->file;
    c->dead = dead;
    c->next = w->closing;
    w->closing = c;
    w->file = NULL;
    pthread_mutex_unlock(&w->lock);
}

void wal_rotate(struct wal *w)
{
    w->rotate = true;
}

uint32_t wal_oldest(const struct wal *w)
{
    return w->segments_n ? w->segments[0].number : 0;
}

const char *wal_segment_name(const struct wal *w, size_t i)
{
    return i < w->segments_n ? w->segments[i].name : NULL;
}

/* Appends bytes to the current file; after a failure the file is as it was or is left behind. */
static int append(struct wal *w, const void *p, size_t n, struct err *err)
{
    struct segment *s = segment_now(w);
    struct err ignored;

    if (w->fs->ops->append(w->file, p, n, err) == 0) {
        s->bytes += n;
        pthread_mutex_lock(&w->lock);
        w->total_bytes += n;
        w->stats.failed = false;
        pthread_mutex_unlock(&w->lock);
        return 0;
    }
    pthread_mutex_lock(&w->lock);
    w->stats.write_failures++;
    w->stats.failed = true;
    pthread_mutex_unlock(&w->lock);
    if (w->fs->ops->truncate(w->file, s->bytes, &ignored) < 0)
        w->rotate = true;
    return -1;
}

static int segment_create(struct wal *w, struct err *err)
{
    char name[NAME_BYTES];
    ts_ms window = window_start_of(w->clock->wall_ms(w->clock)) / 1000;
    struct fs_file *file;

    (void)snprintf(name, sizeof name, WAL_FOLDER "/%lld-%08u.log", (long long)window,
                   w->number + 1);
    if (w->fs->ops->create(w->fs, name, &file, err) < 0)
        return -1;
    w->number++;
    (void)segment_add(w, name, w->number);
    pthread_mutex_lock(&w->lock);
    w->file = file;
    w->folder_dirty = true;
    w->stats.segments++;
    pthread_mutex_unlock(&w->lock);
    return 0;
}

/* A new segment begins with what it follows, then what an fsync that failed left in doubt. */
static int segment_begin(struct wal *w, struct err *err)
{
    struct buf head, again;
    size_t start;
    bool rewrite;
    int rc;

    if (segment_create(w, err) < 0)
        return -1;
    buf_init(&head, 0);
    start = wal_record_begin(&head);
    pthread_mutex_lock(&w->lock);
    rewrite = w->rewrite;
    put_u64(&head, w->last_seq);
    put_u64(&head, rewrite ? w->synced_seq + 1 : 0);
    put_u32(&head, w->number);
    put_u32(&head, WAL_VERSION_MAJOR);
    again = w->unsynced;
    pthread_mutex_unlock(&w->lock);
    wal_record_end(&head, start, WAL_SEGMENT, 0, w->next_seq);
    if (rewrite)
        buf_add(&head, buf_str(&again)); /* sync leaves it alone while `rewrite` is set */
    rc = append(w, head.p, head.n, err);
    if (rc == 0) {
        pthread_mutex_lock(&w->lock);
        w->last_seq = w->next_seq++;
        w->rewrite = false;
        buf_reset(&w->unsynced);
        buf_add(&w->unsynced, buf_str(&head));
        w->stats.records++;
        pthread_mutex_unlock(&w->lock);
        w->rotate = false;
    } else {
        segment_end(w, true);
        /* When it cannot be removed it is read at the next start; what is in it was refused. */
        (void)segment_unlink(w, w->segments_n - 1);
        segment_forget(w, w->segments_n - 1);
    }
    buf_fini(&head);
    return rc;
}

static void carry_windows(struct wal *w, const struct segment *from)
{
    for (size_t i = 0; i < from->windows_n; i++)
        wal_touch(w, from->windows[i]);
}

int wal_prepare(struct wal *w, uint32_t *segment, struct err *err)
{
    bool open, rewrite;

    assert(!w->assembled);
    pthread_mutex_lock(&w->lock);
    while (w->unsynced.n + w->syncing.n > WAL_UNSYNCED_BYTES && w->sync_under_way && !w->rewrite)
        pthread_cond_wait(&w->synced, &w->lock);
    open = w->file != NULL;
    rewrite = w->rewrite;
    pthread_mutex_unlock(&w->lock);
    if (open && (rewrite || w->rotate || segment_now(w)->bytes >= WAL_SEGMENT_BYTES)) {
        segment_end(w, rewrite);
        open = false;
    }
    if (!open) {
        if (segment_begin(w, err) < 0)
            return -1;
        if (rewrite && w->segments_n > 1) {
            struct segment before = w->segments[w->segments_n - 2];

            carry_windows(w, &before);
        }
    }
    *segment = segment_now(w)->number;
    return 0;
}

/* ---- records ---- */

struct buf *wal_begin(struct wal *w)
{
    w->record = wal_record_begin(&w->buf);
    return &w->buf;
}

void wal_end(struct wal *w, enum wal_type type, uint32_t group)
{
    wal_record_end(&w->buf, w->record, type, group, w->next_seq + w->assembled);
    w->assembled++;
}

uint64_t wal_next_seq(const struct wal *w)
{
    return w->next_seq + w->assembled;
}

void wal_forget(struct wal *w)
{
    buf_reset(&w->buf);
    w->assembled = 0;
}

/* What is on the disk by now goes into the log with the next records: a hole before it is damage.
 */
static void put_sync(struct wal *w)
{
    uint64_t seq;

    pthread_mutex_lock(&w->lock);
    seq = w->synced_seq;
    pthread_mutex_unlock(&w->lock);
    if (seq <= w->marked_seq)
        return;
    w->marked_seq = seq;
    put_u64(wal_begin(w), seq);
    wal_end(w, WAL_SYNC, 0);
}

int wal_write(struct wal *w, struct err *err)
{
    int rc;

    if (!w->assembled)
        return 0;
    put_sync(w);
    rc = append(w, w->buf.p, w->buf.n, err);
    if (rc == 0) {
        w->next_seq += w->assembled;
        pthread_mutex_lock(&w->lock);
        w->last_seq = w->next_seq - 1;
        w->stats.records += w->assembled;
        buf_add(&w->unsynced, buf_str(&w->buf));
        pthread_mutex_unlock(&w->lock);
    } else if (w->rotate) {
        /* The file could not be cut back, so these numbers may be on the disk: not again. */
        w->next_seq += w->assembled;
    }
    if (w->buf.cap > (1u << 20)) {
        buf_fini(&w->buf);
        buf_init(&w->buf, 0);
    }
    wal_forget(w);
    return rc;
}

/* ---- sync ---- */

bool wal_is_dirty(struct wal *w)
{
    bool dirty;

    pthread_mutex_lock(&w->lock);
    dirty = w->last_seq > w->synced_seq || w->closing;
    pthread_mutex_unlock(&w->lock);
    return dirty && !wal_needs_rewrite(w);
}

size_t wal_unsynced(struct wal *w)
{
    size_t n;

    pthread_mutex_lock(&w->lock);
    n = w->unsynced.n;
    pthread_mutex_unlock(&w->lock);
    return n;
}

bool wal_needs_rewrite(struct wal *w)
{
    bool is;

    pthread_mutex_lock(&w->lock);
    is = w->rewrite;
    pthread_mutex_unlock(&w->lock);
    return is;
}

void wal_put_mark(struct buf *b, uint64_t seq)
{
    size_t start = b->n;

    put_u32(b, 0);
    put_u32(b, 0);
    put_u64(b, seq);
    put_u32_at(b, start, crc32c(0, b->p + start + 4, b->n - start - 4));
}

/* Only a hint for the next start, so a failure is of no matter. */
static void mark_synced(struct wal *w, uint64_t seq)
{
    struct fs_file *f;
    struct err err;
    struct buf b;
    uint64_t bytes = 0;

    if (w->fs->ops->open_append(w->fs, WAL_MARKS, &f, &err) < 0)
        return;
    buf_init(&b, 0);
    wal_put_mark(&b, seq);
    if (w->fs->ops->size(f, &bytes, &err) == 0 && (bytes >= 65536 || bytes % 16))
        bytes = w->fs->ops->truncate(f, 0, &err) == 0 ? 0 : bytes;
    if (w->fs->ops->append(f, b.p, b.n, &err) < 0)
        err_clear(&err);
    buf_fini(&b);
    w->fs->ops->close(f);
}

static int sync_files(struct wal *w, struct fs_file *file, struct closing *closing, bool folder,
                      struct err *err)
{
    for (struct closing *c = closing; c; c = c->next)
        if (!c->dead && w->fs->ops->datasync(c->file, err) < 0)
            return -1;
    if (file && w->fs->ops->datasync(file, err) < 0)
        return -1;
    if (folder && (w->fs->ops->sync_dir(w->fs, WAL_FOLDER, err) < 0 ||
                   w->fs->ops->sync_dir(w->fs, "", err) < 0)) /* the folder itself may be new */
        return -1;
    return 0;
}

static void close_all(struct wal *w, struct closing *closing)
{
    while (closing) {
        struct closing *next = closing->next;

        w->fs->ops->close(closing->file);
        mem_free(closing);
        closing = next;
    }
}

int wal_sync(struct wal *w, struct err *err)
{
    struct fs_file *file;
    struct closing *closing;
    struct buf swap;
    uint64_t seq;
    bool folder;
    int rc;

    pthread_mutex_lock(&w->lock);
    if (w->rewrite) {
        pthread_mutex_unlock(&w->lock);
        return 0;
    }
    file = w->file;
    closing = w->closing;
    w->closing = NULL;
    folder = w->folder_dirty;
    w->folder_dirty = false;
    seq = w->last_seq;
    swap = w->syncing;
    w->syncing = w->unsynced;
    w->unsynced = swap;
    w->sync_under_way = true;
    pthread_mutex_unlock(&w->lock);

    rc = sync_files(w, file, closing, folder, err);

    pthread_mutex_lock(&w->lock);
    w->stats.syncs++;
    w->sync_under_way = false;
    if (rc == 0) {
        w->synced_seq = seq;
        w->stats.failed = false;
    } else {
        /* Nothing is known of these bytes any more: they come before what was written since. */
        buf_add(&w->syncing, buf_str(&w->unsynced));
        swap = w->syncing;
        w->syncing = w->unsynced;
        w->unsynced = swap;
        w->stats.sync_failures++;
        w->stats.failed = true;
        w->rewrite = true;
        w->folder_dirty = w->folder_dirty || folder;
    }
    buf_reset(&w->syncing);
    if (w->syncing.cap > (1u << 20)) {
        buf_fini(&w->syncing);
        buf_init(&w->syncing, 0);
    }
    pthread_cond_broadcast(&w->synced);
    pthread_mutex_unlock(&w->lock);
    close_all(w, closing);
    if (rc == 0)
        mark_synced(w, seq);
    return rc;
}

struct wal_stats wal_stats(struct wal *w)
{
    struct wal_stats s;

    pthread_mutex_lock(&w->lock);
    s = w->stats;
    s.bytes = w->total_bytes;
    s.last_seq = w->last_seq;
    s.synced_seq = w->synced_seq;
    pthread_mutex_unlock(&w->lock);
    return s;
}
