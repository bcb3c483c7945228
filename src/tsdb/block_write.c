/* Writing a block, in one pass over the series:
 *
 *   1. All timestamp columns are encoded; they stay compressed in memory (a few bytes a column when
 *      scrapes are regular) and give the header its range of time.
 *   2. b-new-<generation>.tmp: header, GROUP.
 *   3. Each series: its chunks go to DATA at once, its entry to DIR (a few bytes, in memory), its
 *      labels to the indexer.
 *   4. DIR, SYM, PAIRS, SERIES, POST, footer.
 *   5. datasync, rename, sync of the directory.
 *
 * A crash before the rename leaves a .tmp file, which db_open deletes; a failure deletes it here. A
 * crash between rename and sync leaves either nothing or the whole block: the bytes were synced.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/cursor.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "model/labels.h"
#include "sys/fs.h"
#include "tsdb/block.h"
#include "tsdb/block_layout.h"
#include "tsdb/chunk.h"
#include "tsdb/column.h"
#include "tsdb/indexer.h"
#include "tsdb/presence.h"
#include "tsdb/section.h"

#define NAME_BYTES 80u

struct group_state {
    uint32_t offset;           /* of its column in `columns` */
    uint32_t n;                /* positions */
    uint32_t used_lo, used_hi; /* positions with samples: first, and one past the last */
};

struct writer {
    struct fs *fs;
    const struct block_meta *meta;
    struct section_writer out;
    struct indexer index;
    struct group_state *groups; /* owned */
    size_t groups_n;
    struct buf columns; /* encoded, one after another */
    ts_ms columns_mint, columns_maxt;
    struct buf dir, dir_table;
    uint32_t group_before;
    struct labels *labels_before; /* owned */
    uint64_t samples, series;
    struct buf chunk, data; /* scratch */
};

static void writer_fini(struct writer *w)
{
    section_writer_fini(&w->out);
    indexer_fini(&w->index);
    mem_free(w->groups);
    mem_free(w->labels_before);
    buf_fini(&w->columns);
    buf_fini(&w->dir);
    buf_fini(&w->dir_table);
    buf_fini(&w->chunk);
    buf_fini(&w->data);
}

/* ---- header and columns ---- */

static int take_columns(struct writer *w, struct block_input *in, struct err *err)
{
    w->groups_n = in->groups_n;
    w->groups = mem_new_array(struct group_state, in->groups_n + 1);
    w->columns_mint = INT64_MAX;
    w->columns_maxt = INT64_MIN;
    for (size_t i = 0; i < in->groups_n; i++) {
        const ts_ms *ts;
        size_t n;

        if (in->group(in, i, &ts, &n, err) < 0)
            return -1;
        if (n > COLUMN_MAX || w->columns.n > UINT32_MAX / 2)
            return err_set(err, ERR_LIMIT, "a block with too many timestamps in its groups");
        w->groups[i] = (struct group_state){(uint32_t)w->columns.n, (uint32_t)n, UINT32_MAX, 0};
        column_encode(ts, n, &w->columns);
        if (!n)
            continue;
        w->columns_mint = ts[0] < w->columns_mint ? ts[0] : w->columns_mint;
        w->columns_maxt = ts[n - 1] > w->columns_maxt ? ts[n - 1] : w->columns_maxt;
    }
    w->groups[in->groups_n].offset = (uint32_t)w->columns.n;
    return 0;
}

static int put_header(struct writer *w, struct fs_file *file, struct err *err)
{
    SCOPED(buf_fini) struct buf b = {0};
    const struct block_meta *meta = w->meta;

    if (meta->parents_n > BLOCK_PARENTS_MAX)
        return err_set(err, ERR_LIMIT, "a block of %u parents", meta->parents_n);
    buf_add(&b, (struct str){BLOCK_MAGIC, BLOCK_MAGIC_N});
    put_u16(&b, BLOCK_MAJOR);
    put_u16(&b, BLOCK_MINOR);
    put_u32(&b, BLOCK_HEADER_BYTES + meta->parents_n * 16 + 4);
    put_u64(&b, (uint64_t)w->columns_mint);
    put_u64(&b, (uint64_t)w->columns_maxt);
    put_u32(&b, meta->generation);
    put_u32(&b, meta->side ? BLOCK_FLAG_SIDE : 0);
    buf_add(&b, (struct str){(const char *)meta->uuid, sizeof meta->uuid});
    put_u32(&b, meta->parents_n);
    put_u32(&b, 0); /* reserved */
    for (uint32_t i = 0; i < meta->parents_n; i++)
        buf_add(&b, (struct str){(const char *)meta->parents[i], 16});
    put_u32(&b, crc32c(0, b.p, b.n));
    if (w->fs->ops->append(file, b.p, b.n, err) < 0)
        return -1;
    section_writer_init(&w->out, w->fs, file, b.n);
    return 0;
}

static int put_columns(struct writer *w, struct err *err)
{
    SCOPED(buf_fini) struct buf table = {0};

    section_begin(&w->out, SECTION_GROUP);
    for (size_t i = 0; i < w->groups_n; i++)
        put_u32(&table, w->groups[i].offset);
    if (section_put(&w->out, buf_str(&w->columns), err) < 0)
        return -1;
    return section_end(&w->out, buf_str(&table), w->groups_n, err);
}

/* ---- series ---- */

/* The samples of a part in positions [first, first + n) of it; values are dense. */
static size_t part_count(const struct block_part *part, size_t first, size_t n)
{
    return part->present ? presence_count(part->present, first, first + n) : n;
}

/* The chunk's bytes go to DATA, or into DIR when they are few. */
static void put_chunk(struct writer *w, const double *values, size_t n)
{
    bool few;

    buf_reset(&w->chunk);
    if (n)
        chunk_encode(values, n, &w->chunk);
    few = w->chunk.n <= CHUNK_INLINE_MAX;
    put_uvarint(&w->dir, (uint64_t)w->chunk.n << 1 | few);
    buf_add(few ? &w->dir : &w->data, buf_str(&w->chunk));
}

static int put_part(struct writer *w, const struct block_part *part, bool more, struct err *err)
{
    struct group_state *group = &w->groups[part->group];
    uint32_t chunks = part_chunks(part->n), step = part_chunk_positions(part->n);
    bool whole = part->first == 0 && part->n == group->n;
    size_t samples = part_count(part, 0, part->n);
    bool gaps = samples < part->n;
    const double *values = part->values;
    size_t at;

    put_u8(&w->dir, (uint8_t)((more ? PART_MORE : 0) | (whole ? PART_WHOLE : 0) |
                              (gaps ? PART_PRESENCE : 0) |
                              (part->group == w->group_before ? PART_SAME_GROUP : 0) |
                              (chunks > 1 ? PART_CHUNKS : 0)));
    if (part->group != w->group_before)
        put_uvarint(&w->dir, part->group);
    if (!whole) {
        put_uvarint(&w->dir, part->first);
        put_uvarint(&w->dir, part->n);
    }
    if (chunks > 1)
        put_uvarint(&w->dir, chunks);
    if (gaps) {
        at = w->data.n;
        presence_encode(part->present, part->n, &w->data);
        put_uvarint(&w->dir, w->data.n - at);
    }
    for (uint32_t i = 0; i < chunks; i++) {
        size_t n = part->n - i * step < step ? part->n - i * step : step;
        size_t count = part_count(part, i * step, n);

        put_chunk(w, values, count);
        values += count;
    }
    w->group_before = part->group;
    w->samples += samples;
    at = part->first + (gaps ? presence_next(part->present, 0, part->n, true) : 0);
    group->used_lo = at < group->used_lo ? (uint32_t)at : group->used_lo;
    at = part->n;
    while (gaps && !presence_at(part->present, at - 1))
        at--;
    at += part->first;
    group->used_hi = at > group->used_hi ? (uint32_t)at : group->used_hi;
    return section_put(&w->out, buf_str(&w->data), err);
}

static int check_series(struct writer *w, const struct block_series_in *s, struct err *err)
{
    if (w->labels_before && labels_compare(w->labels_before, s->labels) >= 0)
        return err_set(err, ERR_EVAL, "the series of a new block are not in order of labels");
    mem_free(w->labels_before);
    w->labels_before = labels_dup(s->labels);
    for (size_t i = 0; i < s->parts_n; i++) {
        const struct block_part *part = &s->parts[i];

        if (part->group >= w->groups_n || part->first > w->groups[part->group].n ||
            part->n > w->groups[part->group].n - part->first)
            return err_set(err, ERR_EVAL, "a series of a new block leaves its group's timestamps");
    }
    return 0;
}

static int put_series(struct writer *w, const struct block_series_in *s, struct err *err)
{
    size_t left = 0;

    if (check_series(w, s, err) < 0)
        return -1;
    for (size_t i = 0; i < s->parts_n; i++)
        left += part_count(&s->parts[i], 0, s->parts[i].n) > 0;
    if (!left)
        return 0;
    if (w->series % SERIES_RESTART == 0) {
        if (w->dir.n > UINT32_MAX)
            return err_set(err, ERR_LIMIT, "a block whose directory passes 4 GiB");
        put_u32(&w->dir_table, (uint32_t)w->dir.n);
        put_u64(&w->dir_table, section_bytes(&w->out));
        w->group_before = UINT32_MAX;
    }
    for (size_t i = 0; i < s->parts_n; i++) {
        if (!part_count(&s->parts[i], 0, s->parts[i].n))
            continue;
        buf_reset(&w->data);
        if (put_part(w, &s->parts[i], --left > 0, err) < 0)
            return -1;
    }
    w->series++;
    return indexer_add(&w->index, s->labels, err);
}

static int put_all_series(struct writer *w, struct block_input *in, struct err *err)
{
    section_begin(&w->out, SECTION_DATA);
    for (size_t i = 0;; i++) {
        const struct block_series_in *s;

        if (in->series(in, i, &s, err) < 0)
            return -1;
        if (!s)
            return section_end(&w->out, STR(""), w->samples, err);
        if (put_series(w, s, err) < 0)
            return -1;
    }
}

/* ---- footer ---- */

static void free_ts(ts_ms **ts)
{
    mem_free(*ts);
}

/* The range of time of the samples that are really there. */
static void sample_range(const struct writer *w, ts_ms *mint, ts_ms *maxt)
{
    *mint = INT64_MAX;
    *maxt = INT64_MIN;
    for (size_t i = 0; i < w->groups_n; i++) {
        const struct group_state *g = &w->groups[i];
        SCOPED(free_ts) ts_ms *ts = NULL;
        int r;

        if (g->used_lo >= g->used_hi)
            continue;
        ts = mem_new_array(ts_ms, g->n);
        r = column_decode((struct str){w->columns.p + g->offset, g[1].offset - g->offset}, ts,
                          g->n);
        assert(r == 0);
        *mint = ts[g->used_lo] < *mint ? ts[g->used_lo] : *mint;
        *maxt = ts[g->used_hi - 1] > *maxt ? ts[g->used_hi - 1] : *maxt;
    }
}

static int put_footer(struct writer *w, struct fs_file *file, ts_ms mint, ts_ms maxt,
                      struct err *err)
{
    SCOPED(buf_fini) struct buf b = {0};
    uint64_t offset = w->out.offset;
    uint32_t crc;
    size_t bytes;

    put_u64(&b, (uint64_t)mint);
    put_u64(&b, (uint64_t)maxt);
    put_u64(&b, w->samples);
    put_u64(&b, w->series);
    put_u32(&b, (uint32_t)w->out.done_n);
    for (size_t i = 0; i < w->out.done_n; i++) {
        const struct section *s = &w->out.done[i];

        put_u16(&b, s->type);
        put_u16(&b, 0); /* version */
        put_u32(&b, 0); /* flags */
        put_u64(&b, s->offset);
        put_u64(&b, s->bytes);
        put_u64(&b, s->table);
        put_u64(&b, s->count);
        put_u32(&b, s->crc);
        put_u32(&b, 0); /* reserved */
    }
    buf_add(&b, buf_str(&w->out.page_crcs));
    crc = crc32c(0, b.p, b.n);
    bytes = b.n;
    put_u64(&b, offset);
    put_u32(&b, (uint32_t)bytes);
    put_u32(&b, crc);
    buf_add(&b, (struct str){BLOCK_MAGIC_END, BLOCK_MAGIC_N});
    return w->fs->ops->append(file, b.p, b.n, err);
}

static int write_file(struct writer *w, struct block_input *in, struct fs_file *file, ts_ms *mint,
                      ts_ms *maxt, struct err *err)
{
    if (take_columns(w, in, err) < 0)
        return -1;
    if (w->columns_mint > w->columns_maxt)
        return 0; /* no timestamps, so no samples */
    if (put_header(w, file, err) < 0 || put_columns(w, err) < 0 || put_all_series(w, in, err) < 0)
        return -1;
    if (!w->series)
        return 0;
    section_begin(&w->out, SECTION_DIR);
    if (section_put(&w->out, buf_str(&w->dir), err) < 0 ||
        section_end(&w->out, buf_str(&w->dir_table), w->series, err) < 0 ||
        indexer_write(&w->index, &w->out, err) < 0)
        return -1;
    sample_range(w, mint, maxt);
    if (put_footer(w, file, *mint, *maxt, err) < 0)
        return -1;
    return w->fs->ops->datasync(file, err);
}

int block_write(struct fs *fs, struct block_input *in, const struct block_meta *meta,
                char *name_out, struct err *err)
{
    SCOPED(writer_fini) struct writer w = {.fs = fs, .meta = meta};
    char tmp[NAME_BYTES], name[NAME_BYTES];
    struct fs_file *file;
    ts_ms mint = 0, maxt = 0;
    int r;

    indexer_init(&w.index);
    (void)snprintf(tmp, sizeof tmp, "b-new-%" PRIu32 ".ear.tmp", meta->generation);
    if (fs->ops->create(fs, tmp, &file, err) < 0)
        return -1;
    r = write_file(&w, in, file, &mint, &maxt, err);
    fs->ops->close(file);
    if (r < 0 || !w.series) {
        (void)fs->ops->unlink(fs, tmp, NULL); /* db_open tries again */
        if (r == 0)
            name_out[0] = '\0';
        return r;
    }
    (void)snprintf(name, sizeof name, "b-%" PRId64 "-%" PRId64 "-%" PRIu32 ".ear", mint, maxt,
                   meta->generation);
    if (fs->ops->rename(fs, tmp, name, err) < 0) {
        (void)fs->ops->unlink(fs, tmp, NULL);
        return -1;
    }
    if (fs->ops->sync_dir(fs, "", err) < 0) {
        /* Whether the name is durable is not known: it must not be relied upon, nor stay beside
         * the samples that will be written again. */
        (void)fs->ops->unlink(fs, name, NULL);
        return -1;
    }
    (void)snprintf(name_out, NAME_BYTES, "%s", name);
    return 0;
}
