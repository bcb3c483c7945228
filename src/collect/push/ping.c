/* /ping/NAME, /ping/NAME/start and /ping/NAME/fail: one word to a job, on the loop. */
#include "base/clock.h"
#include "collect/push/pings.h"
#include "collect/push/push.h"
#include "collect/push/push_impl.h"
#include "http/server.h"

#define PREFIX "/ping/"
#define TEXT   "text/plain; charset=utf-8"

static void refuse(struct push *p, struct http_request *r, int status, const char *text)
{
    p->stats.pings_refused++;
    http_reply_error(r, status, text);
}

/* "NAME", "NAME/start", "NAME/fail". */
static bool read_path(struct str path, struct str *name, enum ping_kind *kind)
{
    struct str rest = str_skip(path, sizeof PREFIX - 1);

    *name = str_split(&rest, '/');
    if (!rest.p)
        *kind = PING_END;
    else if (str_eq(rest, STR("start")))
        *kind = PING_START;
    else if (str_eq(rest, STR("fail")))
        *kind = PING_FAIL;
    else
        return false;
    return pings_is_name(*name);
}

static void forget(struct push *p, struct http_request *r, struct str name)
{
    if (pings_forget(p->pings, name, p->context.clock->wall_ms(p->context.clock)))
        http_reply(r, 204, NULL, STR(""));
    else
        http_reply_error(r, 404, "there is no ping of this name");
}

void push_ping_handle(struct http_request *r, void *arg)
{
    struct push *p = arg;
    const struct clock *clock = p->context.clock;
    enum ping_kind kind;
    struct str name;

    /* A GET changes something here, so a page of another origin may not cause one. */
    if (!http_is_own_origin(r))
        refuse(p, r, 403, "a page of another origin may not ping");
    else if (!rate_take(&p->ping_rate, str_c(r->peer), clock->mono_ns(clock)))
        refuse(p, r, 429, "more than 20 pings a second from this address");
    else if (!read_path(r->path, &name, &kind))
        refuse(p, r, 400,
               "write /ping/NAME, /ping/NAME/start or /ping/NAME/fail; a name has letters, "
               "digits, '.', '_' and '-', at most 100 of them");
    else if (str_eq(r->method, STR("DELETE")))
        forget(p, r, name);
    else if (!pings_take(p->pings, name, kind, clock->wall_ms(clock)))
        refuse(p, r, 429,
               "there are 1000 names already that earshot.yml does not know; write this one into "
               "collect.push.ping, or forget others (DELETE /ping/NAME)");
    else {
        p->stats.pings++;
        push_expose(p);
        http_reply(r, 200, TEXT, STR("ok\n"));
    }
}
