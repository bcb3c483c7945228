#include "http/conn.h"

#include <assert.h>
#include <errno.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "sys/watch.h"

static void list_remove(struct conn *c)
{
    __typeof__(c->s->lists[0]) *l = &c->s->lists[c->list];

    *(c->prev ? &c->prev->next : &l->first) = c->next;
    *(c->next ? &c->next->prev : &l->last) = c->prev;
}

static void list_append(struct conn *c, enum conn_list list)
{
    __typeof__(c->s->lists[0]) *l = &c->s->lists[list];

    c->list = list;
    c->prev = l->last;
    c->next = NULL;
    *(c->prev ? &c->prev->next : &l->first) = c;
    l->last = c;
}

void conn_list_move(struct conn *c, enum conn_list list)
{
    c->since_ns = server_now_ns(c->s);
    list_remove(c);
    list_append(c, list);
}

static void on_events(void *arg, unsigned events);

/* Between requests and while one is answered alike: changing what is watched costs two calls of the
 * kernel, which is much beside a small answer. */
#define WATCH_INPUT (WATCH_READ | WATCH_GONE)

void conn_new(struct http_server *s, int fd, const struct sock_address *peer)
{
    struct conn *c = mem_new(struct conn);
    struct err err;

    if (watch_new(s->loop, fd, on_events, c, &c->watch, &err) < 0) {
        log_warn(s->settings.log, "http", "%s", err.text);
        sock_close(fd);
        mem_free(c);
        return;
    }
    c->s = s;
    c->fd = fd;
    sock_host_text(peer, c->peer);
    c->since_ns = server_now_ns(s);
    list_append(c, LIST_IDLE);
    s->stats.connections++;
    watch_set(c->watch, WATCH_INPUT);
    server_arm_tick(s);
}

static void unpin(struct conn *c)
{
    if (--c->pins == 0 && c->closed)
        mem_free(c);
}

/* The client is not there any more, or we are not for it. x is pinned: its body's close and on_gone
 * may release it. */
static void drop_exchange(struct conn *c)
{
    struct exchange *x = take(c->x);

    if (!x)
        return;
    x->conn = NULL;
    x->holds++;
    if (x->gen)
        x->gen->close(take(x->gen));
    if (x->dispatched && !x->answered && x->r.on_gone)
        take(x->r.on_gone)(x->r.on_gone_arg);
    http_release(&x->r);
}

void conn_close(struct conn *c)
{
    struct http_server *s = c->s;

    if (c->closed)
        return;
    c->closed = true;
    c->pins++;
    watch_free(c->watch);
    sock_close(c->fd);
    if (c->x)
        s->stats.aborted++;
    drop_exchange(c);
    list_remove(c);
    buf_fini(&c->in);
    buf_fini(&c->out);
    s->stats.connections--;
    unpin(c);
    server_conn_gone(s);
}

/* Ends our side and waits a little for the client's end: closing with unread bytes would reset the
 * connection, and the client might never see the answer. */
static void start_linger(struct conn *c)
{
    c->linger = true;
    buf_fini(&c->in);
    sock_end(c->fd);
    conn_list_move(c, LIST_LINGER);
    watch_set(c->watch, WATCH_READ);
}

/* What to wait for now, by the state conn_run has left. */
static void settle(struct conn *c, enum send_result sent)
{
    struct exchange *x = c->x;

    if (c->closed || c->linger)
        return;
    if (sent == SEND_BLOCKED) {
        /* Not WATCH_GONE: a client that has ended its side may still read. */
        watch_set(c->watch, WATCH_WRITE);
        if (c->list != LIST_STALLED)
            conn_list_move(c, LIST_STALLED);
        return;
    }
    if (c->close_after && !x) {
        start_linger(c);
        return;
    }
    if (sent == SEND_WAITS || (x && x->dispatched)) {
        watch_set(c->watch, c->ahead ? WATCH_GONE : WATCH_INPUT);
        if (c->list != LIST_BUSY)
            conn_list_move(c, LIST_BUSY);
        return;
    }
    if (x && x->unzip) {
        watch_set(c->watch, 0); /* woken by the loop's message */
        return;
    }
    c->ahead = false;
    watch_set(c->watch, WATCH_INPUT);
    if (x) {
        if (c->list != LIST_BODY)
            conn_list_move(c, LIST_BODY);
    } else if (c->in.n) {
        if (c->list != LIST_HEAD)
            conn_list_move(c, LIST_HEAD);
    } else {
        conn_list_move(c, LIST_IDLE);
    }
}

/* Keeps what was not taken. `rest` may be part of c->in itself. */
static void keep_rest(struct conn *c, struct str rest)
{
    if (!rest.n) {
        buf_fini(&c->in);
    } else if (c->in.n) {
        memmove(c->in.p, rest.p, rest.n);
        c->in.n = rest.n;
    } else {
        buf_add(&c->in, rest);
    }
}

void conn_run(struct conn *c, struct str fresh)
{
    enum send_result sent;
    struct str in = fresh;

    assert(!c->running);
    if (c->closed || c->linger)
        return;
    c->pins++;
    c->running = true;
    if (c->in.n) {
        buf_add(&c->in, fresh);
        in = buf_str(&c->in);
    }
    for (;;) {
        sent = send_run(c);
        if (sent != SEND_DONE || (c->x ? c->x->dispatched : c->close_after))
            break;
        if (!request_take(c, &in) || c->closed)
            break;
    }
    c->running = false;
    if (!c->closed) {
        keep_rest(c, in);
        settle(c, sent);
    }
    unpin(c);
}

/* Of a connection that lingers: reads and forgets. */
static void drop_input(struct conn *c)
{
    ssize_t n = sock_read(c->fd, c->s->read_buf, CONN_READ_BYTES);

    if (n == 0 || (n < 0 && errno != EAGAIN))
        conn_close(c);
}

static void read_input(struct conn *c)
{
    ssize_t n = sock_read(c->fd, c->s->read_buf, CONN_READ_BYTES);

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        conn_close(c);
        return;
    }
    c->s->stats.bytes_in += (uint64_t)n;
    conn_run(c, (struct str){c->s->read_buf, (size_t)n});
}

static void on_events(void *arg, unsigned events)
{
    struct conn *c = arg;

    if (c->linger) {
        drop_input(c);
    } else if (c->list == LIST_STALLED) {
        conn_run(c, (struct str){NULL, 0});
    } else if (c->list != LIST_BUSY) {
        read_input(c);
    } else if (events == WATCH_READ) {
        /* The next request is here before this one is answered: it waits in the socket. */
        c->ahead = true;
        watch_set(c->watch, WATCH_GONE);
    } else {
        conn_close(c); /* the client has gone */
    }
}
