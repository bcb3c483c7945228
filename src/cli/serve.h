/* serve: the running server. What the files of this command share.
 *
 *   serve.c          flags and configuration into settings; start, and the order of the end
 *   serve_targets.c  what the configuration says is to be collected, handed to collect
 */
#ifndef CLI_SERVE_H
#define CLI_SERVE_H

#include "base/attr.h"

struct clock;
struct collect;
struct config;
struct err;
struct log;

/* Adds the jobs' targets and this host. `host_name` is `instance` of the host's series. A target
 * that cannot be added is logged and left out; -1 only for what the configuration must mend. */
MUST_USE int serve_add_targets(struct collect *collect, const struct config *config,
                               const char *host_name, const struct clock *clock, struct log *log,
                               struct err *err);

#endif
