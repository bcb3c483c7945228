/* proto_families: families of metrics as protobuf, which Go's client for a Pushgateway sends unless
 * told otherwise, made into the text format.
 *
 * Format: io.prometheus.client.MetricFamily messages, each behind its length as a varint. Native
 * histograms are left out, their classic buckets are read; so are exemplars, which a push has no
 * use for.
 *
 * Errors: ERR_SYNTAX for what is no such message, ERR_LIMIT for more text than a push may have.
 * Threads: any.
 */
#ifndef COLLECT_PUSH_PROTO_FAMILIES_H
#define COLLECT_PUSH_PROTO_FAMILIES_H

#include "base/attr.h"
#include "base/str.h"

struct arena;
struct err;

/* Appends to `out`; `scratch` is reset as it goes. */
MUST_USE int proto_families_to_text(struct str body, struct arena *scratch, struct buf *out,
                                    struct err *err);

#endif
