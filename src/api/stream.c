/* stream: PromQL answers as server-sent events, anew whenever data were committed.
 *
 *   GET /api/earshot/v1/stream?query=EXPR&query=EXPR...
 *   data: {"query":0,"status":"success","data":{"resultType":"vector","result":[...]}}
 *
 * A stream asks again at most once a second, and never while its last answers are still being
 * computed or read, so a slow reader sees fewer answers, not older ones. Times of one round are
 * equal over all its queries. A comment line every 15 s keeps proxies from closing the connection.
 *
 * Threads: the loop; queries on LANE_QUERY; streams_committed from the store's writer.
 */
#include <stdatomic.h>

#include "api/internal.h"
#include "api/result.h"
#include "base/mem.h"
#include "promql/query.h"
#include "sys/lanes.h"
#include "sys/loop.h"
#include "tsdb/db.h"

#define STREAMS_MAX     64u
#define QUERIES_MAX     32u
#define ROUND_MS        1000
#define KEEPALIVE_MS    15000
#define ROUND_BYTES_MAX (16u << 20)
#define ROUND_TIME_MS   10000

struct stream {
    struct stream *next;
    struct streams *owner;
    struct http_request *request;
    struct http_body body;
    struct str *queries; /* in the request's arena */
    size_t queries_n;
    struct lane_job lane;
    struct buf out; /* written by the lane while `busy`, by the loop otherwise */
    size_t out_at;
    unsigned starved; /* queries of this round that had no memory for the others' */
    bool busy, closed, dirty;
    ts_ms at_ms;
    int64_t asked_ns, sent_ns;
};

struct streams {
    struct api *api;
    struct stream *first;
    size_t n;
    struct loop_timer *timer;
    struct loop_message committed;
    atomic_bool posted;
};

static void stream_free(struct stream *s)
{
    struct stream **at = &s->owner->first;

    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    s->owner->n--;
    http_release(s->request);
    buf_fini(&s->out);
    mem_free(s);
}

static void write_error(struct buf *out, const struct err *err)
{
    struct json_writer w;
    char text[sizeof err->text + sizeof err->file + 32];

    buf_adds(out, "\"status\":\"error\",\"error\":");
    json_begin(&w, out);
    json_cstr(&w, err_format(err, text, sizeof text));
    buf_addc(out, '}');
}

/* One event; on the lane. */
static void write_event(struct stream *s, size_t i)
{
    struct api *api = s->owner->api;
    const struct clock *clock = api->c.clock;
    struct promql_params params = {
        .start_ms = s->at_ms,
        .end_ms = s->at_ms,
        .cancelled = &s->lane.cancelled,
        .deadline_ns = clock->mono_ns(clock) + ROUND_TIME_MS * INT64_C(1000000),
    };
    struct promql_result result;
    struct budget budget;
    struct arena arena;
    struct err err;
    size_t start;

    budget_init(&budget, "the memory of one query", QUERY_BYTES_MAX, &api->queries);
    arena_init(&arena, &budget);
    buf_addf(&s->out, "data: {\"query\":%zu,", i);
    start = s->out.n;
    if (api_run_query(api, &arena, s->queries[i], &params, &result, &err) < 0) {
        s->starved += err.kind == ERR_BUSY;
        write_error(&s->out, &err);
    } else {
        struct result_writer w = {.result = &result, .at_ms = s->at_ms};

        while (result_writer_next(&w, &s->out))
            continue;
        if (s->out.overflowed) {
            s->out.overflowed = false;
            s->out.n = start;
            (void)err_set(&err, ERR_LIMIT, "the answer has more than 16 MiB; ask for fewer series");
            write_error(&s->out, &err);
        } else {
            /* The answer's own brace continues the event's object. */
            s->out.p[start] = ' ';
        }
    }
    buf_adds(&s->out, "\n\n");
    arena_fini(&arena);
}

static void lane_run(struct lane_job *lane)
{
    struct stream *s = CONTAINER_OF(lane, struct stream, lane);

    for (size_t i = 0; i < s->queries_n && !lane->cancelled; i++)
        write_event(s, i);
}

static void lane_done(struct lane_job *lane)
{
    struct stream *s = CONTAINER_OF(lane, struct stream, lane);

    s->busy = false;
    s->owner->api->stats.starved += s->starved;
    s->starved = 0;
    if (s->closed)
        stream_free(s);
    else if (lane->was_run)
        http_wake(s->request);
}

/* Asks all its queries anew, if it may. */
static void ask(struct stream *s)
{
    const struct clock *clock = s->owner->api->c.clock;
    int64_t now_ns = clock->mono_ns(clock);
    struct err err;

    if (s->busy || s->closed || s->out.n || now_ns - s->asked_ns < ROUND_MS * INT64_C(990000))
        return;
    s->dirty = false;
    s->busy = true;
    s->asked_ns = now_ns;
    s->at_ms = clock->wall_ms(clock);
    s->lane = (struct lane_job){.run = lane_run, .done = lane_done};
    if (lanes_submit(s->owner->api->c.lanes, LANE_QUERY, &s->lane, &err) < 0) {
        s->busy = false;
        s->dirty = true; /* the timer tries again */
    }
}

static enum http_more body_next(struct http_body *body, char *buf, size_t cap, size_t *n)
{
    struct stream *s = CONTAINER_OF(body, struct stream, body);
    const struct clock *clock = s->owner->api->c.clock;

    *n = 0;
    if (s->busy || !s->out.n)
        return HTTP_WAIT;
    *n = s->out.n - s->out_at < cap ? s->out.n - s->out_at : cap;
    memcpy(buf, s->out.p + s->out_at, *n);
    s->out_at += *n;
    s->sent_ns = clock->mono_ns(clock);
    if (s->out_at < s->out.n)
        return HTTP_MORE;
    buf_reset(&s->out);
    s->out_at = 0;
    return HTTP_WAIT;
}

static void body_close(struct http_body *body)
{
    struct stream *s = CONTAINER_OF(body, struct stream, body);

    s->closed = true;
    if (s->busy)
        lanes_cancel(&s->lane);
    else
        stream_free(s);
}

static void tick(void *arg)
{
    struct streams *all = arg;
    const struct clock *clock = all->api->c.clock;
    int64_t now_ns = clock->mono_ns(clock);

    for (struct stream *s = all->first; s; s = s->next) {
        if (s->dirty)
            ask(s);
        if (!s->busy && !s->closed && !s->out.n &&
            now_ns - s->sent_ns > KEEPALIVE_MS * INT64_C(1000000)) {
            buf_adds(&s->out, ": still here\n\n");
            http_wake(s->request);
        }
    }
}

static void committed(struct loop_message *m)
{
    struct streams *all = CONTAINER_OF(m, struct streams, committed);

    atomic_store(&all->posted, false);
    if (!all->first)
        return; /* the store says nothing more until somebody listens */
    (void)db_visible_seq(all->api->c.db);
    for (struct stream *s = all->first; s; s = s->next) {
        s->dirty = true;
        ask(s);
    }
}

void streams_committed(struct streams *all)
{
    if (!atomic_exchange(&all->posted, true))
        loop_post(all->api->c.loop, &all->committed);
}

static void handle_stream(struct http_request *r, void *arg)
{
    struct api *api = arg;
    struct streams *all = api->streams;
    struct api_params p;
    struct stream *s;
    size_t n = 0;

    if (api_params_read(r, &p) < 0)
        return;
    for (size_t i = 0; i < p.n; i++)
        n += str_eq(p.items[i].name, STR("query"));
    if (!n || n > QUERIES_MAX) {
        api_reply_status(r, 400, "bad_data", "give 1 to 32 parameters named query");
        return;
    }
    if (all->n >= STREAMS_MAX) {
        api_reply_status(r, 503, "unavailable", "64 streams are open already; close a page");
        return;
    }
    s = mem_new(struct stream);
    s->queries = arena_new_array(r->arena, struct str, n, NULL);
    if (!s->queries) {
        mem_free(s);
        api_reply_status(r, 503, "unavailable", "no memory for another stream");
        return;
    }
    for (size_t i = 0; i < p.n; i++)
        if (str_eq(p.items[i].name, STR("query")))
            s->queries[s->queries_n++] = p.items[i].value;
    s->owner = all;
    s->request = r;
    s->body = (struct http_body){body_next, body_close, .endless = true};
    buf_init(&s->out, ROUND_BYTES_MAX);
    s->next = all->first;
    all->first = s;
    all->n++;
    http_hold(r);
    http_reply_header(r, "Cache-Control", "no-store");
    (void)db_visible_seq(api->c.db);
    ask(s);
    http_reply_body(r, 200, "text/event-stream", &s->body);
}

struct streams *streams_new(struct api *api)
{
    struct streams *all = mem_new(struct streams);

    all->api = api;
    all->committed.run = committed;
    all->timer = loop_timer_new(api->c.loop, ROUND_MS, ROUND_MS, tick, all);
    return all;
}

void streams_free(struct streams *all)
{
    if (!all)
        return;
    loop_timer_free(all->timer);
    mem_free(all);
}

void api_stream_routes(struct api *api)
{
    api_route(api, "/api/earshot/v1/stream", HTTP_GET, handle_stream);
}
