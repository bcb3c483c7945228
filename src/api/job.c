#include "api/job.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

static void job_free(struct api_job *job)
{
    buf_fini(&job->out);
    arena_fini(&job->arena);
    mem_free(job);
}

/* Copies from `out`, rendering more when it ran dry. */
static enum http_more body_next(struct http_body *body, char *buf, size_t cap, size_t *n)
{
    struct api_job *job = CONTAINER_OF(body, struct api_job, body);
    size_t written = 0;

    for (;;) {
        size_t left = job->out.n - job->out_at;
        size_t part = left < cap - written ? left : cap - written;

        if (part)
            memcpy(buf + written, job->out.p + job->out_at, part);
        written += part;
        job->out_at += part;
        if (job->out_at < job->out.n || written == cap)
            break;
        if (job->last)
            break;
        buf_reset(&job->out);
        job->out_at = 0;
        if (!job->refill || !job->refill(job))
            job->last = true;
    }
    *n = written;
    if (job->broken)
        return HTTP_BREAK;
    return job->last && job->out_at == job->out.n ? HTTP_LAST : HTTP_MORE;
}

static void body_close(struct http_body *body)
{
    struct api_job *job = CONTAINER_OF(body, struct api_job, body);

    http_release(job->request);
    job_free(job);
}

static void gone(void *arg)
{
    struct api_job *job = arg;

    job->gone = true;
    lanes_cancel(&job->lane);
}

static void lane_run(struct lane_job *lane)
{
    struct api_job *job = CONTAINER_OF(lane, struct api_job, lane);

    job->failed = job->work(job, &job->err) < 0;
}

static void lane_done(struct lane_job *lane)
{
    struct api_job *job = CONTAINER_OF(lane, struct api_job, lane);

    if (!lane->was_run) {
        job->failed = true;
        (void)err_set(&job->err, ERR_CANCELLED, "the server is shutting down");
    }
    if (!job->gone && !job->failed) {
        if (job->status == 204) {
            http_reply(job->request, 204, NULL, STR(""));
        } else {
            http_reply_body(job->request, job->status, job->content_type, &job->body);
            return; /* body_close frees it */
        }
    } else if (!job->gone) {
        job->api->query_errors++;
        if (job->plain_errors)
            api_reply_err_plain(job->request, &job->err);
        else
            api_reply_err(job->request, &job->err);
    }
    http_release(job->request);
    job_free(job);
}

struct api_job *api_job_new(struct api *api, struct http_request *r, size_t state_size,
                            int (*work)(struct api_job *job, struct err *err))
{
    struct api_job *job = mem_new(struct api_job);
    struct err err;

    job->api = api;
    job->request = r;
    job->work = work;
    job->status = 200;
    job->content_type = "application/json";
    job->body = (struct http_body){body_next, body_close};
    job->lane.run = lane_run;
    job->lane.done = lane_done;
    job->lane.deadline_ns =
        api->c.clock->mono_ns(api->c.clock) + QUERY_TIMEOUT_MS_MAX * INT64_C(1000000);
    budget_init(&job->budget, "the memory of one query", QUERY_BYTES_MAX, api->c.budget);
    atomic_store(&job->budget.cancel, &job->lane.cancelled);
    arena_init(&job->arena, &job->budget);
    buf_init(&job->out, 0);
    job->state = arena_zalloc_array(&job->arena, 1, state_size, &err);
    if (!job->state) {
        api_reply_err(r, &err);
        job_free(job);
        return NULL;
    }
    return job;
}

void api_job_drop(struct api_job *job)
{
    job_free(job);
}

void api_job_start(struct api_job *job, enum lane lane)
{
    struct err err;

    http_hold(job->request);
    job->request->on_gone = gone;
    job->request->on_gone_arg = job;
    if (lanes_submit(job->api->c.lanes, lane, &job->lane, &err) < 0) {
        job->request->on_gone = NULL;
        http_reply_header(job->request, "Retry-After", "1");
        api_reply_status(job->request, 503, "unavailable", err.text);
        http_release(job->request);
        job_free(job);
    }
}
