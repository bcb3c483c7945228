/* remote_write: Prometheus remote write 1.0, received (POST /api/v1/write).
 *
 * Spec: https://prometheus.io/docs/specs/prw/remote_write_spec/. Body: snappy block format around
 * the protobuf WriteRequest, read by a bounded wire reader of our own. The claimed snappy length is
 * checked before a byte is decoded. Acknowledged (204) only after the log has it.
 *
 * Answers: 204 written; 400 with a reason when samples were refused for good (other value at the
 * same time, late, future, bad labels) though the good ones are in; 413, 415; 503 with Retry-After
 * when the disk is full or the queue is.
 *
 * Native histogram samples are not stored: the floats of the request are, and the answer is 400
 * with the setting that stops the sender. Metadata and exemplars are taken; an exemplar that the
 * store does not take is counted, and does not change the answer.
 *
 * Threads: `remote_write_handle` on the loop; decoding on LANE_PARSE; commit at the writer.
 */
#ifndef COLLECT_PUSH_REMOTE_WRITE_H
#define COLLECT_PUSH_REMOTE_WRITE_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct budget;
struct clock;
struct err;
struct http_request;
struct lanes;
struct log;
struct loop;
struct remote_write;
struct sink;

struct remote_write_context {
    struct loop *loop;
    struct lanes *lanes;
    struct sink *sink;
    struct budget *budget;
    struct log *log;
};

struct remote_write *remote_write_new(const struct remote_write_context *context);
void remote_write_free(struct remote_write *rw);
void remote_write_handle(struct http_request *r, void *rw); /* http_handler */

struct remote_write_stats {
    uint64_t requests, bad_requests;   /* bad: answered 400, 413 or 415 */
    uint64_t samples, samples_refused; /* refused: conflict, late, future, series limit, labels */
    uint64_t unavailable;              /* answered 503 */
    uint64_t exemplars, exemplars_refused; /* handed to the store; bad labels or a refused series */
    uint64_t histograms_dropped;
    size_t cached_series; /* refs known without a look into the index */
};
struct remote_write_stats remote_write_stats(const struct remote_write *rw);

#endif
