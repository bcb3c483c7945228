/* when: the time that an entry says it is from.
 *
 *   2025-03-04 08:00:01,204          with a zone or without, also 2025/03/04 - 08:00:01
 *   1741075201.204                   seconds, or ms, us, ns since 1970, by their size
 *   Mar  4 08:00:01, Tue Mar 4 08:00:01 2025     without a year: the last such day
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
};

void when_begin(struct when *w, int64_t now_ms);
/* Unix milliseconds. */
int64_t when_read(struct when *w, struct str text);
/* The same of "Mar  4 08:00:01" from a clock that may be ahead: the such day nearest to now. */
int64_t when_read_nearest(struct when *w, struct str text);

#endif
