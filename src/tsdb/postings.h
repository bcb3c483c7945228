/* postings: an ascending list of series indexes in few bytes.
 *
 *   uvarint n << 1 | consecutive, then
 *     consecutive:  the first
 *     n < 16:       the first and the distances to the next, as varints
 *     else:         a skip list {first u32, offset u32} for each 128, then each block: a width and
 *                   the distances less one, bit-packed
 *
 * Threads: none of its own. Errors: decoding foreign bytes gives -1 when they make no sense.
 */
#ifndef TSDB_POSTINGS_H
#define TSDB_POSTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

#define POSTINGS_BLOCK 128u

void postings_encode(const uint32_t *list, size_t n, struct buf *out);

/* A list that is not unpacked: borrows the bytes. */
struct postings {
    struct str packed;          /* blocks, or varints */
    const unsigned char *skips; /* NULL: consecutive or short */
    uint32_t n, first;
    bool consecutive;
    uint32_t end; /* every index is below it: series of the block */
};

MUST_USE int postings_open(struct str in, uint32_t end, struct postings *out);
/* All of them, into out[0..p->n). */
MUST_USE int postings_unpack(const struct postings *p, uint32_t *out);
/* Keeps those of list[0..*n) that are in `p` too; skips what lies between. */
MUST_USE int postings_keep_common(const struct postings *p, uint32_t *list, size_t *n);

#endif
