/* lanes: our own worker threads, made on demand, for what must not run on the loop.
 *
 * A lane class has a number of threads and a bounded queue. A job owns its arena and inputs, has a
 * deadline and a cancel flag, and ends with one message back to its owner: `done` on the loop.
 *
 * A LANE_QUERY thread whose job has used 10 ms of a core becomes nice 10 and ends after that job
 * (niceness cannot be taken back without rights), so that long queries yield to scrapes; threads
 * are only made by the loop's thread, never by a niced one. Of those that have used 5 ms one fewer
 * than there are cores go on at once (1 at least, 4 at most) and take turns of 100 ms: the others
 * rest (lanes_rest) without taking one of the 8 lanes, so a short query finds a lane and a core
 * however many long ones there are.
 *
 * LANE_SLOW is for calls that may hang for ever (statfs on a dead NFS): each job there has a thread
 * of its own, at most 64; one that is stuck is counted and gives up its place among these, until
 * 192 are stuck. LANE_LATE has as many of its own, for jobs that nobody knows to come back soon:
 * they were late the last time, or it is their first. So however many hang, those that are known to
 * come back have threads. LANE_CATCH_UP is for what may hang as well, but can also take all of a
 * core for long and is in no hurry: its few threads are nice 10, and a job there ends after a
 * second to let the others have a turn. `done` of these three may never come: the owner keeps a
 * timer of its own, must not free the job or what it reaches, and submits no second one until
 * `done`.
 */
#ifndef SYS_LANES_H
#define SYS_LANES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "sys/loop.h"

struct err;
struct lanes;

enum lane {
    LANE_PARSE,
    LANE_RULES,
    LANE_QUERY,
    LANE_RENDER, /* what is left of large answers: nice 10 from the start */
    LANE_SLOW,
    LANE_LATE,
    LANE_CATCH_UP, /* nice 10 from the start */
    LANE_UPKEEP,
    LANE_CLASSES
};

struct lane_job {
    void (*run)(struct lane_job *job);  /* on a lane's thread */
    void (*done)(struct lane_job *job); /* on the loop; may free the job */
    atomic_bool cancelled;              /* set by lanes_cancel or the owner; `run` looks at it */
    int64_t deadline_ns;                /* monotonic; 0: none; for `run` to look at */
    bool was_run;                       /* false in `done`: cancelled while still queued */
    atomic_bool must_rest;              /* the lanes' */
    int64_t turn_since_ns;              /* the lanes'; 0: it has no turn */
    struct lanes *lanes;                /* the lanes', from here on */
    struct lane_job *next;
    uint8_t class, state;
};

/* Threads per class: 8 for queries, not counting those that rest; min(8, cores) for parsing; 4 for
 * catching up; 2 for rendering; 1 for rules and upkeep. */
struct lanes *lanes_new(struct loop *loop);
/* On the loop's thread, loop stopped: refuses new jobs, cancels, waits, and calls `done` of each
 * itself. Returns how many jobs that may hang are left; if not 0, nothing they can reach may be
 * freed and `l` stays: finish db_close, then _exit. */
MUST_USE size_t lanes_free(struct lanes *l);

/* From any thread. ERR_LIMIT when the class's queue is full (1,024 jobs): answer 503. */
MUST_USE int lanes_submit(struct lanes *l, enum lane class, struct lane_job *job, struct err *err);
/* On the loop only, before `done`. A job still queued gets `done` with was_run false. */
void lanes_cancel(struct lane_job *job);

/* A LANE_QUERY job calls it now and then while it runs, from its own thread and holding no lock.
 * One that has become long waits here for its turn, until it is cancelled or its deadline is over;
 * others pay for one look at a flag. */
void lanes_rest(struct lane_job *job);

struct lanes_stats {
    size_t threads, running, queued, stuck; /* one that rests counts as running */
};
struct lanes_stats lanes_stats(struct lanes *l, enum lane class);

#endif
