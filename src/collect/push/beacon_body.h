/* beacon_body: what a browser sends: {"type": "client_metrics", "metrics": {...}}.
 *
 * Of `metrics` are read chunksReceived, chunkErrors, bufferUnderruns (whole numbers from 0 on,
 * which only grow within a session) and avgLatencyMs; each may be missing or null. Whatever else
 * stands there is passed over.
 *
 * Threads: any.
 */
#ifndef COLLECT_PUSH_BEACON_BODY_H
#define COLLECT_PUSH_BEACON_BODY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct err;

enum beacon_counter { BEACON_CHUNKS, BEACON_ERRORS, BEACON_UNDERRUNS, BEACON_COUNTERS };

struct beacon_body {
    bool has[BEACON_COUNTERS];
    uint64_t counts[BEACON_COUNTERS];
    bool has_latency;
    double latency_ms;
};

/* ERR_SYNTAX with words for the page's author. */
MUST_USE int beacon_body_read(struct str text, struct beacon_body *out, struct err *err);

#endif
