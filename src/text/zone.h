/* zone: a time zone as the tz database's compiled files tell it (TZif, RFC 8536), with the rule
 * that stands at a file's end for all years to come (a POSIX TZ string).
 *
 * Ownership: a zone lives in the arena that it was parsed into, and owns nothing else.
 * Threads: immutable once parsed.
 */
#ifndef TEXT_ZONE_H
#define TEXT_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct arena;
struct err;

/* The day and the second of it on which a clock is changed, each year. */
struct zone_change {
    enum { ZONE_DAY, ZONE_DAY_NO_LEAP, ZONE_WEEKDAY } kind;
    int32_t day;         /* of the year: from 0, or from 1 when a leap day is not counted;
                          * of the week: from Sunday, 0 */
    int32_t month, week; /* ZONE_WEEKDAY: from 1; week 5 is the last */
    int32_t second;      /* of the day, also before and past it */
};

struct zone {
    const int64_t *at;      /* [n] ascending, Unix seconds: from here on .. */
    const int32_t *offsets; /* [n] .. clocks are so many seconds east of UTC */
    size_t n;
    int32_t first; /* before all of them */
    /* After the last of them; standard time all year when `has_summer` is false. */
    bool has_rule, has_summer;
    int32_t standard, summer;
    struct zone_change begins, ends; /* of summer time */
};

extern const struct zone zone_utc;

/* The bytes of a file below /usr/share/zoneinfo. ERR_CORRUPT: they are none. */
MUST_USE int zone_parse(struct arena *arena, struct str bytes, struct zone *out, struct err *err);

/* Seconds east of UTC at a time. */
int32_t zone_offset(const struct zone *z, int64_t unix_seconds);

/* Unix seconds of what a clock there shows. An hour that comes twice is the first of the two; one
 * that is left out is counted from before the gap. */
int64_t zone_to_unix(const struct zone *z, int64_t clock_seconds);

#endif
