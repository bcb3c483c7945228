#include "api/internal.h"

#define FORM_BYTES_MAX (1u << 20) /* a form POST: queries are at most 64 kB each */

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
