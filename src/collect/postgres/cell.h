/* cell: a value of a query's result, as PostgreSQL writes it in text, as a number.
 *
 * Whole numbers, floats and numerics as they are; bool as 1 and 0; dates and times as Unix seconds
 * (one without a zone as UTC); a text, when it is a number. Times are read in DateStyle ISO.
 */
#ifndef COLLECT_POSTGRES_CELL_H
#define COLLECT_POSTGRES_CELL_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/str.h"

/* Type OIDs that need more than to be read as a number; they are the same in each server. */
enum cell_type {
    CELL_BOOL = 16,
    CELL_DATE = 1082,
    CELL_TIMESTAMP = 1114,
    CELL_TIMESTAMPTZ = 1184,
    CELL_INTERVAL = 1186,
};

MUST_USE bool cell_number(struct str text, unsigned type, double *out);
/* What to write instead in the SQL, for a type that is no number. */
const char *cell_hint(unsigned type);

#endif
