/* parameters: the server's settings (pg_settings) as families pg_settings_*, one each.
 *
 * A unit makes seconds or bytes of a value and stands in the name; -1 ("none", "the default") stays
 * -1. The help is what the server says of it.
 */
#ifndef COLLECT_POSTGRES_PARAMETERS_H
#define COLLECT_POSTGRES_PARAMETERS_H

#include "base/attr.h"
#include "base/str.h"

struct arena;
struct emit;
struct err;
struct tuples;

/* name, setting, unit, description, type */
#define PARAMETERS_COLUMNS 5
extern const char parameters_sql[];

/* A setting that is no number is left out. */
MUST_USE int parameters_emit(const struct tuples *rows, struct str server, struct emit *emit,
                             struct arena *scratch, struct err *err);

#endif
