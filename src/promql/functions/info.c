/* info: info(v, {selector}) adds labels of info metrics (target_info) to the series of v that share
 * job and instance with them. Written after the experimental function of Prometheus 3. */
#include <string.h>

#include "base/err.h"
#include "promql/functions/calls.h"

int call_info(struct eval *ev, const struct grid *grid, const struct expr *e, struct stream **out,
              struct err *err)
{
    (void)ev;
    (void)grid;
    (void)out;
    return err_at(err, ERR_EVAL, expr_span(e), "info() is not supported yet");
}
