/* logs_query: what is asked of the lines of logs, from the parameters of a request.
 *
 *   source   the lines of one source, or of all below it (soundbox: soundbox/worker too)
 *   start, end, event
 *   level    err, warning, ...: these and graver ones
 *   where    NAME=VALUE, several times: a field with exactly this value
 *   search   words that all are in it; "in quotes" one behind the other; word* for a beginning
 *
 * Threads: the loop's.
 */
#ifndef API_LOGS_QUERY_H
#define API_LOGS_QUERY_H

#include "api/internal.h"
#include "base/attr.h"
#include "logstore/search.h"

/* Views into the parameters, which the arena's request holds. ERR_SYNTAX names the parameter. */
MUST_USE int logs_query_read(const struct api_params *p, struct arena *a,
                             struct logstore_query *out, struct err *err);
/* {"time": ..., "source": ..., "level": ..., "event": ..., "message": ..., "fields": {...}} */
void logs_write_line(const struct logstore_row *row, struct json_writer *w);

#endif
