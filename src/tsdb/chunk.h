/* chunk: a column of doubles in few bytes, bit exact (NaN payloads, staleness markers, -0).
 *
 * Each chunk picks the shortest of these, by its first byte (FORMAT.md, "Chunk"):
 *   constant       one value
 *   decimal        integers i with (double)i / 10^e equal to every value but listed exceptions
 *   float-mult     k / 10^e plus a small error in units of the last place (sums of seconds)
 *   ordered        the bits as integers in the order of the doubles
 *   raw            8 bytes each
 * Integers go through tsdb/ints.h. Public reading: ALP (SIGMOD 2024), pcodec (arXiv 2502.06112),
 * VictoriaMetrics lib/encoding and lib/decimal.
 *
 * Threads: none of its own. Errors: decoding foreign bytes gives -1 when they make no sense.
 */
#ifndef TSDB_CHUNK_H
#define TSDB_CHUNK_H

#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"
#include "tsdb/ints.h"

#define CHUNK_VALUES_MAX INTS_MAX

/* Appends v[0..n), 1 <= n <= CHUNK_VALUES_MAX. */
void chunk_encode(const double *v, size_t n, struct buf *out);
/* `in` holds exactly one chunk of n values. */
MUST_USE int chunk_decode(struct str in, double *v, size_t n);

#endif
