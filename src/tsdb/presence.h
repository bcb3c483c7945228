/* presence: which of n positions have a sample, as runs or as a bitmap, whichever is shorter.
 *
 * A bitmap in memory is n bits in words, position i is bit i % 64 of word i / 64; bits past n are
 * 0.
 *
 * Threads: none of its own. Errors: decoding foreign bytes gives -1 when they make no sense.
 */
#ifndef TSDB_PRESENCE_H
#define TSDB_PRESENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

static inline size_t presence_words(size_t n)
{
    return (n + 63) / 64;
}

static inline bool presence_at(const uint64_t *bits, size_t i)
{
    return bits[i / 64] >> (i % 64) & 1;
}

static inline void presence_set(uint64_t *bits, size_t i)
{
    bits[i / 64] |= UINT64_C(1) << (i % 64);
}

/* Positions set in [first, end). */
size_t presence_count(const uint64_t *bits, size_t first, size_t end);
/* The first position >= i and < end that is (or is not) set; `end` when there is none. */
size_t presence_next(const uint64_t *bits, size_t i, size_t end, bool set);

void presence_encode(const uint64_t *bits, size_t n, struct buf *out);
MUST_USE int presence_decode(struct str in, uint64_t *bits, size_t n);

#endif
