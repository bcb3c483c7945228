/* event: what workers and producers of a Celery tell about themselves, read from the messages that
 * its event exchange carries.
 *
 * A message is an envelope whose body is an event or a list of them, as JSON, in base64 or plain; a
 * bare event is read too. Of an event only what is below is looked at: arguments and results of
 * tasks go nowhere.
 */
#ifndef COLLECT_CELERY_EVENT_H
#define COLLECT_CELERY_EVENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

#define EVENT_TEXT_MAX 200 /* bytes of a name or a host; longer ones count as none */

struct err;

enum event_type {
    EVENT_WORKER_ONLINE,
    EVENT_WORKER_HEARTBEAT,
    EVENT_WORKER_OFFLINE,
    EVENT_TASK_SENT,
    EVENT_TASK_RECEIVED,
    EVENT_TASK_STARTED,
    EVENT_TASK_SUCCEEDED,
    EVENT_TASK_FAILED,
    EVENT_TASK_REJECTED,
    EVENT_TASK_REVOKED,
    EVENT_TASK_RETRIED,
    EVENT_TYPES, /* and: one that an application made up */
};

struct event {
    enum event_type type;
    struct str host;    /* "celery@gpu-1"; n 0: none */
    struct str name;    /* of the task; n 0: not said */
    struct str uuid;    /* of the task; n 0: not said */
    double runtime_s;   /* < 0: not said */
    double active;      /* tasks under way, of a heartbeat; < 0: not said */
    double timestamp_s; /* by the clock of who tells it; < 0: not said */
    double freq_s;      /* seconds between heartbeats; <= 0: not said */
};

/* "task-received" */
struct str event_type_name(enum event_type type);

/* Calls `see` for each event of a message; texts are borrowed until it returns. -1: it is none. */
MUST_USE int event_read(struct str message, void (*see)(void *arg, const struct event *event),
                        void *arg, struct err *err);

/* Which task an element of a queue is: the hash of its id, as of an event's uuid. 0: it does not
 * say. Of its body nothing is looked at. */
uint64_t event_task_id(struct str envelope);

#endif
