/* xor_chunk: samples as Prometheus' XOR chunks, for remote reads that stream them.
 *
 *   samples u16 | t0 varint | v0 64 bits | (t1 - t0) uvarint | v1 | (delta of delta, v) ...
 *
 * Bits are written from the highest down. The number of samples is big endian; varints are Go's
 * (zigzag for t0). See
 * https://github.com/prometheus/prometheus/blob/main/tsdb/docs/format/chunks.md
 */
#ifndef REMOTE_XOR_CHUNK_H
#define REMOTE_XOR_CHUNK_H

#include <stddef.h>

#include "base/clock.h"
#include "base/str.h"

/* As many as Prometheus puts into one. */
#define XOR_CHUNK_SAMPLES 120u

/* Appends a chunk of 1 to 65,535 samples, times ascending. */
void xor_chunk_write(struct buf *out, const ts_ms ts[], const double values[], size_t n);

#endif
