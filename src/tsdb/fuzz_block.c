/* A whole block file, opened and read. Its checksums are made right first, so that what lies behind
 * them is reached: a file can be hostile, not only damaged. */
#include <string.h>

#include "base/arena.h"
#include "base/cursor.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "model/matcher.h"
#include "model/source.h"
#include "sys/fs.h"
#include "sys/fs_fault.h"
#include "tsdb/block.h"
#include "tsdb/block_layout.h"
#include "tsdb/cache.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_crc(uint8_t *at, uint32_t crc)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(crc >> (8 * i));
}

static void seal_pages(uint8_t *bytes, size_t size, size_t footer, size_t footer_n)
{
    struct cursor c = cursor_of(bytes + footer, footer_n);
    uint32_t sections;
    size_t at;

    cursor_skip(&c, 32);
    sections = cursor_u32(&c);
    if (c.failed || sections > 64)
        return;
    at = footer + 36 + sections * (size_t)BLOCK_TOC_BYTES;
    for (uint32_t i = 0; i < sections; i++) {
        uint64_t offset, n;

        cursor_skip(&c, 8);
        offset = cursor_u64(&c);
        n = cursor_u64(&c);
        cursor_skip(&c, BLOCK_TOC_BYTES - 24);
        if (c.failed || offset > size || n > size - offset)
            return;
        for (uint64_t page = 0; page < n; page += BLOCK_PAGE_BYTES, at += 4) {
            uint64_t left = n - page < BLOCK_PAGE_BYTES ? n - page : BLOCK_PAGE_BYTES;

            if (at + 4 > footer + footer_n)
                return;
            put_crc(bytes + at, crc32c(0, bytes + offset + page, (size_t)left));
        }
    }
}

static void seal(uint8_t *bytes, size_t size)
{
    struct cursor c;
    uint64_t footer;
    uint32_t n;

    if (size < BLOCK_HEADER_BYTES + BLOCK_TAIL_BYTES)
        return;
    c = cursor_of(bytes + 12, 4);
    n = cursor_u32(&c);
    if (n >= 4 && n <= size)
        put_crc(bytes + n - 4, crc32c(0, bytes, n - 4));
    c = cursor_of(bytes + size - BLOCK_TAIL_BYTES, BLOCK_TAIL_BYTES);
    footer = cursor_u64(&c);
    n = cursor_u32(&c);
    if (footer > size || n > size - footer)
        return;
    seal_pages(bytes, size, (size_t)footer, n);
    put_crc(bytes + size - 12, crc32c(0, bytes + footer, n));
}

static void select_some(struct block *b, struct arena *a)
{
    static const struct {
        enum match_op op;
        const char *name, *value;
    } asked[] = {
        {MATCH_EQ, "__name__", "metric_1_total"}, {MATCH_RE, "__name__", "metric_.*"},
        {MATCH_NE, "instance", "host-1"},         {MATCH_RE, "cpu", "1|2|5"},
        {MATCH_RE, "instance", ".*-(1|2)"},
    };
    struct matcher m[2];
    uint32_t *series;
    size_t n;

    for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
        for (size_t k = 0; k < 2; k++) {
            size_t at = (i + k) % ARRAY_LEN(asked);

            if (matcher_init(&m[k], a, asked[at].op, str_c(asked[at].name), str_c(asked[at].value),
                             NULL) < 0)
                return;
        }
        (void)!block_select(b, a, m, 2, &series, &n, NULL);
        matcher_fini(&m[0]);
        matcher_fini(&m[1]);
    }
}

static void read_all(struct block *b, struct budget *budget)
{
    SCOPED(arena_fini) struct arena keep, scratch;
    struct block_reader *r;
    struct str *list;
    size_t n;

    arena_init(&keep, budget);
    arena_init(&scratch, budget);
    if (block_reader_open(b, &keep, &r, NULL) < 0)
        return;
    for (uint32_t i = 0; i < block_meta(b)->series && i < 300; i++) {
        const struct labels *ls;
        struct source_series got;

        arena_reset(&scratch);
        (void)!block_labels(b, &scratch, i, &ls, NULL);
        (void)!block_read(r, &scratch, i, INT64_MIN, INT64_MAX, &got, NULL);
    }
    (void)!block_label_names(b, &scratch, &list, &n, NULL);
    (void)!block_label_values(b, &scratch, STR("instance"), &list, &n, NULL);
    select_some(b, &scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SCOPED(mem_freep) uint8_t *bytes = mem_zalloc(size + 1);
    struct fs *fs = fs_fault_new();
    struct cache *cache = cache_new(1 << 20);
    struct budget budget;
    struct block *b;

    if (size)
        memcpy(bytes, data, size);
    budget_init(&budget, "fuzz", 64u << 20, NULL);
    seal(bytes, size);
    fs_fault_put(fs, "b", bytes, size);
    if (block_open(fs, cache, "b", &b, NULL) == 0) {
        read_all(b, &budget);
        (void)!block_verify(b, NULL);
        block_unref(b);
    }
    cache_free(cache);
    fs_free(fs);
    return 0;
}
