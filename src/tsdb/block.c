#include "tsdb/block.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "sys/fs.h"
#include "tsdb/block_impl.h"

/* ---- header and footer ---- */

static int damaged(const struct block *b, uint64_t offset, const char *what, struct err *err)
{
    return err_set(err, ERR_CORRUPT, "%s/%s: damaged at offset %" PRIu64 ": %s", b->fs->root,
                   b->name, offset, what);
}

/* Exactly n bytes; fewer is damage. */
static int read_bytes(struct block *b, uint64_t offset, void *p, size_t n, struct err *err)
{
    size_t got;

    if (b->fs->ops->pread(b->file, offset, p, n, &got, err) < 0)
        return -1;
    return got == n ? 0 : damaged(b, offset + got, "the file ends too early", err);
}

/* The first 16 bytes and the place of the CRC are the same in all formats, so that a flipped bit
 * can be told from a newer writer. */
static int check_header(struct block *b, const unsigned char *p, size_t n, struct err *err)
{
    struct cursor c = cursor_of(p, n), at_end = cursor_of(p + n - 4, 4);
    bool sound = crc32c(0, p, n - 4) == cursor_u32(&at_end);
    uint16_t major;

    cursor_skip(&c, BLOCK_MAGIC_N);
    major = cursor_u16(&c);
    if (major > BLOCK_MAJOR && sound)
        return err_set(err, ERR_TYPE,
                       "%s/%s: format %u is newer than this program's %u: the file is left as it "
                       "is; run a newer earshot",
                       b->fs->root, b->name, major, BLOCK_MAJOR);
    if (major > BLOCK_MAJOR)
        return err_set(err, ERR_EVAL,
                       "%s/%s: says format %u, newer than this program's %u, but its header is "
                       "damaged: the file is left as it is and not read",
                       b->fs->root, b->name, major, BLOCK_MAJOR);
    return sound ? 0 : damaged(b, 0, "bad checksum of the header", err);
}

static int parse_header(struct block *b, const unsigned char *p, size_t n, struct err *err)
{
    struct cursor c = cursor_of(p, n);
    struct str uuid;

    cursor_skip(&c, BLOCK_MAGIC_N + 2 + 2 + 4);
    b->meta.mint = (ts_ms)cursor_u64(&c);
    b->meta.maxt = (ts_ms)cursor_u64(&c);
    b->meta.generation = cursor_u32(&c);
    b->meta.side = cursor_u32(&c) & BLOCK_FLAG_SIDE;
    uuid = cursor_bytes(&c, sizeof b->meta.uuid);
    b->meta.parents_n = cursor_u32(&c);
    (void)cursor_u32(&c); /* reserved */
    if (c.failed || b->meta.parents_n > BLOCK_PARENTS_MAX ||
        n != BLOCK_HEADER_BYTES + (size_t)b->meta.parents_n * 16 + 4)
        return damaged(b, 0, "a header that makes no sense", err);
    memcpy(b->meta.uuid, uuid.p, uuid.n);
    b->parents = mem_zalloc_array(b->meta.parents_n + 1, 16);
    memcpy(b->parents, c.p, (size_t)b->meta.parents_n * 16);
    b->meta.parents = (const uint8_t(*)[16])b->parents;
    return 0;
}

static int read_header(struct block *b, uint64_t *bytes, struct err *err)
{
    unsigned char fixed[16];
    SCOPED(mem_freep) unsigned char *all = NULL;
    struct cursor c = cursor_of(fixed, sizeof fixed);
    uint32_t n;

    if (read_bytes(b, 0, fixed, sizeof fixed, err) < 0)
        return -1;
    if (memcmp(fixed, BLOCK_MAGIC, BLOCK_MAGIC_N) != 0)
        return damaged(b, 0, "not a block", err);
    cursor_skip(&c, 12);
    n = cursor_u32(&c);
    if (n < BLOCK_HEADER_BYTES + 4 || n > BLOCK_HEADER_BYTES + 4 + BLOCK_PARENTS_MAX * 16)
        return damaged(b, 12, "a header of an impossible length", err);
    all = mem_zalloc(n);
    if (read_bytes(b, 0, all, n, err) < 0 || check_header(b, all, n, err) < 0)
        return -1;
    *bytes = n;
    return parse_header(b, all, n, err);
}

/* Sections lie one after another without gaps, so that every byte is under a checksum. */
static int take_section(struct block *b, struct cursor *c, uint64_t *at, uint32_t *page,
                        struct err *err)
{
    struct section s = {0};
    uint32_t flags;
    uint16_t version;

    s.type = cursor_u16(c);
    version = cursor_u16(c);
    flags = cursor_u32(c);
    s.offset = cursor_u64(c);
    s.bytes = cursor_u64(c);
    s.table = cursor_u64(c);
    s.count = cursor_u64(c);
    s.crc = cursor_u32(c);
    (void)cursor_u32(c); /* reserved */
    if (c->failed || s.offset != *at || s.bytes > INT64_MAX - *at || s.table > s.bytes ||
        (s.bytes + BLOCK_PAGE_BYTES - 1) / BLOCK_PAGE_BYTES > UINT32_MAX - *page)
        return damaged(b, *at, "a table of contents that makes no sense", err);
    *at += s.bytes;
    if (!s.type || s.type >= SECTION_TYPES || version) {
        if (!(flags & SECTION_OPTIONAL))
            return err_set(err, ERR_TYPE,
                           "%s/%s: section %u of version %u is newer than this program: the file "
                           "is left as it is; run a newer earshot",
                           b->fs->root, b->name, s.type, version);
    } else {
        if (b->sections[s.type].type)
            return damaged(b, s.offset, "a section given twice", err);
        b->sections[s.type] = s;
        b->first_page[s.type] = *page;
    }
    *page += (uint32_t)((s.bytes + BLOCK_PAGE_BYTES - 1) / BLOCK_PAGE_BYTES);
    return 0;
}

static int parse_footer(struct block *b, struct cursor *c, uint64_t header_bytes, uint64_t offset,
                        struct err *err)
{
    ts_ms mint = (ts_ms)cursor_u64(c), maxt = (ts_ms)cursor_u64(c);
    uint64_t at = header_bytes;
    uint32_t sections_n, pages = 0;

    b->meta.samples = cursor_u64(c);
    b->meta.series = cursor_u64(c);
    sections_n = cursor_u32(c);
    if (c->failed || sections_n > BLOCK_SECTIONS_MAX || mint > maxt || mint < b->meta.mint ||
        maxt > b->meta.maxt || b->meta.series >= UINT32_MAX)
        return damaged(b, offset, "a footer that makes no sense", err);
    b->meta.mint = mint;
    b->meta.maxt = maxt;
    for (uint32_t i = 0; i < sections_n; i++)
        if (take_section(b, c, &at, &pages, err) < 0)
            return -1;
    if (at != offset || cursor_left(c) != (size_t)pages * 4)
        return damaged(b, offset, "sections that do not fill the file", err);
    for (size_t type = 1; type < SECTION_TYPES; type++)
        if (!b->sections[type].type)
            return damaged(b, offset, "a section is missing", err);
    b->pages_n = pages;
    b->page_crcs = mem_new_array(uint32_t, (size_t)pages + 1);
    b->page_bad = mem_zalloc((size_t)pages + 1);
    for (uint32_t i = 0; i < pages; i++)
        b->page_crcs[i] = cursor_u32(c);
    return 0;
}

static int read_footer(struct block *b, uint64_t header_bytes, struct err *err)
{
    unsigned char tail[BLOCK_TAIL_BYTES];
    SCOPED(mem_freep) unsigned char *footer = NULL;
    struct cursor c = cursor_of(tail, sizeof tail);
    uint64_t offset, end;
    uint32_t n, crc;

    if (b->meta.bytes < header_bytes + sizeof tail)
        return damaged(b, b->meta.bytes, "the file ends too early", err);
    end = b->meta.bytes - sizeof tail;
    if (read_bytes(b, end, tail, sizeof tail, err) < 0)
        return -1;
    offset = cursor_u64(&c);
    n = cursor_u32(&c);
    crc = cursor_u32(&c);
    if (memcmp(c.p, BLOCK_MAGIC_END, BLOCK_MAGIC_N) != 0)
        return damaged(b, end, "the file does not end as a block does: cut short?", err);
    if (n > BLOCK_FOOTER_MAX || offset < header_bytes || offset > end || end - offset != n)
        return damaged(b, end, "a footer at an impossible place", err);
    footer = mem_zalloc((size_t)n + 1);
    if (read_bytes(b, offset, footer, n, err) < 0)
        return -1;
    if (crc32c(0, footer, n) != crc)
        return damaged(b, offset, "bad checksum of the footer", err);
    c = cursor_of(footer, n);
    return parse_footer(b, &c, header_bytes, offset, err);
}

/* Tables have the size that the counts demand: later reads rely on it. */
static int check_tables(struct block *b, struct err *err)
{
    uint64_t series = b->meta.series;
    uint64_t stretches = (series + SERIES_RESTART - 1) / SERIES_RESTART;
    struct {
        enum section_type type;
        uint64_t count, bytes;
    } const wanted[] = {
        {SECTION_GROUP, b->sections[SECTION_GROUP].count, b->sections[SECTION_GROUP].count * 4},
        {SECTION_SERIES, series, stretches * 4},
        {SECTION_DIR, series, stretches * DIR_TABLE_BYTES},
        {SECTION_POST, b->sections[SECTION_PAIRS].count, b->sections[SECTION_PAIRS].count * 4},
        {SECTION_DATA, b->meta.samples, 0},
    };
    const struct section *pairs = &b->sections[SECTION_PAIRS], *sym = &b->sections[SECTION_SYM];

    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        const struct section *s = &b->sections[wanted[i].type];

        if (s->count != wanted[i].count || s->count > UINT64_C(1) << 48 ||
            s->bytes - s->table != wanted[i].bytes)
            return damaged(b, s->offset, "a section whose size and count differ", err);
    }
    if (pairs->count >= UINT32_MAX || pairs->table != pairs->count * 4 ||
        (pairs->bytes - pairs->table) % PAIR_NAME_BYTES || sym->count >= UINT32_MAX ||
        (sym->bytes - sym->table) % 8)
        return damaged(b, pairs->offset, "label pairs whose size and count differ", err);
    return 0;
}

static void block_unrefp(struct block **b)
{
    block_unref(*b);
}

int block_open(struct fs *fs, struct cache *cache, const char *name, struct block **out,
               struct err *err)
{
    SCOPED(block_unrefp) struct block *b = mem_new(struct block);
    uint64_t header_bytes = 0;

    b->refs = 1;
    b->fs = fs;
    b->cache = cache;
    b->cache_file = cache_file(cache);
    (void)pthread_mutex_init(&b->names_lock, NULL);
    if ((size_t)snprintf(b->name, sizeof b->name, "%s", name) >= sizeof b->name)
        return err_set(err, ERR_LIMIT, "%s: the name of a block is longer than %zu bytes", name,
                       sizeof b->name - 1);
    if (fs->ops->open_read(fs, name, &b->file, err) < 0 ||
        fs->ops->size(b->file, &b->meta.bytes, err) < 0 || read_header(b, &header_bytes, err) < 0 ||
        read_footer(b, header_bytes, err) < 0 || check_tables(b, err) < 0)
        return -1;
    *out = take(b);
    return 0;
}

struct block *block_ref(struct block *b)
{
    (void)atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    return b;
}

void block_unref(struct block *b)
{
    if (!b || atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) > 1)
        return;
    cache_forget(b->cache, b->cache_file);
    b->fs->ops->close(b->file);
    (void)pthread_mutex_destroy(&b->names_lock);
    mem_free(b->names);
    mem_free(b->names_text);
    mem_free(b->parents);
    mem_free(b->page_crcs);
    mem_free((void *)b->page_bad);
    mem_free(b);
}

const struct block_meta *block_meta(const struct block *b)
{
    return &b->meta;
}

const char *block_name(const struct block *b)
{
    return b->name;
}

uint64_t block_bad_pages(const struct block *b)
{
    return atomic_load(&((struct block *)(uintptr_t)b)->bad_pages);
}

void block_add_bad_pages(struct block *b, uint64_t n)
{
    (void)atomic_fetch_add(&b->bad_pages, n);
}

int block_delete(struct block *b, struct err *err)
{
    return b->fs->ops->unlink(b->fs, b->name, err);
}

/* ---- pages and views ---- */

/* Each bad page is counted once, however often it is touched. */
static void count_bad(struct block *b, uint32_t page)
{
    if (!atomic_exchange(&b->page_bad[page], 1))
        (void)atomic_fetch_add(&b->bad_pages, 1);
}

int block_corrupt(struct block *b, enum section_type type, uint64_t offset, const char *what,
                  struct err *err)
{
    const struct section *s = &b->sections[type];

    if (offset < s->bytes)
        count_bad(b, b->first_page[type] + (uint32_t)(offset / BLOCK_PAGE_BYTES));
    return damaged(b, s->offset + offset, what, err);
}

static int load_page(void *arg, struct cache_key key, unsigned char **bytes, size_t *n,
                     struct err *err)
{
    struct block *b = arg;
    const struct section *s = &b->sections[key.section];
    uint64_t offset = (uint64_t)key.page * BLOCK_PAGE_BYTES;
    uint64_t left = s->bytes - offset;
    size_t size = left < BLOCK_PAGE_BYTES ? left : BLOCK_PAGE_BYTES, got;
    SCOPED(mem_freep) unsigned char *p = mem_zalloc(size);

    if (b->fs->ops->pread(b->file, s->offset + offset, p, size, &got, err) < 0) {
        count_bad(b, b->first_page[key.section] + key.page);
        return -1;
    }
    if (got != size)
        return block_corrupt(b, key.section, offset, "the file ends too early", err);
    if (crc32c(0, p, size) != b->page_crcs[b->first_page[key.section] + key.page])
        return block_corrupt(b, key.section, offset, "bad checksum of a page", err);
    *bytes = take(p);
    *n = size;
    return 0;
}

static int pin_page(struct block *b, enum section_type type, uint64_t offset,
                    const struct cache_page **out, struct err *err)
{
    struct cache_key key = {b->cache_file, type, (uint32_t)(offset / BLOCK_PAGE_BYTES)};

    return cache_pin(b->cache, key, load_page, b, out, err);
}

static int copy_pages(struct block *b, enum section_type type, uint64_t offset, unsigned char *to,
                      size_t n, struct err *err)
{
    while (n) {
        const struct cache_page *page;
        size_t in = offset % BLOCK_PAGE_BYTES, some;

        if (pin_page(b, type, offset, &page, err) < 0)
            return -1;
        some = page->n - in < n ? page->n - in : n;
        memcpy(to, page->bytes + in, some);
        cache_unpin(b->cache, page);
        to += some;
        offset += some;
        n -= some;
    }
    return 0;
}

int block_view(struct block *b, enum section_type type, uint64_t offset, size_t n, struct arena *a,
               struct block_view *out, struct err *err)
{
    const struct section *s = &b->sections[type];
    size_t in = offset % BLOCK_PAGE_BYTES;
    unsigned char *copy;

    if (offset > s->bytes || n > s->bytes - offset)
        return block_corrupt(b, type, offset < s->bytes ? offset : 0, "an offset out of bounds",
                             err);
    out->p = (const unsigned char *)"";
    out->n = n;
    out->page = NULL;
    if (!n)
        return 0;
    if (in + n <= BLOCK_PAGE_BYTES) {
        if (pin_page(b, type, offset, &out->page, err) < 0)
            return -1;
        out->p = out->page->bytes + in;
        return 0;
    }
    copy = n <= sizeof out->small ? out->small : arena_alloc(a, n, err);
    if (!copy || copy_pages(b, type, offset, copy, n, err) < 0)
        return -1;
    out->p = copy;
    return 0;
}

void block_view_end(struct block *b, struct block_view *v)
{
    cache_unpin(b->cache, v->page);
    v->page = NULL;
}

int block_table(struct block *b, enum section_type type, uint64_t i, size_t bytes, struct arena *a,
                struct block_view *out, struct err *err)
{
    const struct section *s = &b->sections[type];

    if (i >= (s->bytes - s->table) / bytes)
        return block_corrupt(b, type, s->table < s->bytes ? s->table : 0, "an index out of bounds",
                             err);
    return block_view(b, type, s->table + i * bytes, bytes, a, out, err);
}

int block_slice(struct block *b, enum section_type type, uint64_t i, uint64_t entries, size_t bytes,
                struct arena *a, struct block_view *out, struct err *err)
{
    struct block_view v;
    struct cursor c;
    uint64_t from, to = b->sections[type].table;

    if (block_table(b, type, i, bytes, a, &v, err) < 0)
        return -1;
    c = cursor_of(v.p, v.n);
    from = cursor_u32(&c);
    block_view_end(b, &v);
    if (i + 1 < entries) {
        if (block_table(b, type, i + 1, bytes, a, &v, err) < 0)
            return -1;
        c = cursor_of(v.p, v.n);
        to = cursor_u32(&c);
        block_view_end(b, &v);
    }
    if (from > to || to > b->sections[type].table)
        return block_corrupt(b, type, b->sections[type].table, "a table that does not ascend", err);
    return block_view(b, type, from, (size_t)(to - from), a, out, err);
}
