/* celery: the queues of a Celery whose broker is a Redis, read there without touching them, and its
 * workers, which are heard there (listener.h, tally.h). The folder's entry header.
 *
 * A queue is a list, and three more with its name for the priorities 3, 6 and 9. Its length is LLEN
 * of all of them, 0 for one that is gone. Its oldest task is at the end where workers take from
 * (LINDEX -1). The envelope holds no time, so the age counts from when this collector saw the task
 * there first: what waited before that, behind others or before a start, is not in it. A task is
 * told from another by a hash of its envelope, which is never taken apart.
 *
 * What workers have taken and not acknowledged yet: HLEN unacked, and the time of the oldest
 * delivery in unacked_index.
 *
 * Threads: it waits for the network, on a thread of its own (hangs_on), never longer than the
 * entry's timeout.
 */
#ifndef COLLECT_CELERY_CELERY_H
#define COLLECT_CELERY_CELERY_H

#include "base/attr.h"

struct clock;
struct collector;
struct entry_settings;
struct err;
struct log;

/* `entry` is borrowed until the collector is freed. */
MUST_USE int celery_collector(const struct entry_settings *entry, const struct clock *clock,
                              struct log *log, struct collector *out, struct err *err);

#endif
