/* beacons: what browsers told of themselves, summed up for each service.
 *
 * A session's counters only grow; the increase since it spoke last is added to its service's, so
 * that pages which come and go leave counters that only grow too. A counter that is smaller than
 * before began anew. Sessions are kept over a restart with all the rest (beacons_write), or each
 * would be counted twice.
 *
 * Threads: any; a lock is inside. Times are of the wall clock.
 */
#ifndef COLLECT_PUSH_BEACONS_H
#define COLLECT_PUSH_BEACONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/str.h"

#define BEACONS_SESSION_MAX 64 /* characters of an id */

struct arena;
struct beacon_body;
struct beacon_source;
struct beacons;
struct emit;
struct err;

struct beacons *beacons_new(void);
void beacons_free(struct beacons *b);
/* The services that may be spoken for, borrowed until the next call. */
void beacons_configure(struct beacons *b, const struct beacon_source *sources, size_t n,
                       size_t sessions_max);

/* Letters, digits, '-' and '_'. */
bool beacons_is_session(struct str session);

enum beacon_end {
    BEACON_TAKEN,
    BEACON_STRANGER, /* no such service */
    BEACON_CROWDED,  /* as many sessions as may be have spoken within the last ten minutes */
};
enum beacon_end beacons_take(struct beacons *b, struct str service, struct str session,
                             const struct beacon_body *body, ts_ms now);

struct beacons_counts {
    size_t sessions; /* remembered */
    uint64_t version;
    bool any; /* there is something to expose */
};
struct beacons_counts beacons_count(struct beacons *b);

/* `host_name` is `instance` of a source without one. */
MUST_USE int beacons_emit(struct beacons *b, const char *host_name, ts_ms now, struct emit *emit,
                          struct arena *scratch, struct err *err);
void beacons_write(struct beacons *b, struct buf *out);
MUST_USE int beacons_read(struct beacons *b, struct str bytes, struct err *err);

#endif
