#include "sys/talk.h"

#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <sys/un.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "sys/sock.h"
#include "sys/tls.h"

#define READ_BYTES 16384

struct talk {
    int fd;
    const struct clock *clock;
    struct tls *tls;    /* NULL: none */
    struct buf pending; /* of TLS, on its way out */
};

/* ---- waiting ---- */

static int too_late(struct err *err)
{
    return err_set(err, ERR_TIMEOUT, "no answer in time");
}

/* At least 1 ms, so that nothing spins; 0: it is over. */
static int left_ms(const struct clock *clock, int64_t deadline_ns)
{
    int64_t left = deadline_ns - clock->mono_ns(clock);

    if (left <= 0)
        return 0;
    left = left / 1000000 + 1;
    return left > INT_MAX ? INT_MAX : (int)left;
}

static int wait_for(int fd, short events, const struct clock *clock, int64_t deadline_ns,
                    struct err *err)
{
    struct pollfd p = {.fd = fd, .events = events};
    int ms, rc;

    do {
        ms = left_ms(clock, deadline_ns);
        rc = ms > 0 ? poll(&p, 1, ms) : 0;
    } while (rc < 0 && errno == EINTR);
    if (rc < 0)
        return err_os(err, errno, "poll");
    return rc == 0 ? too_late(err) : 0;
}

static int broken(int os, struct err *err)
{
    if (os == ECONNRESET || os == EPIPE)
        return err_set(err, ERR_OS, "the other side has cut the connection");
    return err_os(err, os, "the connection broke");
}

/* ---- bytes as they are ---- */

static int send_all(struct talk *s, const char *p, size_t n, int64_t deadline_ns, struct err *err)
{
    while (n > 0) {
        struct iovec part = {(void *)p, n};
        ssize_t sent = sock_write(s->fd, &part, 1);

        if (sent < 0 && (errno == EPIPE || errno == ECONNRESET))
            return 0; /* what the peer said last may tell why: reading comes to that */
        if (sent < 0 && errno != EAGAIN)
            return broken(errno, err);
        if (sent < 0 && wait_for(s->fd, POLLOUT, s->clock, deadline_ns, err) < 0)
            return -1;
        p += sent < 0 ? 0 : sent;
        n -= sent < 0 ? 0 : (size_t)sent;
    }
    return 0;
}

/* Once even when the deadline is over: what has come already counts. */
static int receive(struct talk *s, void *p, size_t cap, size_t *got, int64_t deadline_ns,
                   struct err *err)
{
    for (;;) {
        ssize_t n = sock_read(s->fd, p, cap);

        if (n >= 0) {
            *got = (size_t)n;
            return 0;
        }
        if (errno != EAGAIN)
            return broken(errno, err);
        if (wait_for(s->fd, POLLIN, s->clock, deadline_ns, err) < 0)
            return -1;
    }
}

/* ---- TLS ---- */

static int flush(struct talk *s, int64_t deadline_ns, struct err *err)
{
    int rc;

    buf_reset(&s->pending);
    tls_pending(s->tls, &s->pending);
    rc = send_all(s, buf_str(&s->pending).p, s->pending.n, deadline_ns, err);
    return rc;
}

/* More of the peer's bytes for TLS. 1: the peer has closed. */
static int fill(struct talk *s, int64_t deadline_ns, struct err *err)
{
    char part[READ_BYTES];
    size_t n;

    if (flush(s, deadline_ns, err) < 0 || receive(s, part, sizeof part, &n, deadline_ns, err) < 0)
        return -1;
    tls_feed(s->tls, part, n);
    return n == 0;
}

static int shake_hands(struct talk *s, int64_t deadline_ns, struct err *err)
{
    enum tls_step step;

    while ((step = tls_handshake(s->tls, err)) == TLS_WANTS) {
        int rc = fill(s, deadline_ns, err);

        if (rc < 0)
            return err_context(err, "TLS handshake");
        if (rc > 0)
            return err_set(err, ERR_EVAL,
                           "TLS handshake: the other side has closed; perhaps it does not speak "
                           "TLS");
    }
    if (step == TLS_DONE)
        return flush(s, deadline_ns, err);
    (void)flush(s, s->clock->mono_ns(s->clock), &(struct err){.kind = ERR_NONE}); /* the alert */
    return step == TLS_ENDED ? err_set(err, ERR_EVAL, "the other side has ended the TLS handshake")
                             : -1;
}

static int read_tls(struct talk *s, void *p, size_t cap, size_t *got, int64_t deadline_ns,
                    struct err *err)
{
    enum tls_step step;

    while ((step = tls_read(s->tls, p, cap, got, err)) == TLS_WANTS) {
        int rc = fill(s, deadline_ns, err);

        if (rc < 0)
            return -1;
        if (rc > 0) {
            *got = 0;
            return 0;
        }
    }
    if (step == TLS_ENDED)
        *got = 0;
    return step == TLS_FAILED ? -1 : 0;
}

int talk_read(struct talk *s, void *p, size_t cap, size_t *got, int64_t deadline_ns,
              struct err *err)
{
    if (s->tls)
        return read_tls(s, p, cap, got, deadline_ns, err);
    return receive(s, p, cap, got, deadline_ns, err);
}

int talk_write(struct talk *s, const void *p, size_t n, int64_t deadline_ns, struct err *err)
{
    if (!s->tls)
        return send_all(s, p, n, deadline_ns, err);
    if (n == 0)
        return 0;
    if (tls_write(s->tls, p, n, err) != TLS_DONE)
        return -1;
    return flush(s, deadline_ns, err);
}

/* ---- connecting ---- */

static int connect_error(int os, struct err *err)
{
    switch (os) {
    case ECONNREFUSED:
        return err_set(err, ERR_OS, "the connection is refused: nothing listens there");
    case ENOENT:
        return err_set(err, ERR_OS, "there is no such socket");
    case EACCES:
        return err_set(err, ERR_OS, "this user may not open the socket");
    case EHOSTUNREACH:
    case ENETUNREACH:
        return err_set(err, ERR_OS, "no way leads to that address");
    default:
        return err_os(err, os, "cannot connect");
    }
}

static int connect_to(struct talk *s, const struct sock_address *address, int64_t deadline_ns,
                      struct err *err)
{
    int os;

    if (sock_connect(address, &s->fd) < 0)
        return connect_error(errno, err);
    if (wait_for(s->fd, POLLOUT, s->clock, deadline_ns, err) == 0) {
        os = sock_error(s->fd);
        if (os == 0)
            return 0;
        (void)connect_error(os, err);
    } else if (err->kind == ERR_TIMEOUT) {
        (void)err_set(err, ERR_TIMEOUT, "the connection was not accepted in time");
    }
    sock_close(s->fd);
    s->fd = -1;
    return -1;
}

static int connect_unix(struct talk *s, const char *path, int64_t deadline_ns, struct err *err)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct sock_address address = {.length = sizeof un};

    if (strlen(path) >= sizeof un.sun_path)
        return err_set(err, ERR_LIMIT, "the path of a Unix socket has at most %zu bytes",
                       sizeof un.sun_path - 1);
    (void)snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
    memcpy(&address.storage, &un, sizeof un);
    return connect_to(s, &address, deadline_ns, err);
}

static int connect_tcp(struct talk *s, const struct talk_place *place, int64_t deadline_ns,
                       struct err *err)
{
    static const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *all;
    char port[8];
    int64_t n = 0;
    int rc;

    (void)snprintf(port, sizeof port, "%u", (unsigned)place->port);
    rc = getaddrinfo(place->host, port, &hints, &all);
    if (rc != 0)
        return err_set(err, ERR_EVAL, "the name cannot be looked up: %s", gai_strerror(rc));
    for (const struct addrinfo *at = all; at; at = at->ai_next)
        n++;
    rc = err_set(err, ERR_EVAL, "the name has no address");
    for (const struct addrinfo *at = all; at && rc < 0; at = at->ai_next, n--) {
        int64_t now = s->clock->mono_ns(s->clock);
        struct sock_address address = {.length = at->ai_addrlen};

        memcpy(&address.storage, at->ai_addr, at->ai_addrlen);
        rc = connect_to(s, &address, now + (deadline_ns - now) / n, err); /* each its share */
    }
    freeaddrinfo(all);
    return rc;
}

int talk_open(const struct talk_place *place, const struct tls_settings *tls,
              const struct clock *clock, int64_t deadline_ns, struct talk **out, struct err *err)
{
    struct talk *s = mem_new(struct talk);

    s->fd = -1;
    s->clock = clock;
    buf_init(&s->pending, 0); /* as long as what is written */
    if ((place->host ? connect_tcp(s, place, deadline_ns, err)
                     : connect_unix(s, place->path, deadline_ns, err)) < 0 ||
        (tls && (tls_new(tls, place->host ? place->host : "localhost", &s->tls, err) < 0 ||
                 shake_hands(s, deadline_ns, err) < 0))) {
        talk_close(s);
        return -1;
    }
    *out = s;
    return 0;
}

void talk_close(struct talk *s)
{
    if (!s)
        return;
    tls_free(s->tls);
    sock_close(s->fd);
    if (s->pending.p)
        explicit_bzero(s->pending.p, s->pending.cap);
    buf_fini(&s->pending);
    mem_free(s);
}
