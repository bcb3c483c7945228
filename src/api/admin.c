/* What changes the server: admin/tsdb/..., -/reload, -/quit. */
#include "api/internal.h"
#include "api/job.h"
#include "api/selectors.h"
#include "model/source.h"
#include "tsdb/db.h"

#define TEXT "text/plain; charset=utf-8"

static int compact(struct api_job *job, struct err *err)
{
    return db_compact(job->api->c.db, &job->lane.cancelled, err);
}

static int clean_tombstones(struct api_job *job, struct err *err)
{
    return db_clean_tombstones(job->api->c.db, &job->lane.cancelled, err);
}

struct snapshot_state {
    bool skip_head;
};

static int snapshot(struct api_job *job, struct err *err)
{
    const struct snapshot_state *s = job->state;
    char name[DB_SNAPSHOT_NAME];

    if (db_snapshot(job->api->c.db, s->skip_head, &job->lane.cancelled, name, err) < 0)
        return -1;
    buf_addf(&job->out, "{\"status\":\"success\",\"data\":{\"name\":\"%s\"}}", name);
    return 0;
}

struct delete_state {
    struct api_params params;
    struct selectors selectors;
};

static int delete_selected(struct api_job *job, struct err *err)
{
    struct delete_state *d = job->state;
    struct source_selector *selectors;
    ts_ms mint = -TS_MS_MAX, maxt = TS_MS_MAX;

    if (api_param_bound(&d->params, "start", &mint, err) < 0 ||
        api_param_bound(&d->params, "end", &maxt, err) < 0)
        return -1;
    if (selectors_read(&d->params, &job->arena, &d->selectors, err) < 0 ||
        selectors_check(&d->selectors, err) < 0)
        return api_invalid_param(err, "match[]");
    selectors = arena_new_array(&job->arena, struct source_selector, d->selectors.n, err);
    if (!selectors)
        return -1;
    for (size_t i = 0; i < d->selectors.n; i++)
        selectors[i] =
            (struct source_selector){d->selectors.items[i].matchers, d->selectors.items[i].n};
    return db_delete(job->api->c.db, selectors, d->selectors.n, mint, maxt, err);
}

static int delete_series(struct api_job *job, struct err *err)
{
    struct delete_state *d = job->state;
    int status;

    if (!api_param(&d->params, "match[]").p)
        return err_set(err, ERR_SYNTAX, "no match[] parameter provided");
    status = delete_selected(job, err);
    selectors_free(&d->selectors);
    return status;
}

/* Starts a job of the store's that answers 204; NULL: answered already. */
static struct api_job *admin_job(struct http_request *r, struct api *api, size_t state_size,
                                 int (*work)(struct api_job *job, struct err *err))
{
    struct api_job *job;

    if (!api->c.admin) {
        api_reply_status(r, 500, "unavailable", /* as Prometheus */
                         "admin APIs disabled; start earshot with --enable-admin-api");
        return NULL;
    }
    job = api_job_new(api, r, state_size, work);
    if (job)
        job->status = 204;
    return job;
}

static void handle_compact(struct http_request *r, void *api)
{
    struct api_job *job = admin_job(r, api, 0, compact);

    if (job)
        api_job_start(job, LANE_UPKEEP);
}

static void handle_clean(struct http_request *r, void *api)
{
    struct api_job *job = admin_job(r, api, 0, clean_tombstones);

    if (job)
        api_job_start(job, LANE_UPKEEP);
}

static void handle_snapshot(struct http_request *r, void *api)
{
    struct api_params params;
    struct api_job *job;
    struct str text;
    struct err err;
    bool skip_head = false;

    if (api_params_read(r, &params) < 0)
        return;
    job = admin_job(r, api, sizeof(struct snapshot_state), snapshot);
    if (!job)
        return;
    text = api_param(&params, "skip_head");
    if (text.n && !api_param_flag(text, &skip_head)) {
        api_job_drop(job);
        (void)err_set(&err, ERR_SYNTAX,
                      "invalid parameter \"skip_head\": unable to parse boolean: "
                      "strconv.ParseBool: parsing \"%.*s\": invalid syntax",
                      STR_ARGS(str_take(text, 100)));
        api_reply_err(r, &err);
        return;
    }
    ((struct snapshot_state *)job->state)->skip_head = skip_head;
    job->status = 200;
    api_job_start(job, LANE_UPKEEP);
}

static void handle_delete(struct http_request *r, void *api)
{
    struct api_params params;
    struct api_job *job;

    if (api_params_read(r, &params) < 0)
        return;
    job = admin_job(r, api, sizeof(struct delete_state), delete_series);
    if (!job)
        return;
    ((struct delete_state *)job->state)->params = params;
    api_job_start(job, LANE_UPKEEP);
}

/* true: answered already. */
static bool is_forbidden(struct http_request *r, const struct api *api)
{
    if (!api->c.lifecycle)
        http_reply_error(r, 403,
                         "Lifecycle API is not enabled. Start earshot with --enable-lifecycle");
    return !api->c.lifecycle;
}

static void handle_quit(struct http_request *r, void *arg)
{
    struct api *api = arg;

    if (is_forbidden(r, api))
        return;
    http_reply(r, 200, TEXT, STR("Requesting termination... Goodbye!\n"));
    api->c.quit(api->c.life_arg);
}

static void reloaded(void *arg, bool accepted, struct str text)
{
    struct http_request *r = arg;

    if (accepted) {
        http_reply(r, 200, TEXT, STR(""));
    } else {
        struct str kept = arena_str(r->arena, text, NULL);

        http_reply(r, 500, TEXT, kept.p ? kept : STR("failed to reload config: see the log\n"));
    }
    http_release(r);
}

static void handle_reload(struct http_request *r, void *arg)
{
    struct api *api = arg;

    if (is_forbidden(r, api))
        return;
    http_hold(r);
    api->c.reload(api->c.life_arg, reloaded, r);
}

void api_admin_routes(struct api *api)
{
    api_route(api, "/api/v1/admin/tsdb/compact", HTTP_POST | HTTP_PUT, handle_compact);
    api_route(api, "/api/v1/admin/tsdb/delete_series", HTTP_POST | HTTP_PUT, handle_delete);
    api_route(api, "/api/v1/admin/tsdb/clean_tombstones", HTTP_POST | HTTP_PUT, handle_clean);
    api_route(api, "/api/v1/admin/tsdb/snapshot", HTTP_POST | HTTP_PUT, handle_snapshot);
    api_route(api, "/-/quit", HTTP_POST | HTTP_PUT, handle_quit);
    api_route(api, "/-/reload", HTTP_POST | HTTP_PUT, handle_reload);
}
