/* column: the timestamps of a group in few bytes, in pieces of up to 2,048 through tsdb/ints.h.
 *
 * Threads: none of its own. Errors: decoding foreign bytes gives -1 when they make no sense or do
 * not ascend strictly.
 */
#ifndef TSDB_COLUMN_H
#define TSDB_COLUMN_H

#include <stddef.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/str.h"

#define COLUMN_MAX (1u << 26) /* positions: 2 years at one a second */

void column_encode(const ts_ms *ts, size_t n, struct buf *out);
/* How many there are, for the array to decode into. */
MUST_USE int column_count(struct str in, size_t *n);
MUST_USE int column_decode(struct str in, ts_ms *ts, size_t n);

#endif
