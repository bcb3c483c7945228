/* jobs: the list of jobs that a target tells of in each cycle becomes events, one a job: from the
 * moment it is worked on until it is done, failed, or gone from the list.
 *
 * The labels of an event are the target's, with id, model and status; its key is made of the
 * target's labels and the id, so a job goes on as the same event after a start of earshot.
 *
 * What a target tells of with its times (emit_clip) becomes events as it comes; without an id its
 * times and what it was done with are the key.
 *
 * Threads: its target's, one at a time.
 */
#ifndef COLLECT_JOBS_H
#define COLLECT_JOBS_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/clock.h"

struct emit_clip;
struct emit_job;
struct err;
struct known_job;
struct labels;
struct watch;

#define JOBS_MAX 1000u /* of one target; further ones are left out, and counted */

struct jobs {
    struct known_job *items; /* owned; [n] */
    size_t n, cap;
    ts_ms before; /* the last cycle with a list; 0: there was none */
    uint64_t left_out;
};

void jobs_fini(struct jobs *js);
/* One of the list. */
void jobs_note(struct jobs *js, const struct emit_job *job);
/* The list was whole: tells of what began and what ended. `labels` are the target's. */
MUST_USE int jobs_end(struct jobs *js, struct watch *w, const struct labels *labels, ts_ms ts,
                      struct err *err);
/* The cycle failed: the list counts for nothing. */
void jobs_discard(struct jobs *js);
MUST_USE int jobs_tell(const struct emit_clip *clip, struct watch *w, const struct labels *labels,
                       ts_ms ts, struct err *err);

#endif
