/* probe: asks a service from outside, as its users do, and says whether it was as expected. The
 * folder's entry header.
 *
 *   web.c       HTTP, one request or several in order, by the asynchronous fetch
 *   dial.c      TCP, DNS and ICMP, which wait on a thread of LANE_SLOW
 *   judge.c     status, match, not_match and json against an answer
 *   tell.c      the names that all of them share
 *
 * A probe that fails is a reading like any other: `up` is 1, probe_success is 0, and the
 * collector's `settle` says why in plain words, which the target shows as its last error. `up` is 0
 * only when the probe itself could not be done (memory, no thread).
 */
#ifndef COLLECT_PROBE_PROBE_H
#define COLLECT_PROBE_PROBE_H

#include "base/attr.h"

struct clock;
struct collector;
struct entry_settings;
struct err;
struct log;

/* Of an entry whose own settings are a struct probe_settings; they are borrowed. */
MUST_USE int probe_collector(const struct entry_settings *entry, const struct clock *clock,
                             struct log *log, struct collector *out, struct err *err);

#endif
