/* runs: tasks of a Celery as pieces of work: from when a worker began with one until it ended.
 *
 * How long one took is what the worker says (runtime), else the time between its two events. Their
 * times are the worker's; where its clock is off by more than CLOCK_OFF_MS, when it was heard
 * counts. A task whose end is never heard ends when its worker is down, or after a day.
 *
 * One that runs for ten seconds is told of before it ends, of 20 at a time.
 *
 * Bounds: RUNS_MAX tasks under way are remembered; of more, ends with a runtime are told all the
 * same. What of these is told stands in model/clips.h.
 *
 * Threads: one at a time.
 */
#ifndef COLLECT_CELERY_RUNS_H
#define COLLECT_CELERY_RUNS_H

#include "base/clock.h"
#include "base/str.h"

#define RUNS_MAX 1000u

struct clips;
struct event;
struct runs;

struct runs *runs_new(struct clips *clips); /* borrowed */
void runs_free(struct runs *r);             /* NULL is fine */
/* `name`: of the task; n 0: not known. */
void runs_see(struct runs *r, const struct event *event, struct str name, ts_ms now);
/* Before the clips are told: those under way, anew each minute. `is_up`: the worker is heard. */
void runs_tell(struct runs *r, bool (*is_up)(void *arg, struct str host), void *arg, ts_ms now);

#endif
