#include <inttypes.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "model/labels.h"
#include "model/source.h"
#include "sys/fs.h"
#include "tsdb/block_impl.h"
#include "tsdb/postings.h"

/* Straight from the file: the cache may hold good copies of pages that went bad since. */
static int verify_section(struct block *b, enum section_type type, unsigned char *page,
                          struct err *err)
{
    const struct section *s = &b->sections[type];
    uint32_t crc = 0;

    for (uint64_t at = 0; at < s->bytes; at += BLOCK_PAGE_BYTES) {
        uint64_t left = s->bytes - at;
        size_t n = left < BLOCK_PAGE_BYTES ? (size_t)left : BLOCK_PAGE_BYTES, got;

        if (b->fs->ops->pread(b->file, s->offset + at, page, n, &got, err) < 0)
            return -1;
        if (got != n)
            return block_corrupt(b, type, at, "the file ends too early", err);
        if (crc32c(0, page, n) != b->page_crcs[b->first_page[type] + at / BLOCK_PAGE_BYTES])
            return block_corrupt(b, type, at, "bad checksum of a page", err);
        crc = crc32c(crc, page, n);
    }
    if (crc != s->crc)
        return block_corrupt(b, type, 0, "bad checksum of a section", err);
    return 0;
}

struct totals {
    uint64_t samples;
    ts_ms mint, maxt;
};

static int verify_runs(struct block *b, uint32_t series, const struct source_series *got,
                       struct totals *totals, struct err *err)
{
    ts_ms last = INT64_MIN;

    for (size_t i = 0; i < got->runs_n; i++) {
        const struct source_run *run = &got->runs[i];

        if (i && run->ts[0] <= last)
            return err_set(err, ERR_CORRUPT, "%s/%s: series %u goes back in time", b->fs->root,
                           b->name, series);
        last = run->ts[run->n - 1];
        totals->samples += run->n;
        totals->mint = run->ts[0] < totals->mint ? run->ts[0] : totals->mint;
        totals->maxt = last > totals->maxt ? last : totals->maxt;
    }
    return 0;
}

static int verify_series(struct block *b, struct totals *totals, struct err *err)
{
    SCOPED(arena_fini) struct arena keep, scratch;
    struct block_reader *r;
    struct block_walk *walk;
    SCOPED(mem_freep) struct labels *before = NULL;

    arena_init(&keep, NULL);
    arena_init(&scratch, NULL);
    if (block_reader_open(b, &keep, &r, err) < 0 || block_walk_open(b, &keep, &walk, err) < 0)
        return -1;
    for (uint32_t i = 0; i < b->meta.series; i++) {
        const struct labels *ls;
        struct source_series got;

        arena_reset(&scratch);
        if (block_walk_labels(walk, &scratch, i, &ls, err) < 0 ||
            block_read(r, &scratch, i, INT64_MIN, INT64_MAX, &got, err) < 0 ||
            verify_runs(b, i, &got, totals, err) < 0)
            return -1;
        if (before && labels_compare(before, ls) >= 0)
            return err_set(err, ERR_CORRUPT, "%s/%s: series %u is out of order", b->fs->root,
                           b->name, i);
        mem_free(before);
        before = labels_dup(ls);
    }
    return 0;
}

int block_verify(struct block *b, struct err *err)
{
    SCOPED(mem_freep) unsigned char *page = mem_zalloc(BLOCK_PAGE_BYTES);
    struct totals totals = {0, INT64_MAX, INT64_MIN};

    for (size_t type = 1; type < SECTION_TYPES; type++)
        if (verify_section(b, (enum section_type)type, page, err) < 0)
            return -1;
    if (verify_series(b, &totals, err) < 0)
        return -1;
    if (totals.samples != b->meta.samples || totals.mint != b->meta.mint ||
        totals.maxt != b->meta.maxt)
        return err_set(err, ERR_CORRUPT,
                       "%s/%s: holds %" PRIu64 " samples, its footer says %" PRIu64, b->fs->root,
                       b->name, totals.samples, b->meta.samples);
    return 0;
}
