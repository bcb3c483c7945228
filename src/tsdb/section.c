#include "tsdb/section.h"

#include <assert.h>

#include "base/cursor.h"
#include "base/err.h"
#include "base/hash.h"
#include "sys/fs.h"

void section_writer_init(struct section_writer *w, struct fs *fs, struct fs_file *file,
                         uint64_t offset)
{
    *w = (struct section_writer){.fs = fs, .file = file, .offset = offset};
}

void section_writer_fini(struct section_writer *w)
{
    buf_fini(&w->page);
    buf_fini(&w->page_crcs);
}

void section_begin(struct section_writer *w, enum section_type type)
{
    assert(!w->page.n && w->done_n < SECTION_TYPES);
    w->now = (struct section){.type = (uint16_t)type, .offset = w->offset};
}

static int flush_page(struct section_writer *w, struct err *err)
{
    if (!w->page.n)
        return 0;
    if (w->fs->ops->append(w->file, w->page.p, w->page.n, err) < 0)
        return -1;
    put_u32(&w->page_crcs, crc32c(0, w->page.p, w->page.n));
    w->now.crc = crc32c(w->now.crc, w->page.p, w->page.n);
    buf_reset(&w->page);
    return 0;
}

int section_put(struct section_writer *w, struct str bytes, struct err *err)
{
    while (bytes.n) {
        struct str piece = str_take(bytes, BLOCK_PAGE_BYTES - w->page.n);

        buf_add(&w->page, piece);
        w->offset += piece.n;
        bytes = str_skip(bytes, piece.n);
        if (w->page.n == BLOCK_PAGE_BYTES && flush_page(w, err) < 0)
            return -1;
    }
    return 0;
}

uint64_t section_bytes(const struct section_writer *w)
{
    return w->offset - w->now.offset;
}

int section_end(struct section_writer *w, struct str table, uint64_t count, struct err *err)
{
    w->now.table = section_bytes(w);
    if (table.n && w->now.table > UINT32_MAX)
        return err_set(err, ERR_LIMIT,
                       "section %u of a block would be %llu bytes; at most 4 GiB "
                       "fit: keep fewer series",
                       w->now.type, (unsigned long long)w->now.table);
    if (section_put(w, table, err) < 0 || flush_page(w, err) < 0)
        return -1;
    w->now.bytes = section_bytes(w);
    w->now.count = count;
    w->done[w->done_n++] = w->now;
    return 0;
}
