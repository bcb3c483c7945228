/* /api/earshot/v1/events: what happened in a time: restarts, jobs, model loads, reloads. */
#include <semaphore.h>

#include "api/internal.h"
#include "api/job.h"
#include "api/selectors.h"
#include "state/events.h"

#define SPAN_MS     3600000 /* without `start` */
#define FOUND_USUAL 1000
#define READS_MAX   8u /* at once: a disk that hangs holds no more threads than these */

struct events_state {
    struct api_params params;
    struct selectors selectors;
    struct events_query query;
    sem_t answered;
};

static void on_found(struct events_query *q)
{
    struct events_state *s = CONTAINER_OF(q, struct events_state, query);

    (void)sem_post(&s->answered);
}

static void write_event(struct json_writer *w, const struct event_found *f)
{
    json_begin_object(w);
    json_key(w, "id");
    json_i64(w, f->id);
    json_key(w, "kind");
    json_cstr(w, f->is.kind);
    json_key(w, "start");
    api_write_rfc3339(w, f->is.start);
    json_key(w, "end");
    if (f->is.open)
        json_put_null(w);
    else
        api_write_rfc3339(w, f->is.end);
    json_key(w, "labels");
    api_write_labels(w, f->is.labels);
    json_key(w, "text");
    json_cstr(w, f->is.text);
    json_end_object(w);
}

static void write_answer(struct api_job *job, const struct events_query *q)
{
    struct json_writer w;

    api_begin_data(&w, &job->out);
    json_begin_array(&w);
    for (size_t i = 0; i < q->n; i++)
        write_event(&w, &q->found[i]);
    json_end_array(&w);
    api_end_data(&w, q->more ? "results truncated due to limit: these are the newest" : NULL);
}

static int read_times(struct api_job *job, struct events_query *q, struct err *err)
{
    const struct clock *clock = job->api->c.clock;
    const struct api_params *p = &((struct events_state *)job->state)->params;

    q->end = clock->wall_ms(clock);
    if (api_param_time(p, "end", &q->end, err) < 0)
        return -1;
    q->start = q->end - SPAN_MS;
    if (api_param_time(p, "start", &q->start, err) < 0)
        return -1;
    if (q->end < q->start)
        return err_set(err, ERR_SYNTAX, "end must not be before start");
    return 0;
}

static int read_selectors(struct api_job *job, struct events_query *q, struct err *err)
{
    struct events_state *s = job->state;
    struct event_selector *to;

    if (selectors_read(&s->params, &job->arena, &s->selectors, err) < 0)
        return -1;
    to = arena_new_array(&job->arena, struct event_selector, s->selectors.n + 1, err);
    if (!to)
        return -1;
    for (size_t i = 0; i < s->selectors.n; i++)
        to[i] = (struct event_selector){s->selectors.items[i].matchers, s->selectors.items[i].n};
    q->selectors = to;
    q->selectors_n = s->selectors.n;
    return 0;
}

/* Waits for the state's thread, as long as its disk takes: so it has a thread that may. */
static int find(struct api_job *job, struct events_query *q, struct err *err)
{
    struct events_state *s = job->state;

    q->arena = &job->arena;
    q->done = on_found;
    (void)sem_init(&s->answered, 0, 0);
    events_find(job->api->c.events, q);
    while (sem_wait(&s->answered) < 0) {
    }
    (void)sem_destroy(&s->answered);
    if (q->rc < 0)
        *err = q->err;
    return q->rc;
}

static int work(struct api_job *job, struct err *err)
{
    struct events_state *s = job->state;
    struct events_query *q = &s->query;
    int rc;

    q->limit = FOUND_USUAL;
    q->kind = api_param(&s->params, "kind");
    q->except = api_param(&s->params, "except");
    rc = read_times(job, q, err) < 0 || api_param_limit(&s->params, &q->limit, err) < 0 ||
                 read_selectors(job, q, err) < 0
             ? -1
             : 0;
    if (!q->limit || q->limit > EVENTS_FOUND_MAX)
        q->limit = EVENTS_FOUND_MAX;
    if (rc == 0)
        rc = find(job, q, err);
    selectors_free(&s->selectors);
    if (rc == 0)
        write_answer(job, q);
    return rc;
}

static void over(struct api_job *job)
{
    job->api->event_reads--;
}

static void handle_events(struct http_request *r, void *arg)
{
    struct api *api = arg;
    struct api_params params;
    struct api_job *job;

    if (api_params_read(r, &params) < 0)
        return;
    if (api->event_reads == READS_MAX) {
        api_reply_status(r, 503, "unavailable", "too many ask for events at once; try again");
        return;
    }
    job = api_job_new(api, r, sizeof(struct events_state), work);
    if (!job)
        return;
    ((struct events_state *)job->state)->params = params;
    job->over = over;
    api->event_reads++;
    api_job_start(job, LANE_SLOW);
}

void api_event_routes(struct api *api)
{
    api_route(api, "/api/earshot/v1/events", HTTP_POST, api_handle_tell);
    api_route(api, "/api/earshot/v1/events", HTTP_GET, handle_events);
}
