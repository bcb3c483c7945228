/* POST /api/earshot/v1/beacon: what a browser says of its sound, also from pages of other origins
 * that are allowed to; and the script that says it. The only path that answers to CORS. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "collect/push/beacon_body.h"
#include "collect/push/beacon_script.h"
#include "collect/push/beacons.h"
#include "collect/push/push.h"
#include "collect/push/push_impl.h"
#include "collect/push/push_settings.h"
#include "http/server.h"

#define PREFLIGHT_S "600"

static void refuse(struct push *p, struct http_request *r, int status, const char *text)
{
    p->stats.beacons_refused++;
    http_reply_error(r, status, text);
}

/* Is its origin in beacon.allowed_origins? *all: by '*'. */
static bool is_listed(const struct push *p, struct str origin, bool *all)
{
    const struct push_settings *s = p->settings;
    bool listed = false;

    *all = false;
    for (size_t i = 0; i < s->origins_n; i++) {
        *all |= strcmp(s->origins[i], "*") == 0;
        listed |= str_eq(origin, str_c(s->origins[i]));
    }
    return listed || *all;
}

/* Says to the browser that this origin may; false: it may not. */
static bool admit(const struct push *p, struct http_request *r)
{
    struct str origin = http_header(r, "origin");
    bool all, listed = origin.p && is_listed(p, origin, &all);
    char *text;

    http_reply_header(r, "Vary", "Origin");
    if (!listed)
        return http_is_own_origin(r);
    text = all ? NULL : arena_cstr(r->arena, origin, NULL);
    http_reply_header(r, "Access-Control-Allow-Origin", text ? text : all ? "*" : "null");
    return true;
}

static void preflight(struct http_request *r)
{
    http_reply_header(r, "Access-Control-Allow-Methods", "POST");
    http_reply_header(r, "Access-Control-Allow-Headers", "Content-Type");
    http_reply_header(r, "Access-Control-Max-Age", PREFLIGHT_S);
    http_reply(r, 204, NULL, STR(""));
}

static bool read_query(const struct http_request *r, struct str *service, struct str *session)
{
    struct http_param *params;
    struct err err;
    size_t n;

    *service = *session = STR("");
    if (http_params(r, &params, &n, &err) < 0)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (str_eq(params[i].name, STR("service")))
            *service = params[i].value;
        else if (str_eq(params[i].name, STR("session")))
            *session = params[i].value;
    }
    return beacons_is_session(*session);
}

static void take_body(struct push *p, struct http_request *r)
{
    const struct clock *clock = p->context.clock;
    struct beacon_body body;
    struct str service, session;
    struct err err;

    if (!read_query(r, &service, &session)) {
        refuse(p, r, 400,
               "the address needs ?service=NAME&session=ID; an ID has letters, digits, '-' and "
               "'_', at most 64 of them");
        return;
    }
    if (beacon_body_read(r->body, &body, &err) < 0) {
        refuse(p, r, 400, arena_cstr(r->arena, str_c(err.text), NULL));
        return;
    }
    switch (beacons_take(p->beacons, service, session, &body, clock->wall_ms(clock))) {
    case BEACON_TAKEN:
        p->stats.beacons++;
        push_expose(p);
        http_reply(r, 204, NULL, STR(""));
        break;
    case BEACON_STRANGER:
        refuse(p, r, 400,
               "service is neither a pack in use nor in collect.push.sources of earshot.yml");
        break;
    case BEACON_CROWDED:
        refuse(p, r, 429, "as many sessions as beacon.sessions_max allows have spoken lately");
        break;
    }
}

void push_beacon_handle(struct http_request *r, void *arg)
{
    struct push *p = arg;
    const struct clock *clock = p->context.clock;

    if (!admit(p, r))
        refuse(p, r, 403,
               "pages of this origin may not send; add it to beacon.allowed_origins in "
               "earshot.yml");
    else if (str_eq(r->method, STR("OPTIONS")))
        preflight(r);
    else if (!rate_take(&p->beacon_rate, str_c(r->peer), clock->mono_ns(clock)))
        refuse(p, r, 429, "more than 20 beacons a second from this address");
    else
        take_body(p, r);
}

void push_beacon_script_handle(struct http_request *r, void *arg)
{
    (void)arg;
    http_reply_header(r, "Cross-Origin-Resource-Policy", "cross-origin");
    http_reply_header(r, "Cache-Control", "public, max-age=3600");
    http_reply(r, 200, "text/javascript; charset=utf-8", beacon_script);
}
