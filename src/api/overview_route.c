/* GET /api/earshot/v1/overview. */
#include <math.h>

#include "api/internal.h"
#include "api/job.h"
#include "api/overview.h"
#include "base/clock.h"
#include "collect/collect.h"
#include "config/config.h"
#include "promql/query.h"
#include "tsdb/db.h"

#define WINDOW_MIN_MS  20000
#define WINDOW_SCRAPES 4 /* a rate needs two samples; four outlive a missed scrape */
#define TIMEOUT_NS     (10 * INT64_C(1000000000))

struct overview_state {
    struct overview_ask ask;
    struct overview overview;
    struct api_job *job;
};

static int run(struct overview_ask *ask, struct str query, ts_ms start_ms, ts_ms end_ms,
               int64_t step_ms, struct promql_result *out, struct err *err)
{
    struct overview_state *s = CONTAINER_OF(ask, struct overview_state, ask);
    const struct clock *clock = s->job->api->c.clock;
    struct promql_params params = {
        .start_ms = start_ms,
        .end_ms = end_ms,
        .step_ms = step_ms,
        .cancelled = &s->job->lane.cancelled,
        .deadline_ns = clock->mono_ns(clock) + TIMEOUT_NS,
    };

    return api_run_query(s->job->api, ask->arena, query, &params, out, err);
}

static int work(struct api_job *job, struct err *err)
{
    struct overview_state *s = job->state;
    struct db_stats stats = db_stats(job->api->c.db);
    bool empty = stats.head_min_ts > stats.head_max_ts && !stats.blocks;

    if (overview_compute(&s->ask, &s->overview, err) < 0)
        return -1;
    s->overview.data_bytes = (double)(stats.block_bytes + stats.wal_bytes);
    s->overview.oldest_s = empty ? NAN : (double)stats.oldest_ts / 1000;
    s->overview.series = (double)stats.head_series;
    s->overview.samples = stats.blocks ? NAN : (double)stats.head_samples; /* blocks do not say */
    overview_write(&s->overview, &job->out);
    return 0;
}

/* On the loop: which targets are down and why, and how often this host is read. */
static int read_targets(struct api *api, struct api_job *job, struct overview_ask *ask,
                        struct err *err)
{
    struct target_status *targets;
    struct overview_fault *faults;
    size_t n;

    if (collect_status(api->c.collect, &job->arena, &targets, &n, err) < 0)
        return -1;
    faults = arena_new_array(&job->arena, struct overview_fault, n, err);
    if (!faults)
        return -1;
    for (size_t i = 0; i < n; i++) {
        struct str instance = labels_get(targets[i].labels, STR("instance"));
        struct overview_fault *f = &faults[ask->faults_n];

        if (str_eq(instance, ask->host) &&
            str_eq(labels_get(targets[i].labels, STR("job")), ask->job) &&
            targets[i].interval_ms * WINDOW_SCRAPES > ask->window_ms)
            ask->window_ms = targets[i].interval_ms * WINDOW_SCRAPES;
        if (targets[i].health != TARGET_DOWN)
            continue;
        f->job = arena_str(&job->arena, labels_get(targets[i].labels, STR("job")), err);
        f->instance = arena_str(&job->arena, instance, err);
        f->text = arena_str(&job->arena, str_c(targets[i].last_error), err);
        if (!f->job.p || !f->instance.p || !f->text.p)
            return -1;
        ask->faults_n++;
    }
    ask->faults = faults;
    return 0;
}

static void handle(struct http_request *r, void *arg)
{
    struct api *api = arg;
    struct api_job *job = api_job_new(api, r, sizeof(struct overview_state), work);
    struct overview_state *s;
    struct err err;

    if (!job)
        return;
    s = job->state;
    s->job = job;
    s->ask = (struct overview_ask){
        .run = run,
        .arena = &job->arena,
        /* A copy: a reload may end the configuration while a lane works. */
        .job = arena_str(&job->arena, str_c(api->c.config->host.job), &err),
        .host = str_c(api->c.host_name),
        .now_ms = api->c.clock->wall_ms(api->c.clock),
        .window_ms = WINDOW_MIN_MS,
    };
    if (!s->ask.job.p || read_targets(api, job, &s->ask, &err) < 0) {
        api_reply_err(r, &err);
        api_job_drop(job);
        return;
    }
    api_job_start(job, LANE_QUERY);
}

void api_overview_routes(struct api *api)
{
    api_route(api, "/api/earshot/v1/overview", HTTP_GET, handle);
}
