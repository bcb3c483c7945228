/* job: one request's work, from the loop to a lane and back to a body in pieces.
 *
 *   api_job_new (loop) -> work (lane) -> done (loop): error or body -> refill ... -> freed
 *
 * The job owns an arena under a budget of its own; the answer is rendered piece by piece from what
 * `work` left in it, so a large answer is never whole in memory as text. When the client goes, the
 * job is cancelled and freed as soon as its lane lets go.
 */
#ifndef API_JOB_H
#define API_JOB_H

#include <stdbool.h>
#include <stddef.h>

#include "api/internal.h"
#include "base/arena.h"
#include "base/err.h"
#include "http/server.h"
#include "sys/lanes.h"

struct api_job {
    struct api *api;
    struct http_request *request;
    struct budget budget;
    struct arena arena;
    void *state; /* the handler's, in the arena; both go once `work` failed or `more` has ended,
                  * unless there is an `over` */

    /* On the lane: computes, and may begin to write into `out`. */
    MUST_USE int (*work)(struct api_job *job, struct err *err);
    /* On the loop: appends one piece to `out`; false: that was the last. NULL: `out` is all. */
    bool (*refill)(struct api_job *job);
    /* Instead of refill, for what must not be read on the loop: on the lane, again and again, each
     * time `out` ran dry; `work` calls it first. It sets `ended` and releases what it holds with
     * the last piece, when it fails (the connection is cut), and when `release` is set: the client
     * is gone, and that is all that is left to do. A slow client holds it as long as it takes. */
    MUST_USE int (*more)(struct api_job *job, struct err *err);
    bool ended, release;
    struct buf out;
    void (*over)(struct api_job *job); /* on the loop, before it is freed; NULL: nothing to do */
    int status;                        /* of a success: 200 */
    const char *content_type;          /* of a success: JSON */
    const char *content_encoding;      /* NULL: none */
    bool plain_errors;                 /* as a line of text instead of JSON */
    bool broken; /* set by refill: the answer cannot be ended, cut the connection */

    /* Below: job.c's. */
    struct lane_job lane;
    struct http_body body;
    size_t out_at;
    bool last, gone, failed, busy;
    struct err err;
};

/* Heap; `state_size` zeroed bytes are at job->state. NULL: answered already (no memory, too many).
 */
struct api_job *api_job_new(struct api *api, struct http_request *r, size_t state_size,
                            int (*work)(struct api_job *job, struct err *err));
/* Hands it to a lane; the job is no longer the caller's. */
void api_job_start(struct api_job *job, enum lane lane);
/* Frees a job that was never started. */
void api_job_drop(struct api_job *job);

#endif
