/* bits: numbers of 0 to 64 bits after one another, the lowest bit first.
 *
 * A read past the end sets `failed` and gives zeros, as base/cursor.h does for bytes.
 */
#ifndef TSDB_BITS_H
#define TSDB_BITS_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/cursor.h"
#include "base/str.h"

/* Low n bits set; n <= 64. */
static inline uint64_t bits_mask(unsigned n)
{
    return n >= 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1;
}

/* How many bits v needs: 0 for 0. */
static inline unsigned bits_length(uint64_t v)
{
    return v ? 64u - (unsigned)__builtin_clzll(v) : 0;
}

struct bits_writer {
    struct buf *out;
    uint64_t held; /* bits not yet written */
    unsigned n;    /* how many: < 64 */
};

static inline struct bits_writer bits_to(struct buf *out)
{
    return (struct bits_writer){out, 0, 0};
}

/* v has no bits above the lowest n. */
static inline void bits_put(struct bits_writer *w, uint64_t v, unsigned n)
{
    if (!n)
        return;
    w->held |= v << w->n;
    if (w->n + n < 64) {
        w->n += n;
        return;
    }
    put_u64(w->out, w->held);
    n -= 64 - w->n; /* left over */
    w->held = (v >> 1) >> (63 - w->n);
    w->n = n;
}

/* Fills the last byte with zeros. */
static inline void bits_flush(struct bits_writer *w)
{
    for (unsigned done = 0; done < w->n; done += 8)
        put_u8(w->out, (uint8_t)(w->held >> done));
    w->held = 0;
    w->n = 0;
}

struct bits_reader {
    const unsigned char *p, *end;
    uint64_t held;
    unsigned n; /* bits in held */
    bool failed;
};

static inline struct bits_reader bits_of(const unsigned char *p, size_t n)
{
    return (struct bits_reader){p, p + n, 0, 0, false};
}

/* At least 56 bits are held after it, or all there are. */
static inline void bits_refill(struct bits_reader *r)
{
    if (r->end - r->p >= 8) {
        uint64_t word;
        unsigned bytes = (63 - r->n) >> 3;

        memcpy(&word, r->p, 8);
        r->held |= le64toh(word) << r->n;
        r->p += bytes;
        r->n += bytes * 8;
        return;
    }
    while (r->n <= 56 && r->p < r->end) {
        r->held |= (uint64_t)*r->p++ << r->n;
        r->n += 8;
    }
}

/* The next bits without taking them; zeros past the end. Refill first. */
static inline uint64_t bits_peek(const struct bits_reader *r, unsigned n)
{
    return r->held & bits_mask(n);
}

/* n <= 56, of bits that were refilled. */
static inline void bits_take(struct bits_reader *r, unsigned n)
{
    if (n > r->n) {
        r->failed = true;
        r->held = 0;
        r->n = 0;
        return;
    }
    r->held >>= n;
    r->n -= n;
}

static inline uint64_t bits_get(struct bits_reader *r, unsigned n)
{
    uint64_t v = 0;
    unsigned low = 0;

    if (n > 56) {
        low = 32;
        v = bits_get(r, 32);
        n -= 32;
    }
    bits_refill(r);
    v |= bits_peek(r, n) << low;
    bits_take(r, n);
    return r->failed ? 0 : v;
}

#endif
