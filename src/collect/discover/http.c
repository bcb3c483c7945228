/* Targets from a server that is asked for them: http_sd_configs. */
#include <stdio.h>
#include <strings.h>

#include "base/mem.h"
#include "collect/discover/discover.h"
#include "collect/discover/groups.h"
#include "http/client.h"
#include "http/fetch.h"

struct http_discover {
    struct discover d;
    const struct http_discovery *settings;
    struct client *client;
    struct fetch *fetch; /* under way, or its answer while the lane reads it */

    /* The lane's while it runs. */
    struct target_groups *groups;
    struct err err;
};

static void on_fetched(struct fetch *fetch, void *arg)
{
    struct http_discover *h = arg;

    h->fetch = fetch;
    discover_run(&h->d);
}

static void look(struct discover *d)
{
    struct http_discover *h = CONTAINER_OF(d, struct http_discover, d);
    char refresh[80];
    const char *const headers[] = {"Accept: application/json", refresh};
    const struct fetch_request request = {.url = h->settings->url,
                                          .headers = headers,
                                          .headers_n = ARRAY_LEN(headers),
                                          .timeout_ms = d->refresh_ms,
                                          .body_max = TARGET_GROUPS_BYTES_MAX,
                                          .client = h->client,
                                          .done = on_fetched,
                                          .arg = h};
    struct err err;

    fetch_cancel(take(h->fetch)); /* of a look that found no room on a lane */
    (void)snprintf(refresh, sizeof refresh, "X-Prometheus-Refresh-Interval-Seconds: %.15g",
                   (double)d->refresh_ms / 1000);
    if (fetch_start(d->context->fetcher, &request, &h->fetch, &err) < 0)
        discover_failed(d, &err);
}

static void cancel(struct discover *d)
{
    struct http_discover *h = CONTAINER_OF(d, struct http_discover, d);

    fetch_cancel(take(h->fetch));
}

/* application/json, perhaps with charset=utf-8. */
static bool is_json(struct str type)
{
    struct str parameter = type, media = str_trim(str_split(&parameter, ';'));

    parameter = parameter.p ? str_trim(parameter) : STR("");
    return media.n == 16 && strncasecmp(media.p, "application/json", 16) == 0 &&
           (parameter.n == 0 ||
            (parameter.n == 13 && strncasecmp(parameter.p, "charset=utf-8", 13) == 0) ||
            (parameter.n == 15 && strncasecmp(parameter.p, "charset=\"utf-8\"", 15) == 0));
}

static int read_answer(struct http_discover *h, const struct fetch_result *r, struct err *err)
{
    const char *url = h->settings->shown_url;
    struct target_groups_origin origin = {url, {STR("__meta_url"), str_c(url)}};

    if (!r->status) {
        *err = r->err;
        return -1;
    }
    if (r->status != 200)
        return err_set(err, ERR_EVAL, "the server answered with HTTP status %d", r->status);
    if (!is_json(r->content_type))
        return err_set(err, ERR_TYPE, "the answer's type is \"%.*s\", not application/json",
                       STR_ARGS(str_take(r->content_type, 60)));
    return target_groups_read_json(h->groups, r->body, &origin, err);
}

static void run(struct discover *d)
{
    struct http_discover *h = CONTAINER_OF(d, struct http_discover, d);

    err_clear(&h->err);
    h->groups = target_groups_new(d->context->budget);
    if (read_answer(h, fetch_result(h->fetch), &h->err) < 0) {
        target_groups_unref(h->groups);
        h->groups = NULL;
    }
}

static void told(struct discover *d, struct err *err)
{
    struct http_discover *h = CONTAINER_OF(d, struct http_discover, d);

    fetch_free(take(h->fetch));
    *err = h->err;
    if (h->groups)
        d->listener.found(d->listener.arg, d, h->settings->shown_url, take(h->groups));
}

static void free_http(struct discover *d)
{
    struct http_discover *h = CONTAINER_OF(d, struct http_discover, d);

    fetch_cancel(h->fetch); /* ended or not; NULL is fine */
    target_groups_unref(h->groups);
    client_unref(h->client);
    mem_free(h);
}

static const struct discover_ops ops = {.kind = DISCOVER_HTTP,
                                        .key = "http_sd_configs",
                                        .lane = LANE_PARSE,
                                        .look = look,
                                        .cancel = cancel,
                                        .run = run,
                                        .told = told,
                                        .free = free_http};

struct discover *discover_http_new(const struct discover_common *common,
                                   const struct http_discovery *settings)
{
    struct http_discover *h = mem_new(struct http_discover);

    h->settings = settings;
    h->client = client_new(settings->client);
    discover_init(&h->d, &ops, common, settings->refresh_ms);
    return &h->d;
}
