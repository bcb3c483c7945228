/* draft: makes of what was found at a place what a person reads and what would be written.
 *
 * Threads: one at a time. Memory: the arena of the scan.
 */
#ifndef COLLECT_RECOGNISE_DRAFT_H
#define COLLECT_RECOGNISE_DRAFT_H

#include "base/attr.h"
#include "collect/recognise/recognise.h"
#include "collect/recognise/spot.h"

/* Everything, in the order in which it is shown. `behind`: of that entry of `hosts`; NULL: of this
 * machine. */
MUST_USE int draft_all(const struct recognise_context *context, const struct spots *spots,
                       const char *behind, struct arena *a, struct scan *out, struct err *err);

#endif
