/* serve_far: the host collectors of machines behind SSH, as they run.
 *
 * Each machine has the two targets of this one (serve_host.c), whose collectors read its files
 * through the tunnel (collect/ssh/far.h).
 */
#ifndef CLI_SERVE_FAR_H
#define CLI_SERVE_FAR_H

#include "base/attr.h"

struct clock;
struct collect;
struct config;
struct log;
struct pools_owner;
struct serve_far;

MUST_USE struct serve_far *serve_far_new(struct collect *collect, const struct clock *clock,
                                         struct log *log);
/* Those of this configuration and no others, from here on; one that reads as before goes on. A
 * reference to the owner is held for each target. What cannot be made is logged. */
void serve_far_apply(struct serve_far *s, const struct config *config, struct pools_owner *owner);
void serve_far_free(struct serve_far *s); /* program end, after lanes_free; NULL is fine */

#endif
