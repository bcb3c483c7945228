#include "tsdb/postings.h"

#include "base/cursor.h"
#include "tsdb/bits.h"

#define SHORT      16u
#define SKIP_BYTES 8u

static size_t blocks_of(size_t n)
{
    return (n + POSTINGS_BLOCK - 1) / POSTINGS_BLOCK;
}

static void put_block(const uint32_t *list, size_t n, struct buf *out)
{
    struct bits_writer w = bits_to(out);
    uint32_t all = 0;
    unsigned width;

    for (size_t i = 1; i < n; i++)
        all |= list[i] - list[i - 1] - 1;
    width = bits_length(all);
    put_u8(out, (uint8_t)width);
    for (size_t i = 1; i < n; i++)
        bits_put(&w, list[i] - list[i - 1] - 1, width);
    bits_flush(&w);
}

void postings_encode(const uint32_t *list, size_t n, struct buf *out)
{
    bool consecutive = n && list[n - 1] - list[0] == n - 1;
    size_t skips, packed;

    put_uvarint(out, (uint64_t)n << 1 | consecutive);
    if (consecutive || n < SHORT) {
        for (size_t i = 0; i < (consecutive ? 1 : n); i++)
            put_uvarint(out, i ? list[i] - list[i - 1] : list[i]);
        return;
    }
    skips = out->n;
    for (size_t i = 0; i < n; i += POSTINGS_BLOCK) {
        put_u32(out, list[i]);
        put_u32(out, 0);
    }
    packed = out->n;
    for (size_t i = 0; i < n; i += POSTINGS_BLOCK) {
        put_u32_at(out, skips + i / POSTINGS_BLOCK * SKIP_BYTES + 4, (uint32_t)(out->n - packed));
        put_block(list + i, n - i < POSTINGS_BLOCK ? n - i : POSTINGS_BLOCK, out);
    }
}

int postings_open(struct str in, uint32_t end, struct postings *out)
{
    struct cursor c = cursor_of(in.p, in.n);
    uint64_t head = cursor_uvarint(&c);
    struct postings p = {.consecutive = head & 1, .end = end};

    if (c.failed || head >> 1 > end)
        return -1;
    p.n = (uint32_t)(head >> 1);
    if (p.consecutive) {
        uint64_t first = cursor_uvarint(&c);

        if (c.failed || cursor_left(&c) || first > end || p.n > end - first)
            return -1;
        p.first = (uint32_t)first;
    } else if (p.n >= SHORT) {
        p.skips = c.p;
        cursor_skip(&c, blocks_of(p.n) * SKIP_BYTES);
        if (c.failed)
            return -1;
    }
    p.packed = (struct str){(const char *)c.p, cursor_left(&c)};
    *out = p;
    return 0;
}

static uint32_t skip_first(const struct postings *p, size_t block)
{
    struct cursor c = cursor_of(p->skips + block * SKIP_BYTES, SKIP_BYTES);

    return cursor_u32(&c);
}

/* Block i into out; returns how many, or -1. */
static int unpack_block(const struct postings *p, size_t block, uint32_t *out)
{
    struct cursor c = cursor_of(p->skips + block * SKIP_BYTES, SKIP_BYTES);
    uint64_t at = cursor_u32(&c), start = cursor_u32(&c);
    size_t n = p->n - block * POSTINGS_BLOCK;
    struct bits_reader in;
    unsigned width;

    n = n < POSTINGS_BLOCK ? n : POSTINGS_BLOCK;
    if (start >= p->packed.n || at >= p->end)
        return -1;
    width = (unsigned char)p->packed.p[start];
    if (width > 32)
        return -1;
    in = bits_of((const unsigned char *)p->packed.p + start + 1, p->packed.n - start - 1);
    out[0] = (uint32_t)at;
    for (size_t i = 1; i < n; i++) {
        bits_refill(&in);
        at += bits_peek(&in, width) + 1;
        bits_take(&in, width);
        out[i] = (uint32_t)at;
    }
    return in.failed || at >= p->end ? -1 : (int)n;
}

static int unpack_short(const struct postings *p, uint32_t *out)
{
    struct cursor c = cursor_of(p->packed.p, p->packed.n);
    uint64_t at = 0;

    for (size_t i = 0; i < p->n; i++) {
        uint64_t step = cursor_uvarint(&c);

        if (c.failed || (i && !step) || step >= p->end || (at += step) >= p->end)
            return -1;
        out[i] = (uint32_t)at;
    }
    return cursor_left(&c) ? -1 : 0;
}

int postings_unpack(const struct postings *p, uint32_t *out)
{
    if (p->consecutive) {
        for (uint32_t i = 0; i < p->n; i++)
            out[i] = p->first + i;
        return 0;
    }
    if (!p->skips)
        return unpack_short(p, out);
    for (size_t block = 0; block < blocks_of(p->n); block++) {
        uint32_t *at = out + block * POSTINGS_BLOCK;

        if (unpack_block(p, block, at) < 0 || (block && at[0] <= at[-1]))
            return -1;
    }
    return 0;
}

/* The last block whose first index is not above `v`; searched from `block` on. */
static size_t block_of(const struct postings *p, size_t block, uint32_t v)
{
    size_t lo = block, hi = blocks_of(p->n);

    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;

        if (skip_first(p, mid) <= v)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

static size_t keep_from_array(const uint32_t *in, size_t in_n, uint32_t *list, size_t n)
{
    size_t kept = 0, at = 0;

    for (size_t i = 0; i < n; i++) {
        while (at < in_n && in[at] < list[i])
            at++;
        if (at < in_n && in[at] == list[i])
            list[kept++] = list[i];
    }
    return kept;
}

static int keep_by_blocks(const struct postings *p, uint32_t *list, size_t *n)
{
    uint32_t unpacked[POSTINGS_BLOCK];
    size_t kept = 0, block = SIZE_MAX, at = 0, block_n = 0;

    for (size_t i = 0; i < *n; i++) {
        size_t wanted = block_of(p, block == SIZE_MAX ? 0 : block, list[i]);

        if (wanted != block) {
            int got = unpack_block(p, wanted, unpacked);

            if (got < 0)
                return -1;
            block = wanted;
            block_n = (size_t)got;
            at = 0;
        }
        while (at < block_n && unpacked[at] < list[i])
            at++;
        if (at < block_n && unpacked[at] == list[i])
            list[kept++] = list[i];
    }
    *n = kept;
    return 0;
}

int postings_keep_common(const struct postings *p, uint32_t *list, size_t *n)
{
    uint32_t few[SHORT];

    if (p->skips)
        return keep_by_blocks(p, list, n);
    if (p->consecutive) {
        size_t kept = 0;

        for (size_t i = 0; i < *n; i++)
            if (list[i] - p->first < p->n)
                list[kept++] = list[i];
        *n = kept;
        return 0;
    }
    if (unpack_short(p, few) < 0)
        return -1;
    *n = keep_from_array(few, p->n, list, *n);
    return 0;
}
