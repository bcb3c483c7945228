/* tally_impl: what tally.c counts and tally_tell.c writes. */
#ifndef COLLECT_CELERY_TALLY_IMPL_H
#define COLLECT_CELERY_TALLY_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "collect/celery/event.h"

#define TALLY_BOUNDS 14
extern const double tally_bounds[TALLY_BOUNDS]; /* seconds */

struct runtimes {
    uint64_t buckets[TALLY_BOUNDS + 1]; /* not summed up; the last: longer than all bounds */
    uint64_t n;
    double sum_s;
};

struct task {
    char *name; /* owned */
    uint64_t events[EVENT_TYPES];
    struct runtimes runtimes;
    bool told;
};

struct worker {
    char *host;          /* owned */
    bool up;             /* it did not say that it goes */
    int64_t heard_ns;    /* the last event */
    int64_t progress_ns; /* the last end of a task, or when it began to have some under way */
    double freq_s;       /* between heartbeats; 0: not said */
    double active;       /* tasks under way */
    bool active_known;
    struct runtimes runtimes;
};

/* Events of one type from one worker about one task. */
struct combined {
    struct worker *worker;   /* NULL: who asked for the task */
    const struct task *task; /* NULL: about the worker itself */
    enum event_type type;
    uint64_t events;
    bool told;
};

struct recent {
    uint64_t uuid;     /* hash */
    struct task *task; /* NULL: the task has ended */
    double sent_s;     /* < 0: not said, or a worker has had it since */
};

struct tally {
    struct map tasks, workers, combined; /* their items are owned */
    struct map recent_by_uuid;
    struct recent **recent; /* owned; [recent_n], overwritten in turn from recent_at on */
    size_t recent_n, recent_cap, recent_at;
    int64_t listens_ns;
};

double tally_seconds(int64_t from_ns, int64_t to_ns);
bool tally_is_up(const struct tally *t, const struct worker *w, int64_t now_ns);
/* Workers that have been down for long. */
void tally_forget(struct tally *t, int64_t now_ns);

#endif
