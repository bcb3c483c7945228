/* read_chunk: an XOR chunk read back, for tests: written from the format's description, bit by bit.
 */
#ifndef REMOTE_READ_CHUNK_H
#define REMOTE_READ_CHUNK_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"

struct chunk_bits {
    const uint8_t *p;
    size_t at; /* bit */
};

static inline uint64_t chunk_bits(struct chunk_bits *b, unsigned n)
{
    uint64_t v = 0;

    for (; n; n--, b->at++)
        v = v << 1 | (b->p[b->at / 8] >> (7 - b->at % 8) & 1);
    return v;
}

static inline uint64_t chunk_varint(struct chunk_bits *b)
{
    uint64_t v = 0, byte;

    for (unsigned shift = 0;; shift += 7) {
        byte = chunk_bits(b, 8);
        v |= (byte & 0x7f) << shift;
        if (byte < 0x80)
            return v;
    }
}

static inline int64_t chunk_delta(struct chunk_bits *b)
{
    static const unsigned widths[] = {0, 14, 17, 20, 64};
    unsigned ones = 0, width;
    uint64_t v;

    while (ones < 4 && chunk_bits(b, 1))
        ones++;
    width = widths[ones];
    if (!width)
        return 0;
    v = chunk_bits(b, width);
    if (width < 64 && v > UINT64_C(1) << (width - 1))
        return (int64_t)v - (INT64_C(1) << width);
    return (int64_t)v;
}

/* Returns how many samples there are; ts and values have room for them. */
static inline size_t chunk_read(struct str chunk, int64_t ts[], double values[])
{
    struct chunk_bits b = {(const uint8_t *)chunk.p, 0};
    size_t n = (size_t)chunk_bits(&b, 16);
    unsigned leading = 0, width = 0;
    int64_t delta = 0;
    uint64_t v = 0;

    for (size_t i = 0; i < n; i++) {
        if (i == 0) {
            v = chunk_varint(&b);
            ts[0] = (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
            v = chunk_bits(&b, 64);
        } else {
            delta = i == 1 ? (int64_t)chunk_varint(&b) : delta + chunk_delta(&b);
            ts[i] = ts[i - 1] + delta;
            if (chunk_bits(&b, 1)) {
                if (chunk_bits(&b, 1)) {
                    leading = (unsigned)chunk_bits(&b, 5);
                    width = (unsigned)chunk_bits(&b, 6);
                    width = width ? width : 64;
                }
                v ^= chunk_bits(&b, width) << (64 - leading - width);
            }
        }
        memcpy(&values[i], &v, sizeof v);
    }
    return n;
}

#endif
