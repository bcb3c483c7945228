/* up_far: tunnels to the machines under `hosts`, for a command that looks at them once.
 *
 * Threads: the caller's, which has no loop.
 */
#ifndef CLI_UP_FAR_H
#define CLI_UP_FAR_H

#include "api/plan.h"
#include "base/attr.h"

struct arena;
struct config;
struct err;
struct up_far;

/* Connects to all of them at once, for 1.5 s at most; what is not connected by then says why. */
MUST_USE int up_far_open(const struct config *config, struct arena *a, struct up_far **out,
                         struct err *err);
const struct plan_far *up_far_ways(const struct up_far *u);
void up_far_close(struct up_far *u); /* NULL is fine */

#endif
