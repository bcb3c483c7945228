/* Whole requests through the whole server, over a socket pair: the first byte says in pieces of how
 * many bytes. Whatever comes, each answer is HTTP, and no memory of a request is left behind. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/err.h"
#include "http/conn.h"
#include "http/server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void answer(struct http_request *r, void *arg)
{
    struct http_param *params;
    struct err err;
    size_t n;

    (void)arg;
    assert(r->path.p[0] == '/');
    if (http_params(r, &params, &n, &err) < 0)
        http_reply_error(r, 400, "bad parameters");
    else
        http_reply(r, 200, "text/plain", r->body);
}

static void turn(struct loop *l)
{
    for (int i = 0; i < 3; i++)
        (void)uv_run(loop_uv(l), UV_RUN_NOWAIT);
}

static void read_answers(int fd)
{
    static char got[1u << 20];
    ssize_t n = recv(fd, got, sizeof got, MSG_DONTWAIT);

    assert(n < 9 || memcmp(got, "HTTP/1.1 ", 9) == 0);
}

struct once {
    struct loop *loop;
    struct http_server *server;
    struct manual_clock clock;
    struct budget budget;
};

static struct once *once(void)
{
    static struct once o;
    static const struct http_route routes[] = {
        {.path = "/a", .methods = HTTP_GET | HTTP_POST, .body_max = 1000, .handler = answer},
        {.path = "/b/*", .methods = HTTP_PUT, .body_max = 10, .handler = answer}};
    struct http_settings settings = {
        .listen = "127.0.0.1:0", .clock = &o.clock.clock, .budget = &o.budget};
    struct err err;

    if (o.server)
        return &o;
    manual_clock_init(&o.clock, 1000);
    budget_init(&o.budget, "request memory", 1u << 20, NULL);
    if (loop_new(&o.loop, &err) < 0 || http_server_new(o.loop, &settings, &o.server, &err) < 0)
        abort();
    http_server_route(o.server, &routes[0]);
    http_server_route(o.server, &routes[1]);
    return &o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct sock_address nobody;
    struct once *o = once();
    size_t step;
    int ends[2];

    if (size < 1 || size > 20000)
        return 0;
    step = data[0] ? data[0] * (size_t)data[0] : size;
    if (size / step > 100)
        step = size / 100 + 1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0)
        abort();
    conn_new(o->server, ends[0], &nobody);
    for (size_t at = 1; at < size; at += step) {
        if (send(ends[1], data + at, size - at < step ? size - at : step, MSG_NOSIGNAL) < 0)
            break;
        turn(o->loop);
    }
    read_answers(ends[1]);
    (void)close(ends[1]);
    turn(o->loop);
    assert(http_server_stats(o->server).connections == 0);
    assert(o->budget.used_bytes == 0);
    return 0;
}
