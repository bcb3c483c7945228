/* What changes the server: admin/tsdb/compact, -/quit. */
#include "api/internal.h"
#include "api/job.h"
#include "tsdb/db.h"

static int compact(struct api_job *job, struct err *err)
{
    return db_compact(job->api->c.db, &job->lane.cancelled, err);
}

static void handle_compact(struct http_request *r, void *arg)
{
    struct api *api = arg;
    struct api_job *job;

    if (!api->c.admin) {
        api_reply_status(r, 503, "unavailable",
                         "admin APIs disabled; start earshot with --enable-admin-api");
        return;
    }
    job = api_job_new(api, r, 0, compact);
    if (!job)
        return;
    job->status = 204;
    api_job_start(job, LANE_UPKEEP);
}

static void handle_quit(struct http_request *r, void *arg)
{
    struct api *api = arg;

    if (!api->c.lifecycle) {
        http_reply_error(r, 403,
                         "Lifecycle API is not enabled; start earshot with "
                         "--enable-lifecycle");
        return;
    }
    http_reply(r, 200, "text/plain; charset=utf-8", STR("Requesting termination... Goodbye!\n"));
    api->c.quit(api->c.quit_arg);
}

void api_admin_routes(struct api *api)
{
    api_route(api, "/api/v1/admin/tsdb/compact", HTTP_POST | HTTP_PUT, handle_compact);
    api_route(api, "/-/quit", HTTP_POST | HTTP_PUT, handle_quit);
}
