/* result: a PromQL answer as the JSON of /api/v1/query, piece by piece.
 *
 * The writer borrows the result; nothing is copied. A piece is a series' labels or some hundred
 * samples, so the text of a large answer never stands in memory whole.
 */
#ifndef API_RESULT_H
#define API_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "promql/query.h"

struct result_writer {
    const struct promql_result *result;
    ts_ms at_ms;         /* time of a scalar or string */
    size_t limit;        /* series; 0: all */
    bool stats;          /* ?stats= was asked for */
    const char *warning; /* of the parameters; NULL: none */
    double seconds;      /* evaluation, for stats */
    size_t series, sample;
    enum { RESULT_HEAD, RESULT_SERIES, RESULT_SAMPLES, RESULT_TAIL, RESULT_END } phase;
};

/* Appends the next piece to `out`; false when there was none left. */
bool result_writer_next(struct result_writer *w, struct buf *out);

#endif
