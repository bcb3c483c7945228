/* iso_time: times as ISO 8601 and its users write them.
 *
 *   2024-01-16                     midnight
 *   2024-01-16T03:00:15            also with a blank, and without seconds
 *   2024-01-16T03:00:15.372+01:00  also with a comma; Z, +01, +0100
 *
 * Threads: none of its own.
 */
#ifndef TEXT_ISO_TIME_H
#define TEXT_ISO_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct iso_time {
    int64_t seconds; /* since 1970-01-01 on the clock of the zone; a leap second is the next one */
    int32_t nanos;   /* 0 to 999,999,999 */
    bool has_zone;
    int32_t offset; /* of the zone, seconds east of UTC */
};

/* False: it is none, or has more behind it. */
MUST_USE bool iso_time_parse(struct str text, struct iso_time *out);

/* Days from 1970-01-01 to a day of the Gregorian calendar; any month and day, also past their ends.
 */
int64_t iso_days(int64_t year, int64_t month, int64_t day);

#endif
