/* target_events: what a target tells of beside its samples: its list of jobs (jobs.h), and jobs
 * that know their own times. Both count only when their cycle did.
 *
 * Threads: the target's, one at a time.
 */
#ifndef COLLECT_TARGET_EVENTS_H
#define COLLECT_TARGET_EVENTS_H

#include <stdbool.h>

struct target;

/* Without it the target's emit takes neither. */
void target_hear_events(struct target *t);
void target_begin_events(struct target *t); /* a cycle; before its arena is used */
void target_end_events(struct target *t, bool ok);

#endif
