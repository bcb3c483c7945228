#include "remote/xor_chunk.h"

#include <assert.h>
#include <stdint.h>

#include "base/cursor.h"

struct bits {
    struct buf *out;
    uint64_t pending; /* the low `n` bits, n < 8 between calls */
    unsigned n;
};

static void put(struct bits *b, uint64_t v, unsigned n)
{
    while (n) {
        unsigned part = n < 8 ? n : 8;

        n -= part;
        b->pending = b->pending << part | (v >> n & ((1u << part) - 1));
        b->n += part;
        if (b->n >= 8) {
            b->n -= 8;
            buf_addc(b->out, (char)(b->pending >> b->n & 0xff));
        }
    }
}

static uint64_t bits_of(double v)
{
    uint64_t u;

    memcpy(&u, &v, sizeof u);
    return u;
}

static void put_time(struct bits *b, int64_t change)
{
    static const struct {
        unsigned prefix, prefix_bits, bits;
    } widths[] = {{2, 2, 14}, {6, 3, 17}, {14, 4, 20}};

    if (!change) {
        put(b, 0, 1);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(widths); i++) {
        int64_t bound = INT64_C(1) << (widths[i].bits - 1);

        if (change > -bound && change <= bound) {
            put(b, widths[i].prefix, widths[i].prefix_bits);
            put(b, (uint64_t)change, widths[i].bits);
            return;
        }
    }
    put(b, 15, 4);
    put(b, (uint64_t)change, 64);
}

/* The bits that may differ from one value to the next. */
struct window {
    bool known;
    unsigned leading, trailing;
};

static void put_value(struct bits *b, struct window *w, uint64_t v, uint64_t before)
{
    uint64_t change = v ^ before;
    unsigned leading, trailing, width;

    put(b, change != 0, 1);
    if (!change)
        return;
    leading = (unsigned)__builtin_clzll(change);
    trailing = (unsigned)__builtin_ctzll(change);
    if (leading > 31)
        leading = 31; /* five bits */
    if (w->known && leading >= w->leading && trailing >= w->trailing) {
        put(b, 0, 1);
        put(b, change >> w->trailing, 64 - w->leading - w->trailing);
        return;
    }
    *w = (struct window){true, leading, trailing};
    width = 64 - leading - trailing;
    put(b, 1, 1);
    put(b, leading, 5);
    put(b, width & 63, 6); /* 0 stands for 64 */
    put(b, change >> trailing, width);
}

void xor_chunk_write(struct buf *out, const ts_ms ts[], const double values[], size_t n)
{
    struct bits b = {.out = out};
    struct window w = {.known = false};

    assert(n >= 1 && n <= UINT16_MAX);
    put(&b, n, 16);
    put_svarint(out, ts[0]);
    put(&b, bits_of(values[0]), 64);
    for (size_t i = 1; i < n; i++) {
        if (i == 1)
            put_uvarint(out, (uint64_t)(ts[1] - ts[0]));
        else
            put_time(&b, (ts[i] - ts[i - 1]) - (ts[i - 1] - ts[i - 2]));
        put_value(&b, &w, bits_of(values[i]), bits_of(values[i - 1]));
    }
    if (b.n)
        put(&b, 0, 8 - b.n);
}
