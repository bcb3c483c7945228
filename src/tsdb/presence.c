#include "tsdb/presence.h"

#include <string.h>

#include "base/cursor.h"
#include "tsdb/bits.h"

enum form { RUNS, BITMAP };

size_t presence_count(const uint64_t *bits, size_t first, size_t end)
{
    size_t count = 0;

    for (size_t i = first; i < end;) {
        uint64_t word = bits[i / 64] >> (i % 64);
        size_t n = 64 - i % 64;

        n = n < end - i ? n : end - i;
        count += (size_t)__builtin_popcountll(word & bits_mask((unsigned)n));
        i += n;
    }
    return count;
}

size_t presence_next(const uint64_t *bits, size_t i, size_t end, bool set)
{
    while (i < end) {
        uint64_t word = (set ? bits[i / 64] : ~bits[i / 64]) >> (i % 64);

        if (word) {
            i += (size_t)__builtin_ctzll(word);
            return i < end ? i : end;
        }
        i += 64 - i % 64;
    }
    return end;
}

/* Lengths of absent, present, absent ... up to n; the first may be 0. */
static void put_runs(const uint64_t *bits, size_t n, struct buf *out)
{
    bool set = false;

    for (size_t i = 0; i < n; set = !set) {
        size_t end = presence_next(bits, i, n, !set);

        put_uvarint(out, end - i);
        i = end;
    }
}

void presence_encode(const uint64_t *bits, size_t n, struct buf *out)
{
    size_t start = out->n;

    put_u8(out, RUNS);
    put_runs(bits, n, out);
    if (out->n - start <= 1 + (n + 7) / 8)
        return;
    out->n = start;
    put_u8(out, BITMAP);
    for (size_t at = 0; at < n; at += 8)
        put_u8(out, (uint8_t)(bits[at / 64] >> (at % 64)));
}

static int get_runs(struct cursor *c, uint64_t *bits, size_t n)
{
    bool set = false;

    for (size_t i = 0; i < n; set = !set) {
        uint64_t run = cursor_uvarint(c);

        if (c->failed || run > n - i || (!run && i))
            return -1;
        for (size_t end = i + (size_t)run; i < end; i++)
            if (set)
                presence_set(bits, i);
    }
    return 0;
}

int presence_decode(struct str in, uint64_t *bits, size_t n)
{
    struct cursor c = cursor_of(in.p, in.n);
    unsigned form = cursor_u8(&c);

    memset(bits, 0, presence_words(n) * sizeof *bits);
    if (form == RUNS) {
        if (get_runs(&c, bits, n) < 0)
            return -1;
    } else if (form == BITMAP) {
        for (size_t at = 0; at < n; at += 8)
            bits[at / 64] |= (uint64_t)cursor_u8(&c) << (at % 64);
        if (n % 64 && bits[n / 64] & ~bits_mask(n % 64))
            return -1;
    } else {
        return -1;
    }
    return c.failed || cursor_left(&c) ? -1 : 0;
}
