/* read_answer: what a remote read is answered with: samples in one message, or chunks in frames.
 *
 *   SAMPLES              snappy block of prometheus.ReadResponse, compressed as it is written
 *   STREAMED_XOR_CHUNKS  frames: length uvarint | CRC32C of the message u32, big endian |
 *                        prometheus.ChunkedReadResponse with one series or a part of one
 *
 * Threads: a lane's. Ownership: heap; buffers are bounded, look at `overflowed`.
 */
#ifndef REMOTE_READ_ANSWER_H
#define REMOTE_READ_ANSWER_H

#include <stddef.h>
#include <stdint.h>

#include "model/labels.h"
#include "model/source.h"
#include "text/snappy_block.h"

/* A frame takes no chunk more once it has so many bytes, as in Prometheus. */
#define READ_FRAME_BYTES (1u << 20)

/* The labels of a series and the external ones that it does not have, sorted as they both are;
 * `out` has room for all. Returns how many. */
size_t read_answer_labels(const struct labels *ls, const struct label external[], size_t external_n,
                          struct label out[]);

struct read_samples {
    struct snappy_writer writer; /* of the query being answered */
    struct buf text;             /* of the series being written */
    struct buf out;              /* of the queries before; begins with what snappy has not seen */
    uint64_t raw_bytes, samples;
};

void read_samples_init(struct read_samples *s, size_t bytes_max);
void read_samples_fini(struct read_samples *s);
void read_samples_add(struct read_samples *s, const struct label labels[], size_t n,
                      const struct source_series *series);
/* The query is answered; the next series is the next one's. */
void read_samples_end_query(struct read_samples *s);
/* The whole body; -1: it is larger than bytes_max. */
MUST_USE int read_samples_end(struct read_samples *s, struct buf *body);

/* Appends the frames of one series. Returns how many samples it had. */
uint64_t read_chunks_add(struct buf *out, uint64_t query, const struct label labels[], size_t n,
                         const struct source_series *series);

#endif
