#include "tsdb/inspect.h"

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/expo.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "model/sample.h"
#include "sys/fs.h"
#include "tsdb/merge.h"
#include "tsdb/tomb.h"
#include "tsdb/tomb_log.h"
#include "tsdb/wal.h"
#include "tsdb/wal_read.h"

#define CACHE_BYTES (1u << 20)
#define WRITE_BYTES (64u << 10)

const char *const inspect_section_names[INSPECT_SECTIONS] = {
    "groups", "data", "symbols", "pairs", "series", "directory", "postings",
};
_Static_assert(INSPECT_SECTIONS == SECTION_TYPES - 1, "every section has a name");

static bool is_block(const struct fs_entry *e)
{
    struct str name = str_c(e->name);

    return !e->folder && str_starts(name, STR("b-")) && str_ends(name, STR(".ear"));
}

static int look(struct fs *fs, struct cache *cache, bool verify, struct arena *a,
                struct inspect_block *out, struct err *err)
{
    struct block *b;
    struct err mine = {0};

    if (block_open(fs, cache, out->name, &b, &mine) < 0) {
        out->error = arena_cstr(a, str_c(mine.text), err);
        return out->error ? 0 : -1;
    }
    out->bytes = b->meta.bytes;
    out->samples = b->meta.samples;
    out->series = b->meta.series;
    out->groups = b->sections[SECTION_GROUP].count;
    out->mint = b->meta.mint;
    out->maxt = b->meta.maxt;
    out->generation = b->meta.generation;
    out->parents = b->meta.parents_n;
    out->side = b->meta.side;
    for (size_t i = 0; i < INSPECT_SECTIONS; i++)
        out->section_bytes[i] = b->sections[i + 1].bytes;
    if (verify && block_verify(b, &mine) < 0)
        out->error = arena_cstr(a, str_c(mine.text), err);
    block_unref(b);
    return verify && mine.kind != ERR_NONE && !out->error ? -1 : 0;
}

static void sum_kinds(const struct inspect_block *b, struct inspect_report *out)
{
    const uint64_t *bytes = b->section_bytes; /* from type 1 on */

    out->timestamp_bytes += bytes[SECTION_GROUP - 1];
    out->value_bytes += bytes[SECTION_DATA - 1] + bytes[SECTION_DIR - 1];
    out->label_bytes += bytes[SECTION_SYM - 1] + bytes[SECTION_PAIRS - 1] +
                        bytes[SECTION_SERIES - 1] + bytes[SECTION_POST - 1];
}

static void cache_freep(struct cache **cache)
{
    cache_free(*cache);
}

static int look_at_blocks(struct fs *fs, bool verify, struct arena *a, struct inspect_report *out,
                          struct err *err)
{
    SCOPED(cache_freep) struct cache *cache = cache_new(CACHE_BYTES);
    struct fs_entry *entries;
    size_t n;

    if (fs->ops->list(fs, "", a, &entries, &n, err) < 0)
        return -1;
    out->blocks = arena_new_array(a, struct inspect_block, n, err);
    if (!out->blocks)
        return -1;
    for (size_t i = 0; i < n; i++) {
        struct inspect_block *block = &out->blocks[out->blocks_n];

        if (!is_block(&entries[i]))
            continue;
        block->name = entries[i].name;
        block->bytes = entries[i].bytes;
        if (look(fs, cache, verify, a, block, err) < 0)
            return -1;
        out->blocks_n++;
        out->block_bytes += block->bytes;
        out->samples += block->samples;
        out->damaged += block->error != NULL;
        sum_kinds(block, out);
    }
    return 0;
}

static int look_at_log(struct fs *fs, struct arena *a, struct inspect_report *out, struct err *err)
{
    struct fs_entry *entries;
    size_t n;

    if (fs->ops->list(fs, WAL_FOLDER, a, &entries, &n, err) < 0)
        return -1;
    out->logs = arena_new_array(a, struct inspect_log, n, err);
    if (!out->logs)
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (!str_ends(str_c(entries[i].name), STR(".log")))
            continue;
        out->logs[out->logs_n++] = (struct inspect_log){entries[i].name, entries[i].bytes};
        out->log_bytes += entries[i].bytes;
    }
    return 0;
}

static int look_at_deletes(struct fs *fs, struct inspect_report *out, struct err *err)
{
    struct tomb_log_found file;

    if (tomb_log_read(fs, &file, err) < 0) {
        out->damaged++;
        err_clear(err);
        return 0;
    }
    out->deletes = file.tombs ? file.tombs->n : 0;
    out->damaged += file.corrupt;
    tombs_unref(file.tombs);
    return 0;
}

static int inspect(struct fs *fs, bool verify, struct arena *a, struct inspect_report *out,
                   struct err *err)
{
    struct inspect_report report = {0};

    if (look_at_blocks(fs, verify, a, &report, err) < 0 || look_at_log(fs, a, &report, err) < 0 ||
        look_at_deletes(fs, &report, err) < 0)
        return -1;
    *out = report;
    return 0;
}

int inspect_stat(struct fs *fs, struct arena *a, struct inspect_report *out, struct err *err)
{
    return inspect(fs, false, a, out, err);
}

static void on_segment(struct wal_handler *h, const char *name, uint32_t number, uint64_t bytes)
{
    (void)h, (void)name, (void)number, (void)bytes;
}

static void on_hole(struct wal_handler *h)
{
    (void)h;
}

/* ---- deletes ---- */

/* What stands in the log and not in the file yet. */
struct logged_deletes {
    struct wal_handler handler; /* first */
    struct tombs *tombs;
};

static void on_delete(struct wal_handler *h, const struct wal_header *header,
                      struct cursor *payload)
{
    struct logged_deletes *l = (struct logged_deletes *)h;
    struct tombstone *t;
    struct tombs *with;
    struct err err;

    if (header->type != WAL_DELETE || tombs_find(l->tombs, header->seq) ||
        tombstone_decode(payload, header->seq, &t, &err) < 0)
        return;
    with = tombs_with(l->tombs, &t, 1);
    tombstone_unref(t);
    tombs_unref(l->tombs);
    l->tombs = with;
}

/* All that is deleted; `found` may be NULL. */
static int read_deletes(struct fs *fs, struct tombs **out, struct wal_found *found, struct err *err)
{
    struct tomb_log_found file = {0};
    struct logged_deletes l = {{on_segment, on_delete, on_hole}, NULL};
    struct wal_found ignored;

    /* A file that cannot be read is damage, and not the end: inspect_verify says so. */
    if (tomb_log_read(fs, &file, err) < 0 && err->kind == ERR_TYPE)
        return -1;
    l.tombs = file.tombs;
    if (wal_read(fs, NULL, &l.handler, found ? found : &ignored, err) < 0) {
        tombs_unref(l.tombs);
        return -1;
    }
    *out = l.tombs;
    return 0;
}

int inspect_verify(struct fs *fs, struct arena *a, struct inspect_report *out, struct err *err)
{
    struct tombs *tombs;
    struct wal_found found = {0};

    if (inspect(fs, true, a, out, err) < 0 || read_deletes(fs, &tombs, &found, err) < 0)
        return -1;
    out->deletes = tombs ? tombs->n : 0;
    tombs_unref(tombs);
    out->log_records = found.records;
    out->torn_tails = found.torn_tails;
    out->lost_records = found.lost_records;
    out->damaged += (size_t)found.corrupt;
    return 0;
}

/* ---- dump ---- */

struct dump {
    struct expo_writer writer;
    struct buf text;
    inspect_write write;
    void *arg;
};

static int flush(struct dump *d, struct err *err)
{
    int r = d->text.n ? d->write(d->arg, buf_str(&d->text), err) : 0;

    buf_reset(&d->text);
    return r;
}

static int dump_series(struct dump *d, const struct labels *ls, const struct merge_samples *s,
                       struct err *err)
{
    SCOPED(mem_freep) struct label *pairs = mem_new_array(struct label, (size_t)ls->n + 1);
    struct emit_sample sample = {.name = labels_get(ls, STR(LABEL_NAME)), .labels = pairs};

    for (size_t i = 0; i < ls->n; i++)
        if (!str_eq(labels_at(ls, i).name, STR(LABEL_NAME)))
            pairs[sample.labels_n++] = labels_at(ls, i);
    sample.has_ts = true;
    for (size_t i = 0; i < s->n; i++) {
        if (value_is_stale(s->values[i]))
            continue;
        sample.ts = s->ts[i];
        sample.value = s->values[i];
        if (d->writer.emit.sample(&d->writer.emit, &sample, err) < 0 ||
            (d->text.n >= WRITE_BYTES && flush(d, err) < 0))
            return -1;
    }
    return 0;
}

static int dump_all(struct merge *m, struct dump *d, const struct matcher *matchers,
                    size_t matchers_n, ts_ms mint, ts_ms maxt, bool whole, struct err *err)
{
    SCOPED(arena_fini) struct arena scratch;

    arena_init(&scratch, &m->budget);
    for (;;) {
        struct merge_samples samples;

        arena_reset(&scratch);
        if (merge_next(m, err) < 0)
            return -1;
        if (!m->labels)
            break;
        if (!matchers_match(matchers, matchers_n, m->labels))
            continue;
        if (merge_read(m, &scratch, mint, maxt, &samples, err) < 0 ||
            dump_series(d, m->labels, &samples, err) < 0)
            return -1;
    }
    if (whole)
        expo_writer_end(&d->writer);
    return flush(d, err);
}

static void merge_freep(struct merge **m)
{
    merge_close(*m);
    mem_free(*m);
}

int inspect_dump(struct fs *fs, const struct matcher *matchers, size_t matchers_n, ts_ms mint,
                 ts_ms maxt, inspect_write write, void *arg, struct err *err)
{
    SCOPED(merge_freep) struct merge *m = mem_new(struct merge);
    SCOPED(arena_fini) struct arena a;
    struct dump d = {.write = write, .arg = arg};
    struct inspect_report report;
    struct tombs *tombs = NULL;
    const char **names, *unreadable = NULL;
    size_t n = 0, unreadable_n = 0;
    int r;

    arena_init(&a, NULL);
    if (inspect_stat(fs, &a, &report, err) < 0)
        return -1;
    names = mem_new_array(const char *, report.blocks_n + 1);
    for (size_t i = 0; i < report.blocks_n; i++) {
        const struct inspect_block *b = &report.blocks[i];

        if (b->error) {
            unreadable = b->error;
            unreadable_n++;
        } else if (b->mint <= maxt && b->maxt >= mint) {
            names[n++] = b->name;
        }
    }
    expo_writer_init(&d.writer, EXPO_OPENMETRICS, &d.text);
    r = read_deletes(fs, &tombs, NULL, err);
    if (r == 0)
        r = merge_open(m, fs, names, n, tombs, err);
    mem_free(names);
    if (r == 0)
        r = dump_all(m, &d, matchers, matchers_n, mint, maxt, !unreadable_n, err);
    if (r == 0 && unreadable_n)
        r = err_set(err, ERR_CORRUPT,
                    "not whole, so without # EOF: %zu block(s) cannot be read; the last one: %s",
                    unreadable_n, unreadable);
    buf_fini(&d.text);
    tombs_unref(tombs);
    return r;
}
