/* write_request: the body of a remote write, decoded.
 *
 * prometheus.WriteRequest (https://github.com/prometheus/prometheus/blob/main/prompb/remote.proto)
 * in snappy's block format, which text/snappy_block.h takes off first. Decoding builds no label
 * sets: a series is a view of its label bytes and their hash, by which the cache of refs knows it
 * again; only a series that is new there has its labels built.
 *
 * Ownership: everything lives in the arena given, or views the decompressed body, which lives there
 * too.
 * Errors: ERR_SYNTAX for bytes that are no such request, ERR_LIMIT for one too large.
 */
#ifndef COLLECT_PUSH_WRITE_REQUEST_H
#define COLLECT_PUSH_WRITE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/hash.h"
#include "base/str.h"
#include "model/sink.h"

struct arena;
struct err;
struct labels;

/* Most bytes a request may have when decompressed. */
#define WRITE_REQUEST_BYTES_MAX (32u << 20)

struct write_series {
    struct str labels;          /* the Label fields, tags and lengths included */
    struct hash128 key;         /* of those bytes */
    uint32_t first_row, rows_n; /* none: it has exemplars */
};

struct write_exemplar {
    uint32_t series; /* place in `series` */
    ts_ms ts;
    double value;
    const struct labels *labels;
};

struct write_request {
    struct write_series *series;
    size_t series_n;
    struct sink_row *rows; /* refs not set yet; series by series, times as they came */
    size_t rows_n;
    struct metadata *metadata;
    size_t metadata_n;
    struct write_exemplar *exemplars; /* series by series */
    size_t exemplars_n;
    size_t exemplars_refused; /* with bad labels or past all times, left out */
    size_t histograms_n;      /* native histogram samples, left out */
};

/* The body without its snappy (text/snappy_block.h). */
MUST_USE int write_request_decode(struct str message, struct arena *a, struct write_request *out,
                                  struct err *err);
/* The label set of a series. ERR_TYPE says what is wrong with it: not UTF-8, no name, a label
 * twice. */
MUST_USE int write_request_labels(struct str labels, struct arena *a, const struct labels **out,
                                  struct err *err);

#endif
