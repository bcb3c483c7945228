/* The way of a push: its path is read on the loop, its body on the parse lane, which puts it into
 * the groups too; the answer comes when that is done, so that a 200 means that it is in. */
#include <stdio.h>
#include <strings.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "collect/push/group_body.h"
#include "collect/push/group_key.h"
#include "collect/push/proto_families.h"
#include "collect/push/push.h"
#include "collect/push/push_impl.h"
#include "collect/push/push_settings.h"
#include "http/server.h"
#include "sys/lanes.h"

#define TEXT "text/plain; charset=utf-8"

/* One request, from head to answer. */
struct group_push {
    struct lane_job job; /* first */
    struct push *push;
    struct http_request *http;
    struct arena arena;
    struct group_key key;
    bool is_delete, is_protobuf;
    enum groups_how how;
    ts_ms now;
    int failed;
    bool parsed; /* so what failed is what it says, not how */
    bool gone;
    struct err err;
};

/* Protobuf as the text that says the same. */
static int read_body(struct group_push *g, struct group_body *out)
{
    SCOPED(buf_fini) struct buf text = {.p = NULL};
    SCOPED(arena_fini) struct arena scratch;
    struct str body = g->http->body;

    arena_init(&scratch, &g->push->budget);
    if (g->is_protobuf) {
        if (proto_families_to_text(body, &scratch, &text, &g->err) < 0)
            return -1;
        body = buf_str(&text);
    }
    return group_body_read(body, &g->key, &g->push->budget, &g->arena, out, &g->err);
}

static void run(struct lane_job *job)
{
    struct group_push *g = CONTAINER_OF(job, struct group_push, job);
    struct push_groups *groups = g->push->groups;
    struct group_body body = {.n = 0};

    if (g->is_delete) {
        push_groups_delete(groups, &g->key);
        return;
    }
    g->failed = read_body(g, &body);
    if (g->failed < 0)
        return;
    g->parsed = true;
    g->failed = push_groups_push(groups, &g->key, &body, g->how, g->now, &g->err);
    group_body_fini(&body);
}

static void answer(struct group_push *g, int status, const char *text)
{
    if (!g->gone && status < 300)
        http_reply(g->http, status, TEXT, STR(""));
    else if (!g->gone)
        http_reply_error(g->http, status, arena_cstr(g->http->arena, str_c(text), NULL));
    http_release(g->http);
    g->push->under_way--;
    arena_fini(&g->arena);
    mem_free(g);
}

static void answer_failed(struct group_push *g)
{
    struct push_stats *stats = &g->push->stats;
    char text[600], words[700];

    (void)err_format(&g->err, text, sizeof text);
    switch (g->err.kind) {
    case ERR_SYNTAX:
        stats->malformed++;
        answer(g, 400, text);
        break;
    case ERR_TYPE:
        stats->inconsistent++;
        (void)snprintf(words, sizeof words,
                       "pushed metrics are invalid or inconsistent with existing metrics: %s",
                       text);
        log_warn(g->push->context.log, "push", "%s: %s", g->http->peer, words);
        answer(g, 400, words);
        break;
    case ERR_CANCELLED:
    case ERR_BUSY:
        stats->unavailable++;
        answer(g, 503, text);
        break;
    default:
        stats->limited++;
        log_warn(g->push->context.log, "push", "%s: a push is refused: %s", g->http->peer, text);
        answer(g, 413, text);
        break;
    }
}

static void done(struct lane_job *job)
{
    struct group_push *g = CONTAINER_OF(job, struct group_push, job);

    if (!job->was_run)
        g->failed = err_set(&g->err, ERR_CANCELLED, "earshot is stopping");
    if (job->was_run && (g->parsed || g->is_delete))
        push_expose(g->push); /* a group whose first push is refused has its times */
    if (g->failed < 0) {
        answer_failed(g);
    } else if (g->is_delete) {
        g->push->stats.deletes++;
        answer(g, 202, NULL);
    } else {
        g->push->stats.pushes++;
        answer(g, 200, NULL);
    }
}

static void on_gone(void *arg)
{
    struct group_push *g = arg;

    g->gone = true;
}

static bool is_protobuf(const struct http_request *r)
{
    struct str type = http_header(r, "content-type"), media;

    media = str_trim(str_split(&type, ';'));
    return media.n == 31 && strncasecmp(media.p, "application/vnd.google.protobuf", 31) == 0;
}

/* The only way of putting several messages into a body that is read here, and sent by clients. */
static bool is_delimited(const struct http_request *r)
{
    struct str type = http_header(r, "content-type");

    (void)str_split(&type, ';');
    while (type.p)
        if (str_eq(str_trim(str_split(&type, ';')), STR("encoding=delimited")))
            return true;
    return false;
}

void push_group_handle(struct http_request *r, void *arg)
{
    struct push *p = arg;
    struct group_push *g;

    if (!p->settings->pushgateway) {
        http_reply_error(r, 404, "collect.push.pushgateway is false in earshot.yml");
        return;
    }
    if (is_protobuf(r) && !is_delimited(r)) {
        p->stats.malformed++;
        http_reply_error(r, 415,
                         "of protobuf only encoding=delimited is read; or push the text "
                         "format");
        return;
    }
    g = mem_new(struct group_push);
    g->push = p;
    g->http = r;
    g->job.run = run;
    g->job.done = done;
    g->is_protobuf = is_protobuf(r);
    g->is_delete = str_eq(r->method, STR("DELETE"));
    g->how = str_eq(r->method, STR("PUT")) ? GROUPS_PUT : GROUPS_POST;
    g->now = p->context.clock->wall_ms(p->context.clock);
    arena_init(&g->arena, &p->budget);
    http_hold(r);
    p->under_way++;
    if (group_key_read(r->raw_path, &g->arena, &g->key, &g->err) < 0 ||
        lanes_submit(p->context.lanes, LANE_PARSE, &g->job, &g->err) < 0) {
        if (g->err.kind == ERR_LIMIT)
            g->err.kind = ERR_BUSY; /* the lane's queue */
        answer_failed(g);
        return;
    }
    r->on_gone = on_gone;
    r->on_gone_arg = g;
}
