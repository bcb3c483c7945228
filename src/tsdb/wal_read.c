#include "tsdb/wal_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/cursor.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "sys/fs.h"

#define CHUNK_BYTES   (1u << 20)
#define BAD_FOLDER    "bad"
#define BAD_BYTES_MAX (64u << 20)
#define NAME_BYTES    64

struct file {
    char name[NAME_BYTES];
    uint32_t number;
};

/* A stretch without records that should be there. */
struct hole {
    char name[NAME_BYTES]; /* "": no bytes are bad, they are gone */
    uint64_t from, to;     /* bytes */
    uint64_t after;        /* the last good record before it */
    uint64_t lost;         /* records, 0: not known */
    bool counted;          /* `lost` is known to be right, or nothing is lost */
};

/* What a segment's first record says. */
struct first {
    bool good;
    uint64_t seq, follows, rewrites; /* rewrites 0: nothing */
};

struct reading {
    struct fs *fs;
    struct log *log;
    struct wal_handler *handler;
    struct wal_found *found;
    struct hole *holes; /* owned */
    size_t holes_n, holes_cap;
    bool started; /* `last` means something */
    uint64_t last;
    uint64_t jump_from, jump_to; /* after rewritten records, on to the segment's own */
    uint64_t synced;
    uint64_t limit; /* records beyond it were refused: not in the log */

    struct fs_file *file;
    uint64_t bytes; /* of the file */
    char *chunk;    /* owned */
    size_t chunk_cap, chunk_n;
    uint64_t chunk_at;
};

/* n bytes at `at`, or NULL past the end or when the disk fails. */
static const char *peek(struct reading *r, uint64_t at, size_t n)
{
    size_t want = n > CHUNK_BYTES ? n : CHUNK_BYTES, got = 0;
    struct err err;

    if (at > r->bytes || r->bytes - at < n)
        return NULL;
    if (at >= r->chunk_at && at - r->chunk_at + n <= r->chunk_n)
        return r->chunk + (at - r->chunk_at);
    r->chunk = mem_grow(r->chunk, &r->chunk_cap, want, 1);
    r->chunk_at = at;
    r->chunk_n = 0;
    if (r->fs->ops->pread(r->file, at, r->chunk, want, &got, &err) < 0)
        return NULL;
    r->chunk_n = got;
    return got >= n ? r->chunk : NULL;
}

/* The record at `at`, when it is whole and good. */
static const char *record_at(struct reading *r, uint64_t at, struct wal_header *h)
{
    const char *p = peek(r, at, WAL_HEADER_BYTES);

    if (!p || !wal_header_read(p, WAL_HEADER_BYTES, h))
        return NULL;
    p = peek(r, at, wal_record_bytes(h->payload_bytes));
    return p && wal_record_intact(p, h) ? p : NULL;
}

static int by_number(const void *a, const void *b)
{
    const struct file *x = a, *y = b;

    return (x->number > y->number) - (x->number < y->number);
}

static int list_files(struct fs *fs, struct file **out, size_t *n, struct err *err)
{
    SCOPED(arena_fini) struct arena a;
    struct fs_entry *entries;
    struct file *files;
    size_t entries_n, k = 0;

    arena_init(&a, NULL);
    if (fs->ops->list(fs, WAL_FOLDER, &a, &entries, &entries_n, err) < 0)
        return -1;
    files = mem_new_array(struct file, entries_n);
    for (size_t i = 0; i < entries_n; i++) {
        ts_ms window;

        if (wal_name_parse(entries[i].name, &window, &files[k].number))
            (void)snprintf(files[k++].name, NAME_BYTES, WAL_FOLDER "/%.50s", entries[i].name);
    }
    if (k)
        qsort(files, k, sizeof *files, by_number);
    *out = files;
    *n = k;
    return 0;
}

int wal_newest(struct fs *fs, uint32_t *number, struct err *err)
{
    struct file *files;
    size_t n;

    if (list_files(fs, &files, &n, err) < 0)
        return -1;
    *number = n ? files[n - 1].number : 0;
    mem_free(files);
    return 0;
}

/* The largest seq that wal/synced vouches for. */
static uint64_t read_marks(struct fs *fs)
{
    struct fs_file *f;
    struct err err;
    uint64_t best = 0, at = 0;
    char mark[16];
    size_t got;

    if (fs->ops->open_read(fs, WAL_MARKS, &f, &err) < 0)
        return 0;
    for (; fs->ops->pread(f, at, mark, sizeof mark, &got, &err) == 0 && got == sizeof mark;
         at += sizeof mark) {
        struct cursor c = cursor_of(mark, sizeof mark);
        uint32_t crc = cursor_u32(&c);
        uint64_t seq;

        (void)cursor_u32(&c);
        seq = cursor_u64(&c);
        if (crc == crc32c(0, mark + 4, sizeof mark - 4) && seq > best)
            best = seq;
    }
    fs->ops->close(f);
    return best;
}

static void file_close(struct reading *r)
{
    r->fs->ops->close(r->file);
    r->file = NULL;
    r->chunk_n = 0;
}

static int file_open(struct reading *r, const char *name)
{
    struct err err;

    r->bytes = 0;
    r->chunk_n = 0;
    if (r->fs->ops->open_read(r->fs, name, &r->file, &err) < 0 ||
        r->fs->ops->size(r->file, &r->bytes, &err) < 0) {
        log_warn(r->log, "tsdb", "%s cannot be read (%s); its samples are missing", name, err.text);
        return -1;
    }
    return 0;
}

static int read_first(struct reading *r, const char *name, struct first *out, struct err *err)
{
    struct wal_header h;
    const char *p;

    *out = (struct first){0};
    if (file_open(r, name) < 0) {
        file_close(r);
        return 0;
    }
    p = record_at(r, 0, &h);
    if (p && h.type == WAL_SEGMENT) {
        struct cursor c = cursor_of(p + WAL_HEADER_BYTES, h.payload_bytes);
        uint32_t major;

        out->seq = h.seq;
        out->follows = cursor_u64(&c);
        out->rewrites = cursor_u64(&c);
        (void)cursor_u32(&c);
        major = cursor_u32(&c);
        out->good = !c.failed;
        if (out->good && major > WAL_VERSION_MAJOR) {
            file_close(r);
            return err_set(err, ERR_TYPE,
                           "%s has format %u of the log, this program knows up to %d: use the "
                           "newer program again, or another data directory",
                           name, major, WAL_VERSION_MAJOR);
        }
    }
    file_close(r);
    return 0;
}

static void add_hole(struct reading *r, const struct hole *hole)
{
    r->holes = mem_grow(r->holes, &r->holes_cap, r->holes_n + 1, sizeof *r->holes);
    r->holes[r->holes_n++] = *hole;
}

static void lost_between(struct reading *r, const char *name, uint64_t from, uint64_t to,
                         uint64_t next_seq)
{
    struct hole hole = {.from = from, .to = to, .after = r->last};
    struct hole *before = r->holes_n ? &r->holes[r->holes_n - 1] : NULL;

    if (next_seq > r->last + 1) {
        hole.lost = next_seq - r->last - 1;
        r->handler->hole(r->handler);
    } else if (from == to) {
        return;
    }
    hole.counted = true;
    if (from == to && before && !before->counted && before->after == r->last) {
        before->lost = hole.lost; /* the bad end of the segment before held them */
        before->counted = true;
        return;
    }
    (void)snprintf(hole.name, sizeof hole.name, "%s", from < to ? name : "");
    add_hole(r, &hole);
}

static void handle_segment(struct reading *r, const struct wal_header *h, struct cursor *c)
{
    uint64_t follows = cursor_u64(c), rewrites = cursor_u64(c);

    if (!r->started) {
        r->started = true;
        r->last = h->seq;
        return;
    }
    if (r->last >= follows || !rewrites || rewrites > r->last + 1) {
        if (r->last < follows)
            lost_between(r, "", 0, 0, follows + 1);
        r->last = h->seq > r->last ? h->seq : r->last;
        return;
    }
    /* What is missing up to `follows` stands here again; then the segment's own records. */
    r->jump_from = follows;
    r->jump_to = h->seq;
}

static void handle(struct reading *r, const struct wal_header *h, const char *p, const char *name,
                   uint64_t at)
{
    struct cursor c = cursor_of(p + WAL_HEADER_BYTES, h->payload_bytes);

    if (h->seq > r->limit)
        return;
    if (h->type == WAL_SEGMENT) {
        if (!r->started || h->seq > r->last)
            handle_segment(r, h, &c);
        return;
    }
    if (!r->started) {
        r->started = true;
        r->last = h->seq - 1;
    }
    if (h->seq <= r->last)
        return;
    if (r->jump_from && r->last == r->jump_from) {
        r->last = r->jump_to;
        r->jump_from = 0;
    }
    if (h->seq > r->last + 1)
        lost_between(r, name, at, at, h->seq);
    r->last = h->seq;
    r->found->records++;
    if (h->type == WAL_SYNC) {
        uint64_t synced = cursor_u64(&c);

        r->synced = synced > r->synced ? synced : r->synced;
        return;
    }
    r->handler->record(r->handler, h, &c);
}

/* The next good record after bad bytes at `at`; the file's end when there is none. */
static uint64_t resume_at(struct reading *r, uint64_t at)
{
    struct wal_header h;

    for (at += 8; at + WAL_HEADER_BYTES <= r->bytes; at += 8)
        if (record_at(r, at, &h) && (!r->started || h.seq > r->last) && h.seq <= r->limit)
            return at;
    return r->bytes;
}

static void read_segment(struct reading *r, const struct file *f, const struct first *next)
{
    struct wal_header h;
    uint64_t at = 0;

    if (file_open(r, f->name) < 0) {
        file_close(r);
        return;
    }
    r->limit = next && next->good ? next->follows : UINT64_MAX;
    if (next && next->good && next->rewrites && next->seq > r->limit)
        r->limit = next->seq - 1;
    r->handler->segment(r->handler, f->name, f->number, r->bytes);
    r->found->bytes += r->bytes;
    while (at < r->bytes) {
        const char *p = record_at(r, at, &h);
        uint64_t bad = at;

        if (p) {
            handle(r, &h, p, f->name, at);
            at += wal_record_bytes(h.payload_bytes);
            continue;
        }
        /* A later segment has all of it again. */
        if (next && next->good && next->rewrites && r->started && next->rewrites <= r->last + 1)
            break;
        at = resume_at(r, at);
        if (at < r->bytes && record_at(r, at, &h)) {
            if (!r->started) { /* at least the first record of the oldest segment */
                r->started = true;
                r->last = h.seq > 2 ? h.seq - 2 : 0;
            }
            lost_between(r, f->name, bad, at, h.seq);
            r->last = h.seq - 1;
        } else {
            struct hole tail = {.from = bad, .to = r->bytes, .after = r->last};

            (void)snprintf(tail.name, sizeof tail.name, "%s", f->name);
            add_hole(r, &tail);
        }
    }
    file_close(r);
}

static void keep_aside(struct reading *r, const struct hole *hole)
{
    char name[NAME_BYTES + 48];
    const char *base = strrchr(hole->name, '/');
    struct fs_file *to = NULL;
    struct err err;
    uint64_t end = hole->to - hole->from > BAD_BYTES_MAX ? hole->from + BAD_BYTES_MAX : hole->to;
    uint64_t size = 0;
    const char *p;

    if (!hole->name[0] || hole->from == hole->to || !base)
        return;
    (void)snprintf(name, sizeof name, BAD_FOLDER "/%s-%llu", base + 1,
                   (unsigned long long)hole->from);
    if (r->fs->ops->mkdir(r->fs, BAD_FOLDER, &err) < 0 ||
        r->fs->ops->open_append(r->fs, name, &to, &err) < 0)
        return;
    /* There from an earlier start: the same bytes. */
    if (r->fs->ops->size(to, &size, &err) == 0 && size == 0 && file_open(r, hole->name) == 0)
        for (uint64_t at = hole->from; at < end; at += CHUNK_BYTES) {
            size_t n = end - at < CHUNK_BYTES ? (size_t)(end - at) : CHUNK_BYTES;

            if (!(p = peek(r, at, n)) || r->fs->ops->append(to, p, n, &err) < 0)
                break;
        }
    if (r->file)
        file_close(r);
    r->fs->ops->close(to);
}

/* Now that it is known up to where the log was synced: which holes are damage? */
static void judge(struct reading *r)
{
    uint64_t marked = read_marks(r->fs);

    r->synced = marked > r->synced ? marked : r->synced;
    if (r->found->place.number && r->synced > r->last &&
        !(r->jump_from && r->last == r->jump_from)) {
        struct hole gone = {.after = r->last, .lost = r->synced - r->last, .counted = true};

        if (!r->holes_n || r->holes[r->holes_n - 1].after != r->last)
            add_hole(r, &gone);
        r->handler->hole(r->handler);
    }
    for (size_t i = 0; i < r->holes_n; i++) {
        struct hole *hole = &r->holes[i];
        bool newest = hole->after == r->last;
        uint64_t lost = hole->lost;

        /* Bad bytes at the end of a segment that the next one goes on from without a gap. */
        if (!hole->counted)
            lost = newest && r->synced > r->last ? r->synced - r->last : 0;
        if (hole->after < r->synced && lost) {
            r->found->corrupt++;
            r->found->lost_records += lost;
            log_error(r->log, "tsdb",
                      "the log is damaged%s%s: %llu records are lost%s; what is around them was "
                      "read (corrupt part kept in " BAD_FOLDER "/)",
                      hole->name[0] ? " in " : "", hole->name, (unsigned long long)lost,
                      hole->name[0] ? "" : ", the file ends too early or is gone");
            keep_aside(r, hole);
        } else {
            r->found->torn_tails++;
        }
    }
}

int wal_read(struct fs *fs, struct log *log, struct wal_handler *handler, struct wal_found *found,
             struct err *err)
{
    struct reading r = {.fs = fs, .log = log, .handler = handler, .found = found};
    struct first next = {0};
    struct file *files;
    size_t n;
    int rc = 0;

    *found = (struct wal_found){0};
    if (list_files(fs, &files, &n, err) < 0)
        return -1;
    if (n)
        rc = read_first(&r, files[0].name, &next, err);
    for (size_t i = 0; i < n && rc == 0; i++) {
        if (i + 1 < n && (rc = read_first(&r, files[i + 1].name, &next, err)) < 0)
            break;
        read_segment(&r, &files[i], i + 1 < n ? &next : NULL);
        found->place.number = files[i].number;
    }
    if (rc == 0) {
        judge(&r);
        if (r.jump_from && r.last >= r.jump_from && r.jump_to > r.last)
            r.last = r.jump_to;
        found->place.seq = r.last > r.synced ? r.last : r.synced;
    }
    mem_free(files);
    mem_free(r.holes);
    mem_free(r.chunk);
    return rc;
}
