/* lanes: our own worker threads, made on demand, for what must not run on the loop.
 *
 * A lane class has a number of threads and a bounded queue. A job owns its arena and inputs, has a
 * deadline and a cancel flag, and ends with one message back to its owner: `done` on the loop.
 *
 * LANE_QUERY threads become nice (10) once a job has run 50 ms, so that long queries yield to
 * scrapes. LANE_SLOW is for calls that may hang for ever (statfs on a dead NFS): each job there
 * has a thread of its own, at most 8; a stuck one is skipped and counted.
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

enum lane { LANE_PARSE, LANE_RULES, LANE_QUERY, LANE_SLOW, LANE_UPKEEP, LANE_CLASSES };

struct lane_job {
    void (*run)(struct lane_job *job);  /* on a lane's thread */
    void (*done)(struct lane_job *job); /* on the loop; may free the job */
    atomic_bool         cancelled;      /* set by lanes_cancel or the owner; `run` looks at it */
    int64_t             deadline_ns;    /* monotonic; 0: none; for `run` to look at */
    bool                was_run;        /* false in `done`: cancelled while still queued */
    struct loop_message message;        /* the lanes' */
    struct lane_job    *next;           /* the lanes' */
};

/* Threads per class are min(8, cores) for queries and parsing, 1 for rules and upkeep. */
struct lanes *lanes_new(struct loop *loop);
/* Cancels and waits for all jobs but stuck LANE_SLOW ones. On the loop's thread, loop stopped. */
void lanes_free(struct lanes *l);

/* From any thread. ERR_LIMIT when the class's queue is full (1,024 jobs): answer 503. */
MUST_USE int lanes_submit(struct lanes *l, enum lane class, struct lane_job *job, struct err *err);
void         lanes_cancel(struct lane_job *job);

struct lanes_stats {
    size_t threads, running, queued, stuck;
};
struct lanes_stats lanes_stats(struct lanes *l, enum lane class);

#endif
