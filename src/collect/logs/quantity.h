/* quantity: a number with its unit, as people write it into logs, in base units.
 *
 * Threads: any.
 */
#ifndef COLLECT_LOGS_QUANTITY_H
#define COLLECT_LOGS_QUANTITY_H

#include <stdbool.h>

#include "base/str.h"

enum quantity_unit {
    QUANTITY_NUMBER, /* as it is */
    QUANTITY_KB,     /* bytes; powers of 1024 */
    QUANTITY_MB,
    QUANTITY_GB,
    QUANTITY_MS, /* seconds */
    QUANTITY_US,
    QUANTITY_NS,
    QUANTITY_PERCENT,  /* as it is */
    QUANTITY_DURATION, /* 12.3s, 850ms, 3m 12s, 2 min, 0:03:12.5; without a unit: seconds */
};

/* False: it is no number of this unit, or no finite one. */
bool quantity_read(struct str text, enum quantity_unit unit, double *out);

#endif
