/* test_server: a server on a port of its own and clients on the same thread, for test_*.c here.
 *
 * Loopback delivers at once, so turning the loop until nothing moves is deterministic. Time only
 * moves when a test moves the manual clock and calls server_tick.
 */
#ifndef HTTP_TEST_SERVER_H
#define HTTP_TEST_SERVER_H

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/test.h"
#include "http/conn.h"
#include "http/server.h"

#define CLIENT_BYTES (8u << 20)

struct fixture {
    struct loop *loop;
    struct manual_clock clock;
    struct budget budget;
    struct http_server *server;
    char *got; /* what the last reading brought, NUL behind it */
    size_t got_n;
    bool ended; /* the server closed */
    void *own;  /* of the test */
};

static inline void server_start(struct fixture *f, struct http_settings settings)
{
    struct err err;

    settings.listen = settings.listen ? settings.listen : "127.0.0.1:0";
    settings.clock = &f->clock.clock;
    settings.budget = &f->budget;
    assert_ok(http_server_new(f->loop, &settings, &f->server, &err), err);
}

static inline int set_up(void **state)
{
    struct fixture *f = mem_new(struct fixture);
    struct err err;

    *state = f;
    assert_ok(loop_new(&f->loop, &err), err);
    manual_clock_init(&f->clock, 1795301961123);
    budget_init(&f->budget, "request memory", 256u << 20, NULL);
    f->got = mem_new_array(char, CLIENT_BYTES);
    server_start(f, (struct http_settings){0});
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *f = *state;

    http_server_free(f->server);
    loop_free(f->loop);
    assert_int_equal(f->budget.used_bytes, 0); /* nothing of a request is left */
    mem_free(f->got);
    mem_free(f);
    return 0;
}

/* Starts again with other settings. */
static inline void restart(struct fixture *f, struct http_settings settings)
{
    http_server_free(f->server);
    server_start(f, settings);
}

static inline void turn(struct fixture *f)
{
    for (int i = 0; i < 6; i++)
        (void)uv_run(loop_uv(f->loop), UV_RUN_NOWAIT);
}

static inline int client_open(struct fixture *f)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons(http_server_port(f->server)),
                            .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    /* Else the kernel holds single bytes back. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    turn(f);
    return fd;
}

static inline void client_send(struct fixture *f, int fd, const void *p, size_t n)
{
    const char *at = p;

    while (n) {
        ssize_t sent = send(fd, at, n, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (sent < 0 && errno != EAGAIN)
            return; /* the server has closed: what it said shows in client_read */
        if (sent > 0) {
            at += sent;
            n -= (size_t)sent;
        }
        turn(f);
    }
}

static inline void client_say(struct fixture *f, int fd, const char *text)
{
    client_send(f, fd, text, strlen(text));
}

/* Reads until nothing comes any more. */
static inline void client_read(struct fixture *f, int fd)
{
    f->got_n = 0;
    f->ended = false;
    for (int quiet = 0; quiet < 3;) {
        ssize_t n = recv(fd, f->got + f->got_n, CLIENT_BYTES - 1 - f->got_n, MSG_DONTWAIT);

        if (n > 0) {
            f->got_n += (size_t)n;
            quiet = 0;
        } else if (n == 0 || errno != EAGAIN) {
            f->ended = true;
            break;
        } else {
            quiet++;
        }
        turn(f);
    }
    f->got[f->got_n] = '\0';
}

/* Sends raw bytes on a connection of its own and leaves the answer in f->got. */
static inline void ask_bytes(struct fixture *f, const char *p, size_t n)
{
    int fd = client_open(f);

    client_send(f, fd, p, n);
    client_read(f, fd);
    (void)close(fd);
    turn(f);
}

static inline void ask(struct fixture *f, const char *raw)
{
    ask_bytes(f, raw, strlen(raw));
}

static inline int got_status(const struct fixture *f)
{
    return strncmp(f->got, "HTTP/1.1 ", 9) == 0 ? atoi(f->got + 9) : 0;
}

static inline const char *got_body(const struct fixture *f)
{
    const char *end = strstr(f->got, "\r\n\r\n");

    return end ? end + 4 : "";
}

static inline void assert_got(const struct fixture *f, const char *words)
{
    if (!strstr(f->got, words))
        fail_msg("\"%s\" is not in:\n%s", words, f->got);
}

static inline void assert_not_got(const struct fixture *f, const char *words)
{
    if (strstr(f->got, words))
        fail_msg("\"%s\" is in:\n%s", words, f->got);
}

#define HOST "Host: localhost\r\n"

#endif
