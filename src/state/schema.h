/* schema: the tables, by version. A version's step is never changed once it was released; a new
 * one is added behind it.
 */
#ifndef STATE_SCHEMA_H
#define STATE_SCHEMA_H

#include "base/attr.h"

struct err;
struct sqlite3;

/* Brings a database, an empty one too, to the newest version. ERR_CORRUPT when it is of a version
 * that is not known here, or no step can be taken. */
MUST_USE int schema_apply(struct sqlite3 *db, struct err *err);

#endif
