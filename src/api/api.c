#include "api/api.h"

#include <stdio.h>

#include "api/internal.h"
#include "base/mem.h"

struct api *api_new(const struct api_context *context)
{
    struct api *api = mem_new(struct api);

    size_t half = context->budget->max_bytes / 2;

    api->c = *context;
    budget_init_shared(&api->queries, "all queries together",
                       half < QUERIES_BYTES_MAX ? half : QUERIES_BYTES_MAX, context->budget);
    api->config_ms = context->start_ms;
    api->streams = streams_new(api);
    api->tails = tails_new(api);
    return api;
}

void api_config_loaded(struct api *api, const struct config *config, ts_ms now_ms)
{
    api->c.config = config;
    api->config_ms = now_ms;
    api->reload_refused = false;
}

void api_config_refused(struct api *api)
{
    api->reload_refused = true;
}

void api_free(struct api *api)
{
    if (!api)
        return;
    streams_free(api->streams);
    discovery_unref(api->found);
    tails_free(api->tails);
    mem_free(api);
}

struct api_stats api_stats(const struct api *api)
{
    return api->stats;
}

void api_committed(struct api *api)
{
    streams_committed(api->streams);
}

void api_lines_stored(struct api *api)
{
    tails_stored(api->tails);
}

static void not_found(struct http_request *r, void *arg)
{
    bool is_api = str_starts(r->path, STR("/api/")) || str_starts(r->path, STR("/alertmanager/"));
    char text[160];

    (void)arg;
    if (str_eq(r->method, STR("OPTIONS")) && str_starts(r->path, STR("/api/v1/"))) {
        http_reply(r, 204, NULL, STR("")); /* as Prometheus, of any path there */
    } else if (r->allow) {
        (void)snprintf(text, sizeof text, "method not allowed; this path takes %s", r->allow);
        if (is_api)
            api_reply_status(r, 405, "bad_data", text);
        else
            http_reply_error(r, 405, text);
    } else if (is_api) {
        api_reply_status(r, 404, "not_found",
                         str_ends(r->path, STR("/"))
                             ? "no such path; leave the slash at its end away"
                             : "no such path; docs/api.md lists what there is");
    } else {
        http_reply_error(r, 404, "There is no such page. The first page is at /");
    }
}

void api_routes(struct api *api, struct http_server *server)
{
    api->server = server;
    api_query_routes(api);
    api_meta_routes(api);
    api_status_routes(api);
    api_target_routes(api);
    api_admin_routes(api);
    api_exemplar_routes(api);
    api_rules_routes(api);
    api_metadata_routes(api);
    api_federate_routes(api);
    api_jsonl_routes(api);
    api_read_routes(api);
    api_stream_routes(api);
    api_overview_routes(api);
    api_explain_routes(api);
    api_logs_routes(api);
    api_discover_routes(api);
    api_tail_routes(api);
    api_event_routes(api);
    api_queue_routes(api);
    http_server_fallback(server, not_found, api);
}
