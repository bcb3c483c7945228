/* when: the time that an entry says it is from.
 *
 *   2025-03-04 08:00:01,204          with a zone or without, also 2025/03/04 - 08:00:01
 *   1741075201.204                   seconds, or ms, us, ns since 1970, by their size
 *   04/Mar/2025:08:00:01 +0100       as in access logs
 *   Mar  4 08:00:01, Tue Mar 4 08:00:01 2025     without a year: the last such day
 *   03-04 08:00:01, 0304 08:00:01    the same
 *   08:00:01                         today, or yesterday when that is still to come
 *
 * What has no time, or one that is none of these, is from now.
 *
 * Threads: one at a time.
 */
#ifndef COLLECT_LOGS_WHEN_H
#define COLLECT_LOGS_WHEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct zone;

struct when {
    const struct zone *zone; /* of what names none; NULL: this host's */
    int64_t now_ms;
    /* The zone's offset is asked of the C library once a quarter of an hour of log. */
    int64_t quarter, offset;
    bool known;
    bool zoned; /* what was read last named its zone */
};

void when_begin(struct when *w, int64_t now_ms);
/* Unix milliseconds. */
int64_t when_read(struct when *w, struct str text);
/* Of an entry that says `text`, or nothing, and of which its journal or container says `given_ms`,
 * or 0. Programs in containers have another zone than the host, often UTC, and do not say so: where
 * the two are a zone apart and none is set, the given one counts. */
int64_t when_of(struct when *w, int64_t given_ms, struct str text);
/* The same of "Mar  4 08:00:01" from a clock that may be ahead: the such day nearest to now. */
int64_t when_read_nearest(struct when *w, struct str text);

#endif
