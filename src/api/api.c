#include "api/api.h"

#include "api/internal.h"
#include "base/mem.h"

#define FORM_BYTES_MAX (1u << 20) /* a form POST: queries are at most 64 kB each */

int api_new(const struct api_context *context, struct api **out, struct err *err)
{
    struct api *api = mem_new(struct api);

    (void)err;
    api->c = *context;
    api->streams = streams_new(api);
    *out = api;
    return 0;
}

void api_free(struct api *api)
{
    if (!api)
        return;
    streams_free(api->streams);
    mem_free(api);
}

void api_committed(struct api *api)
{
    streams_committed(api->streams);
}

void api_route(struct api *api, const char *path, unsigned methods, http_handler handler)
{
    const struct http_route route = {
        .path = path,
        .methods = methods,
        .body_max = FORM_BYTES_MAX,
        .handler = handler,
        .arg = api,
    };

    http_server_route(api->server, &route);
}

static void not_found(struct http_request *r, void *arg)
{
    (void)arg;
    if (str_starts(r->path, STR("/api/")) || str_starts(r->path, STR("/alertmanager/")))
        api_reply_status(
            r, 404, "not_found",
            "no such path; the API is described at /api/v1 of Prometheus' documentation");
    else
        http_reply_error(r, 404, "There is no such page. The first page is at /");
}

void api_routes(struct api *api, struct http_server *server)
{
    api->server = server;
    api_query_routes(api);
    api_meta_routes(api);
    api_status_routes(api);
    api_admin_routes(api);
    api_stream_routes(api);
    api_overview_routes(api);
    http_server_fallback(server, not_found, api);
}
