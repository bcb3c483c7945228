/* tally: what the events of a Celery add up to: which workers are there and get on, how many tasks
 * of each name were received, succeeded ..., how long they took.
 *
 * A worker is up while anything comes from it: for three of its heartbeats, at least UP_MIN_S. One
 * that says it goes is down at once. One that is down is told for a day, then forgotten, unless it
 * is the last.
 * A worker is *stuck* when it has tasks under way, none of its tasks ended for `stuck_after`, and
 * none for three times what they usually take (p99 of its tasks so far, once there are 20).
 *
 * Events about the end of a task do not name it: the name is that of the last TALLY_UUIDS_MAX
 * received tasks with this id, else "unknown". Beyond TALLY_NAMES_MAX names of tasks or
 * TALLY_WORKERS_MAX workers it is "other".
 *
 * Threads: one at a time. Times are monotonic.
 */
#ifndef COLLECT_CELERY_TALLY_H
#define COLLECT_CELERY_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

#define TALLY_NAMES_MAX   500
#define TALLY_WORKERS_MAX 500
#define TALLY_UUIDS_MAX   65536

struct event;
struct findings;
struct tally;

struct tally *tally_new(void);
void tally_free(struct tally *t); /* NULL is fine */

/* From now on events are heard; what was not heard before is no sign that a worker is gone. */
void tally_listens(struct tally *t, int64_t now_ns);
void tally_see(struct tally *t, const struct event *event, int64_t now_ns);
/* Of the task that an event is about, before it is seen; n 0: not known. */
struct str tally_name(const struct tally *t, const struct event *event);
/* When the task of an event_task_id was sent into its queue, Unix time by the clock of who sent it,
 * as long as no worker has had it; < 0: not known. */
double tally_sent_s(const struct tally *t, uint64_t task);
bool tally_hears(const struct tally *t, struct str host, int64_t now_ns); /* a worker that is up */

struct tally_how {
    int64_t now_ns, stuck_after_ms;
    bool hears;  /* else nothing is known of workers, and nothing told */
    bool flower; /* Flower's names too */
};
void tally_tell(struct tally *t, struct findings *f, const struct tally_how *how);

#endif
