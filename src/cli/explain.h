/* explain: what /api/earshot/v1/explain answers, as text.
 *
 *   No result: the metric does not exist.
 *
 *   1:6: No metric is called http_request_total. Did you mean http_requests_total?
 *       rate(http_request_total[5m])
 *            ^~~~~~~~~~~~~~~~~~~~~~
 *       try: rate(http_requests_total[5m])
 *
 * then the parts with their series. Control characters, which a target may have put into a label,
 * are shown as \xNN.
 */
#ifndef CLI_EXPLAIN_H
#define CLI_EXPLAIN_H

#include <stddef.h>

#include "base/str.h"

struct json_t;

/* `expr` is what was asked; `width` 0: no bound. */
void explain_text(const struct json_t *data, struct str expr, size_t width, struct buf *out);

#endif
