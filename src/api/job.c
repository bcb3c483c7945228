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

static void give_up(struct api_job *job)
{
    http_release(job->request);
    if (job->over)
        job->over(job);
    job_free(job);
}

/* On the lane, after `work` or `more`: where nothing is left to tell but what is in `out` or `err`,
 * the memory goes here. Hundreds of megabytes take the kernel longer than the loop may wait. */
static void free_early(struct api_job *job)
{
    if (job->over || !(job->failed || (job->more && job->ended)))
        return;
    job->state = NULL;
    arena_fini(&job->arena);
}

/* ---- pieces that a lane makes ---- */

static void piece_run(struct lane_job *lane)
{
    struct api_job *job = CONTAINER_OF(lane, struct api_job, lane);

    job->failed = job->more(job, &job->err) < 0;
    free_early(job);
}

static void ask_for_more(struct api_job *job);

static void piece_done(struct lane_job *lane)
{
    struct api_job *job = CONTAINER_OF(lane, struct api_job, lane);

    job->busy = false;
    job->broken |= job->failed;
    job->api->stats.starved += job->failed && job->err.kind == ERR_BUSY;
    if (!job->gone)
        http_wake(job->request);
    else if (job->ended)
        give_up(job);
    else
        ask_for_more(job); /* to release what it holds */
}

static void ask_for_more(struct api_job *job)
{
    int64_t deadline_ns = job->lane.deadline_ns;
    struct err err;

    job->busy = true;
    job->release = job->gone;
    job->lane = (struct lane_job){.run = piece_run, .done = piece_done, .deadline_ns = deadline_ns};
    if (lanes_submit(job->api->c.lanes, LANE_RENDER, &job->lane, &err) == 0)
        return;
    /* The lanes are full: the answer ends here, and what it holds is released on the loop. */
    job->gone = job->release = job->broken = true;
    job->failed = job->more(job, &err) < 0;
    job->busy = false;
}

/* ---- the body ---- */

/* More text in `out`, at once or later; false: there is none to come. */
static bool render(struct api_job *job)
{
    if (job->more) {
        if (!job->ended && !job->broken)
            ask_for_more(job);
        return job->busy;
    }
    return job->refill && job->refill(job);
}

/* Copies from `out`, rendering more when it ran dry. */
static enum http_more body_next(struct http_body *body, char *buf, size_t cap, size_t *n)
{
    struct api_job *job = CONTAINER_OF(body, struct api_job, body);
    size_t written = 0;

    *n = 0;
    if (job->busy)
        return HTTP_WAIT;
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
        if (!render(job))
            job->last = true;
        if (job->busy)
            break;
    }
    *n = written;
    if (job->broken)
        return HTTP_BREAK;
    if (job->busy)
        return HTTP_WAIT;
    return job->last && job->out_at == job->out.n ? HTTP_LAST : HTTP_MORE;
}

static void body_close(struct http_body *body)
{
    struct api_job *job = CONTAINER_OF(body, struct api_job, body);

    job->gone = true;
    if (job->busy)
        lanes_cancel(&job->lane);
    else if (job->more && !job->ended)
        ask_for_more(job);
    if (!job->busy)
        give_up(job);
}

/* ---- the first piece of work ---- */

static void gone(void *arg)
{
    struct api_job *job = arg;

    job->gone = true;
    job->api->stats.cancelled++;
    lanes_cancel(&job->lane);
}

static void lane_run(struct lane_job *lane)
{
    struct api_job *job = CONTAINER_OF(lane, struct api_job, lane);

    job->failed = job->work(job, &job->err) < 0;
    free_early(job);
}

static void refuse(struct api_job *job)
{
    job->api->stats.errors++;
    job->api->stats.starved += job->err.kind == ERR_BUSY;
    if (job->plain_errors)
        api_reply_err_plain(job->request, &job->err);
    else
        api_reply_err(job->request, &job->err);
}

static void answer(struct api_job *job)
{
    if (job->status == 204) {
        http_reply(job->request, 204, NULL, STR(""));
        give_up(job);
    } else {
        if (job->content_encoding)
            http_reply_header(job->request, "Content-Encoding", job->content_encoding);
        /* body_close ends the job */
        http_reply_body(job->request, job->status, job->content_type, &job->body);
    }
}

static void lane_done(struct lane_job *lane)
{
    struct api_job *job = CONTAINER_OF(lane, struct api_job, lane);

    if (!lane->was_run) {
        job->failed = true;
        (void)err_set(&job->err, ERR_CANCELLED, "the server is shutting down");
    }
    if (!job->gone && !job->failed) {
        answer(job);
        return;
    }
    if (!job->gone) {
        refuse(job);
    } else if (job->more && !job->failed && !job->ended) {
        ask_for_more(job);
        if (job->busy)
            return; /* piece_done ends the job */
    }
    give_up(job);
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
    job->body = (struct http_body){.next = body_next, .close = body_close};
    job->lane.run = lane_run;
    job->lane.done = lane_done;
    job->lane.deadline_ns =
        api->c.clock->mono_ns(api->c.clock) + QUERY_TIMEOUT_MS_MAX * INT64_C(1000000);
    budget_init(&job->budget, "the memory of one query", QUERY_BYTES_MAX, &api->queries);
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
        give_up(job);
    }
}
