#include "http/server.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/conn.h"
#include "sys/watch.h"

#define CONNECTIONS_MAX 1024u
#define ACCEPTS         64  /* in one turn of the loop */
#define RESUME_MS       100 /* after an accept that found no descriptor */
#define TICK_MS         500
/* The last descriptors of the process belong to the store: with fewer than the first number left,
 * each new connection costs the oldest idle one; with fewer than the second none is taken. */
#define SPARE_FDS_LOW 16u
#define SPARE_FDS_MIN 4u

static const int64_t lifetimes_ms[LISTS] = {
    [LIST_IDLE] = 300000, [LIST_HEAD] = 10000,    [LIST_BODY] = 60000,
    [LIST_BUSY] = 0,      [LIST_STALLED] = 60000, [LIST_LINGER] = 2000,
};

int64_t server_now_ns(const struct http_server *s)
{
    return s->settings.clock->mono_ns(s->settings.clock);
}

static void on_tick(void *arg)
{
    server_tick(arg);
}

void server_arm_tick(struct http_server *s)
{
    if (!s->tick)
        s->tick = loop_timer_new(s->loop, TICK_MS, TICK_MS, on_tick, s);
}

static void expire(struct conn *c)
{
    switch (c->list) {
    case LIST_HEAD:
    case LIST_BODY:
        request_timed_out(c);
        return;
    case LIST_STALLED:
        c->s->stats.timeouts++;
        conn_close(c);
        return;
    default:
        conn_close(c);
    }
}

void server_tick(struct http_server *s)
{
    int64_t now = server_now_ns(s);
    bool any = false;

    s->refs++; /* closing the last connection of a drain may free the server */
    for (int i = 0; i < LISTS; i++) {
        struct conn *c;

        /* An expired one leaves its list, so this ends. */
        while (lifetimes_ms[i] && (c = s->lists[i].first) &&
               now - c->since_ns >= lifetimes_ms[i] * 1000000)
            expire(c);
    }
    for (int i = 0; i < LISTS; i++)
        any |= s->lists[i].first != NULL;
    if (!any)
        loop_timer_free(take(s->tick));
    server_unref(s);
}

static bool close_oldest_idle(struct http_server *s)
{
    struct conn *c = s->lists[LIST_LINGER].first;

    if (!c)
        c = s->lists[LIST_IDLE].first;
    if (!c)
        return false;
    conn_close(c);
    return true;
}

static void on_resume(void *arg)
{
    struct http_server *s = arg;

    loop_timer_free(take(s->resume));
    if (s->listener_watch)
        watch_set(s->listener_watch, WATCH_READ);
}

/* The backlog keeps those who wait; a loop that asks again and again would only burn the CPU. */
static void pause_accepting(struct http_server *s)
{
    watch_set(s->listener_watch, 0);
    if (!s->resume)
        s->resume = loop_timer_new(s->loop, RESUME_MS, 0, on_resume, s);
}

static bool is_exhausted(int os)
{
    return os == EMFILE || os == ENFILE || os == ENOBUFS || os == ENOMEM;
}

/* Makes room for a connection that was accepted as `fd`; false: there is none to be had. */
static bool make_room(struct http_server *s, int fd)
{
    unsigned max = s->settings.connections_max ? s->settings.connections_max : CONNECTIONS_MAX;
    struct rlimit files;

    if (s->stats.connections >= max)
        return close_oldest_idle(s);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur != RLIM_INFINITY &&
        (rlim_t)fd + SPARE_FDS_LOW >= files.rlim_cur)
        return close_oldest_idle(s) || (rlim_t)fd + SPARE_FDS_MIN < files.rlim_cur;
    return true;
}

static void on_listener(void *arg, unsigned events)
{
    struct http_server *s = arg;

    (void)events;
    for (int i = 0; i < ACCEPTS; i++) {
        struct sock_address peer;
        int fd;

        if (sock_accept(s->listener, &fd, &peer) < 0) {
            if (errno == EAGAIN)
                return;
            if (!is_exhausted(errno))
                continue; /* that one has gone again; the next may not */
            if (!close_oldest_idle(s)) {
                pause_accepting(s);
                return;
            }
            continue;
        }
        if (make_room(s, fd)) {
            conn_new(s, fd, &peer);
        } else {
            s->stats.aborted++;
            sock_close(fd);
        }
    }
}

static void on_wake(struct loop_message *m)
{
    struct http_server *s = CONTAINER_OF(m, struct http_server, wake_message);
    struct exchange *x = s->wake;

    s->wake = NULL;
    s->wake_last = &s->wake;
    s->wake_posted = false;
    while (x) {
        struct exchange *next = x->next;

        x->to_wake = false;
        if (x->conn && !x->conn->running)
            conn_run(x->conn, (struct str){NULL, 0});
        http_release(&x->r);
        x = next;
    }
    server_unref(s);
}

void server_wake(struct exchange *x)
{
    struct http_server *s = x->s;

    if (x->to_wake)
        return;
    x->to_wake = true;
    http_hold(&x->r);
    x->next = NULL;
    *s->wake_last = x;
    s->wake_last = &x->next;
    if (s->wake_posted)
        return;
    s->wake_posted = true;
    s->refs++;
    loop_post(s->loop, &s->wake_message);
}

static int open_listener(struct http_server *s, const struct sock_address *a, struct err *err)
{
    if (sock_listen(a, s->listen, &s->listener, err) < 0)
        return -1;
    if (watch_new(s->loop, s->listener, on_listener, s, &s->listener_watch, err) < 0)
        return -1;
    watch_set(s->listener_watch, WATCH_READ);
    return 0;
}

static void close_listener(struct http_server *s)
{
    watch_free(take(s->listener_watch));
    sock_close(s->listener);
    s->listener = -1;
    loop_timer_free(take(s->resume));
}

int http_server_new(struct loop *loop, const struct http_settings *settings,
                    struct http_server **out, struct err *err)
{
    struct http_server *s;
    struct sock_address a;
    char host[SOCK_TEXT_BYTES];
    bool all;

    if (sock_parse(settings->listen, &a, err) < 0)
        return -1;
    sock_host_text(&a, host);
    all = strcmp(host, "::") == 0 || strcmp(host, "0.0.0.0") == 0;
    s = mem_new(struct http_server);
    s->loop = loop;
    s->settings = *settings;
    s->listen = mem_strdup(settings->listen);
    s->settings.listen = s->listen;
    s->listener = -1;
    s->refs = 1;
    s->wake_message.run = on_wake;
    s->wake_last = &s->wake;
    s->read_buf = mem_new_array(char, CONN_READ_BYTES);
    routes_init(&s->routes);
    if (origin_init(&s->origin, host, all, settings->allowed_hosts, settings->allowed_hosts_n,
                    settings->external_url, err) < 0 ||
        open_listener(s, &a, err) < 0) {
        http_server_free(s);
        return -1;
    }
    *out = s;
    return 0;
}

void http_server_route(struct http_server *s, const struct http_route *route)
{
    routes_add(&s->routes, route);
}

void http_server_assets(struct http_server *s, const struct http_asset *assets, size_t n)
{
    for (size_t i = 0; i < n; i++)
        routes_add_asset(&s->routes, &assets[i]);
}

void http_server_fallback(struct http_server *s, http_handler handler, void *arg)
{
    s->fallback = handler;
    s->fallback_arg = arg;
}

uint16_t http_server_port(const struct http_server *s)
{
    return sock_port(s->listener);
}

struct http_stats http_server_stats(const struct http_server *s)
{
    return s->stats;
}

static void close_list(struct http_server *s, int list)
{
    while (s->lists[list].first)
        conn_close(s->lists[list].first);
}

void server_conn_gone(struct http_server *s)
{
    if (s->stats.connections || !s->drained)
        return;
    loop_timer_free(take(s->drain_timer));
    take(s->drained)(s->drained_arg); /* may free s */
}

static void on_drain_timer(void *arg)
{
    struct http_server *s = arg;

    s->refs++;
    for (int i = 0; i < LISTS; i++)
        close_list(s, i);
    server_conn_gone(s); /* there may have been none */
    server_unref(s);
}

void http_server_drain(struct http_server *s, int64_t ms, void (*done)(void *arg), void *arg)
{
    assert(!s->draining);
    s->draining = true;
    close_listener(s);
    close_list(s, LIST_IDLE);
    for (int i = 0; i < LISTS; i++)
        for (struct conn *c = s->lists[i].first; c; c = c->next) {
            c->close_after = true;
            if (c->x && c->x->gen && c->x->gen->endless)
                http_wake(&c->x->r);
        }
    s->drained = done;
    s->drained_arg = arg;
    s->drain_timer = loop_timer_new(s->loop, s->stats.connections ? ms : 0, 0, on_drain_timer, s);
}

void server_unref(struct http_server *s)
{
    if (--s->refs)
        return;
    while (s->spare) {
        struct exchange *x = s->spare;

        s->spare = x->next;
        mem_free(x);
    }
    mem_free(s);
}

void http_server_free(struct http_server *s)
{
    if (!s)
        return;
    s->drained = NULL;
    close_listener(s);
    for (int i = 0; i < LISTS; i++)
        close_list(s, i);
    loop_timer_free(take(s->tick));
    loop_timer_free(take(s->drain_timer));
    routes_fini(&s->routes);
    origin_fini(&s->origin);
    buf_fini(&s->spare_out);
    mem_free(s->read_buf);
    mem_free(s->listen);
    server_unref(s);
}
