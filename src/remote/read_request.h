/* read_request: the body of a Prometheus remote read, decoded.
 *
 * prometheus.ReadRequest (https://github.com/prometheus/prometheus/blob/main/prompb/remote.proto)
 * in snappy's block format.
 *
 * Ownership: the arena's, and compiled regular expressions: read_request_fini before it goes.
 * Errors: ERR_SYNTAX for what is no such request, ERR_LIMIT for one too large.
 * Threads: a lane's.
 */
#ifndef REMOTE_READ_REQUEST_H
#define REMOTE_READ_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/str.h"

struct arena;
struct err;
struct matcher;

#define READ_REQUEST_BYTES_MAX    (1u << 20) /* decompressed */
#define READ_REQUEST_QUERIES_MAX  1000u
#define READ_REQUEST_MATCHERS_MAX 1000u /* of one query */

struct read_query {
    ts_ms mint, maxt; /* both inclusive; within +-TS_MS_MAX */
    struct matcher *matchers;
    size_t n;
};

struct read_request {
    struct read_query *queries;
    size_t n;
    bool chunks; /* STREAMED_XOR_CHUNKS comes before SAMPLES in what the client takes */
};

/* `body` as it came. On -1 too: read_request_fini. */
MUST_USE int read_request_decode(struct str body, struct arena *a, struct read_request *out,
                                 struct err *err);
void read_request_fini(struct read_request *r);

#endif
