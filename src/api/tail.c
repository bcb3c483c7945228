/* /api/earshot/v1/logs/tail: lines of logs as they are stored, as server-sent events.
 *
 * The parameters of /api/earshot/v1/logs choose the lines; `limit` (10, at most 1,000) of those
 * that there are come first, oldest first. An event's data is one line. What comes faster than the
 * client reads waits in the store; what the store no longer can tell apart is left out, and an
 * event `missed` says how many lines that were. A comment every 15 s keeps proxies from closing the
 * connection.
 *
 * Threads: the loop; searches on LANE_QUERY; tails_stored from the store's writer.
 */
#include <stdatomic.h>

#include "api/internal.h"
#include "api/logs_query.h"
#include "base/mem.h"
#include "logstore/logstore.h"
#include "logstore/search.h"
#include "sys/lanes.h"
#include "sys/loop.h"

#define TAILS_MAX     64u
#define ROUND_MS      200
#define KEEPALIVE_MS  15000
#define ROUND_BYTES   (256u << 10)
#define ROUND_TIME_MS 10000
#define LIMIT_DEFAULT 10
#define LIMIT_MAX     1000

/* One of the lines that there were before. */
struct before {
    int64_t id;
    size_t at, n; /* its text in `texts` */
};

struct tail {
    struct tail *next;
    struct tails *owner;
    struct http_request *request;
    struct http_body body;
    struct logstore_query query;       /* in the request's arena */
    struct logstore_arrivals arrivals; /* of this round */
    struct logstore_at at;             /* where this round stands, when its answer was cut */
    struct before *before;             /* owned; newest first */
    struct buf texts;
    size_t before_n, limit;
    struct lane_job lane;
    struct buf out; /* written by the lane while `busy`, by the loop otherwise */
    size_t out_at;
    bool begun, busy, closed, dirty;
    int64_t asked_ns, sent_ns;
};

struct tails {
    struct api *api;
    struct tail *first;
    size_t n;
    struct loop_timer *timer;
    struct loop_message stored;
    atomic_bool posted;
};

static void tail_free(struct tail *t)
{
    struct tail **at = &t->owner->first;

    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    t->owner->n--;
    http_release(t->request);
    buf_fini(&t->out);
    buf_fini(&t->texts);
    mem_free(t->before);
    mem_free(t);
}

/* ---- on the lane ---- */

static void put_error(struct tail *t, const struct err *err)
{
    struct json_writer w;

    buf_adds(&t->out, "event: error\ndata: ");
    json_begin(&w, &t->out);
    json_cstr(&w, err->text);
    buf_adds(&t->out, "\n\n");
}

static bool keep_before(void *arg, const struct logstore_row *row)
{
    struct tail *t = arg;
    struct before *b = &t->before[t->before_n++];
    struct json_writer w;

    b->id = row->id;
    b->at = t->texts.n;
    json_begin(&w, &t->texts);
    logs_write_line(row, &w);
    b->n = t->texts.n - b->at;
    return t->before_n < t->limit;
}

/* What there is. A line that comes meanwhile is told by the round after this one. */
static int put_before(struct tail *t, const struct logstore_bounds *bounds, struct err *err)
{
    struct logstore *lines = t->owner->api->c.lines;
    struct logstore_arrivals meanwhile;
    struct logstore_query query = t->query;
    struct logstore_at at = {0};

    logstore_arrivals(lines, UINT64_MAX, &t->arrivals);
    query.forward = false;
    t->before = mem_new_array(struct before, t->limit + 1);
    if (t->limit && logstore_search(lines, &query, bounds, &at, keep_before, t, err) < 0)
        return -1;
    logstore_arrivals(lines, t->arrivals.to, &meanwhile);
    for (size_t i = t->before_n; i-- > 0;) {
        const struct before *b = &t->before[i];

        if (logstore_has_arrived(&meanwhile, b->id))
            continue;
        buf_adds(&t->out, "data: ");
        buf_add(&t->out, (struct str){t->texts.p + b->at, b->n});
        buf_adds(&t->out, "\n\n");
    }
    mem_free(t->before);
    buf_fini(&t->texts);
    t->before = NULL;
    t->at.ended = true;
    return 0;
}

static bool put_line(void *arg, const struct logstore_row *row)
{
    struct tail *t = arg;
    struct json_writer w;

    buf_adds(&t->out, "data: ");
    json_begin(&w, &t->out);
    logs_write_line(row, &w);
    buf_adds(&t->out, "\n\n");
    return t->out.n < ROUND_BYTES;
}

static int put_arrived(struct tail *t, const struct logstore_bounds *bounds, struct err *err)
{
    struct logstore *lines = t->owner->api->c.lines;
    struct logstore_query query = t->query;

    if (t->at.ended) {
        logstore_arrivals(lines, t->arrivals.to, &t->arrivals);
        t->at = (struct logstore_at){0};
        if (t->arrivals.missed)
            buf_addf(&t->out, "event: missed\ndata: %llu\n\n",
                     (unsigned long long)t->arrivals.missed);
    }
    query.forward = true;
    query.arrived = &t->arrivals;
    return logstore_search(lines, &query, bounds, &t->at, put_line, t, err);
}

static void lane_run(struct lane_job *lane)
{
    struct tail *t = CONTAINER_OF(lane, struct tail, lane);
    const struct clock *clock = t->owner->api->c.clock;
    const struct logstore_bounds bounds = {.clock = clock,
                                           .cancelled = &lane->cancelled,
                                           .deadline_ns = clock->mono_ns(clock) +
                                                          ROUND_TIME_MS * INT64_C(1000000)};
    bool begun = t->begun;
    struct err err;

    t->begun = true;
    if ((begun ? put_arrived(t, &bounds, &err) : put_before(t, &bounds, &err)) == 0)
        return;
    t->at.ended = true; /* the next round goes on behind what this one was about */
    put_error(t, &err);
}

/* ---- on the loop ---- */

static void lane_done(struct lane_job *lane)
{
    struct tail *t = CONTAINER_OF(lane, struct tail, lane);

    t->busy = false;
    if (t->closed)
        tail_free(t);
    else if (lane->was_run)
        http_wake(t->request);
}

/* Asks for what is new, if it may. */
static void ask(struct tail *t)
{
    const struct clock *clock = t->owner->api->c.clock;
    int64_t now_ns = clock->mono_ns(clock);
    struct err err;

    if (t->busy || t->closed || t->out.n || now_ns - t->asked_ns < ROUND_MS * INT64_C(990000))
        return;
    t->dirty = false;
    t->busy = true;
    t->asked_ns = now_ns;
    t->lane = (struct lane_job){.run = lane_run, .done = lane_done};
    if (lanes_submit(t->owner->api->c.lanes, LANE_QUERY, &t->lane, &err) < 0) {
        t->busy = false;
        t->dirty = true; /* the timer tries again */
    }
}

static enum http_more body_next(struct http_body *body, char *buf, size_t cap, size_t *n)
{
    struct tail *t = CONTAINER_OF(body, struct tail, body);
    const struct clock *clock = t->owner->api->c.clock;

    *n = 0;
    if (t->busy)
        return HTTP_WAIT;
    if (t->out.n) {
        *n = t->out.n - t->out_at < cap ? t->out.n - t->out_at : cap;
        memcpy(buf, t->out.p + t->out_at, *n);
        t->out_at += *n;
        t->sent_ns = clock->mono_ns(clock);
        if (t->out_at < t->out.n)
            return HTTP_MORE;
        buf_reset(&t->out);
        t->out_at = 0;
    }
    /* The rest of a round that was cut, at once. */
    t->dirty |= !t->at.ended;
    return HTTP_WAIT;
}

static void body_close(struct http_body *body)
{
    struct tail *t = CONTAINER_OF(body, struct tail, body);

    t->closed = true;
    if (t->busy)
        lanes_cancel(&t->lane);
    else
        tail_free(t);
}

static void tick(void *arg)
{
    struct tails *all = arg;
    const struct clock *clock = all->api->c.clock;
    int64_t now_ns = clock->mono_ns(clock);

    for (struct tail *t = all->first; t; t = t->next) {
        if (t->dirty)
            ask(t);
        if (!t->busy && !t->closed && !t->out.n &&
            now_ns - t->sent_ns > KEEPALIVE_MS * INT64_C(1000000)) {
            buf_adds(&t->out, ": still here\n\n");
            http_wake(t->request);
        }
    }
    if (all->first)
        loop_timer_restart(all->timer, ROUND_MS, 0);
}

static void stored(struct loop_message *m)
{
    struct tails *all = CONTAINER_OF(m, struct tails, stored);

    atomic_store(&all->posted, false);
    for (struct tail *t = all->first; t; t = t->next) {
        t->dirty = true;
        ask(t);
    }
}

void tails_stored(struct tails *all)
{
    if (!atomic_exchange(&all->posted, true))
        loop_post(all->api->c.loop, &all->stored);
}

static void handle_tail(struct http_request *r, void *arg)
{
    struct api *api = arg;
    struct tails *all = api->tails;
    struct api_params p;
    struct tail *t;
    struct err err;

    if (api_params_read(r, &p) < 0)
        return;
    if (all->n >= TAILS_MAX) {
        api_reply_status(r, 503, "unavailable", "64 tails are open already; close one");
        return;
    }
    t = mem_new(struct tail);
    t->limit = LIMIT_DEFAULT;
    if (logs_query_read(&p, r->arena, &t->query, &err) < 0 ||
        api_param_limit(&p, &t->limit, &err) < 0) {
        mem_free(t);
        api_reply_err(r, &err);
        return;
    }
    t->limit = t->limit < LIMIT_MAX ? t->limit : LIMIT_MAX;
    t->owner = all;
    t->request = r;
    t->body = (struct http_body){body_next, body_close, .endless = true};
    t->next = all->first;
    all->first = t;
    if (all->n++ == 0)
        loop_timer_restart(all->timer, ROUND_MS, 0);
    http_hold(r);
    http_reply_header(r, "Cache-Control", "no-store");
    ask(t);
    http_reply_body(r, 200, "text/event-stream", &t->body);
}

struct tails *tails_new(struct api *api)
{
    struct tails *all = mem_new(struct tails);

    all->api = api;
    all->stored.run = stored;
    all->timer = loop_timer_new(api->c.loop, 0, 0, tick, all);
    return all;
}

void tails_free(struct tails *all)
{
    if (!all)
        return;
    loop_timer_free(all->timer);
    mem_free(all);
}

void api_tail_routes(struct api *api)
{
    api_route(api, "/api/earshot/v1/logs/tail", HTTP_GET | HTTP_POST, handle_tail);
}
