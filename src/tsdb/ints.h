/* ints: a run of 64-bit integers in few bytes: the one pipeline behind values and timestamps.
 *
 *   v -> u = (v - v[0]) / g          g: the gcd of all differences
 *     -> residuals of order 0, 1 or 2  (u, its deltas, deltas of deltas), whichever is shortest,
 *        made non-negative: as they are, less their minimum, or folded (zigzag)
 *     -> one width for all, or bit lengths as Huffman codes (<= 9 bits, with symbols for runs of
 *        zeros) each followed by the bits below the highest
 *
 * All arithmetic wraps, so every input comes back exactly. FORMAT.md, "Integers", has each byte.
 * Public reading: Gorilla (VLDB 2015), pcodec (arXiv 2502.06112); canonical Huffman codes as in
 * RFC 1951.
 *
 * Threads: none of its own. Errors: decoding foreign bytes gives -1 when they make no sense.
 */
#ifndef TSDB_INTS_H
#define TSDB_INTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

#define INTS_MAX 2048u

/* Appends v[0..n), 1 <= n <= INTS_MAX. */
void ints_encode(const int64_t *v, size_t n, struct buf *out);
/* `in` holds exactly one encoding of n integers. */
MUST_USE int ints_decode(struct str in, int64_t *v, size_t n);

#endif
