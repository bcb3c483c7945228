#include "sys/sock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/str.h"

#define BACKLOG  512
#define UDP_ROOM (1 << 20) /* the kernel may give less (net.core.rmem_max) */

static int parse_port(struct str s, uint16_t *out)
{
    unsigned port = 0;

    if (s.n == 0 || s.n > 5)
        return -1;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return -1;
        port = port * 10 + (unsigned)(s.p[i] - '0');
    }
    if (port > UINT16_MAX)
        return -1;
    *out = (uint16_t)port;
    return 0;
}

static int bad_address(const char *text, struct err *err)
{
    return err_set(err, ERR_SYNTAX,
                   "listen: \"%s\" is not an address with a port; write 127.0.0.1:3277 or "
                   "[::1]:3277",
                   text);
}

int sock_parse(const char *text, struct sock_address *out, struct err *err)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    const char *colon = strrchr(text, ':');
    struct str host;
    char name[SOCK_TEXT_BYTES];
    uint16_t port;
    struct sock_address a = {.length = 0};

    if (!colon || parse_port(str_c(colon + 1), &port) < 0)
        return bad_address(text, err);
    host = (struct str){text, (size_t)(colon - text)};
    if (host.n >= sizeof name)
        return bad_address(text, err);
    if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        (void)memcpy(name, host.p + 1, host.n - 2), name[host.n - 2] = '\0';
    else
        (void)memcpy(name, host.p, host.n), name[host.n] = '\0';
    v4.sin_port = v6.sin6_port = htons(port);
    if (!host.n) {
        v6.sin6_addr = in6addr_any;
    } else if (host.p[0] == '[') {
        if (inet_pton(AF_INET6, name, &v6.sin6_addr) != 1)
            return bad_address(text, err);
    } else {
        if (inet_pton(AF_INET, strcmp(name, "localhost") == 0 ? "127.0.0.1" : name, &v4.sin_addr) !=
            1)
            return bad_address(text, err);
        memcpy(&a.storage, &v4, sizeof v4);
        a.length = sizeof v4;
        *out = a;
        return 0;
    }
    memcpy(&a.storage, &v6, sizeof v6);
    a.length = sizeof v6;
    *out = a;
    return 0;
}

void sock_host_text(const struct sock_address *a, char out[SOCK_TEXT_BYTES])
{
    out[0] = '\0';
    if (a->storage.ss_family == AF_INET) {
        struct sockaddr_in v4;

        memcpy(&v4, &a->storage, sizeof v4);
        (void)inet_ntop(AF_INET, &v4.sin_addr, out, SOCK_TEXT_BYTES);
    } else if (a->storage.ss_family == AF_INET6) {
        struct sockaddr_in6 v6;

        memcpy(&v6, &a->storage, sizeof v6);
        if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
            (void)inet_ntop(AF_INET, v6.sin6_addr.s6_addr + 12, out, SOCK_TEXT_BYTES);
        else
            (void)inet_ntop(AF_INET6, &v6.sin6_addr, out, SOCK_TEXT_BYTES);
    }
}

bool sock_is_loopback(const struct sock_address *a)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    memcpy(&v4, &a->storage, sizeof v4);
    memcpy(&v6, &a->storage, sizeof v6);
    if (a->storage.ss_family == AF_INET)
        return ntohl(v4.sin_addr.s_addr) >> 24 == 127;
    return a->storage.ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

/* Of all addresses of its family; those of IPv6 are those of IPv4 too. */
static bool is_any(const struct sock_address *a)
{
    char text[SOCK_TEXT_BYTES];

    sock_host_text(a, text);
    return strcmp(text, "::") == 0 || strcmp(text, "0.0.0.0") == 0;
}

static uint16_t port_of(const struct sock_address *a)
{
    struct sockaddr_in v4; /* the port stands at the same place in both */

    memcpy(&v4, &a->storage, sizeof v4);
    return ntohs(v4.sin_port);
}

bool sock_overlap(const struct sock_address *a, const struct sock_address *b)
{
    char a_text[SOCK_TEXT_BYTES], b_text[SOCK_TEXT_BYTES];

    sock_host_text(a, a_text);
    sock_host_text(b, b_text);
    return port_of(a) == port_of(b) && (is_any(a) || is_any(b) || strcmp(a_text, b_text) == 0);
}

static int listen_error(int os, const char *text, struct err *err)
{
    switch (os) {
    case EADDRINUSE:
        return err_set(err, ERR_OS,
                       "%s is in use by another program; stop it (`ss -ltnp` shows which one it "
                       "is), or set another port with `listen`",
                       text);
    case EACCES:
        return err_set(err, ERR_OS,
                       "%s: ports below 1024 need a right that this user has not; set another "
                       "port with `listen`",
                       text);
    case EADDRNOTAVAIL:
        return err_set(err, ERR_OS,
                       "%s: this machine has no such address; `ip addr` shows those it has", text);
    default:
        return err_os(err, os, "cannot listen on %s", text);
    }
}

int sock_listen(const struct sock_address *a, const char *text, int *fd, struct err *err)
{
    int family = a->storage.ss_family;
    int s = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1, off = 0, rc;

    if (s < 0)
        return listen_error(errno, text, err);
    (void)setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (family == AF_INET6)
        (void)setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(s, (const struct sockaddr *)&a->storage, a->length) < 0 || listen(s, BACKLOG) < 0) {
        rc = listen_error(errno, text, err);
        if (err)
            err->os = errno;
        sock_close(s);
        return rc;
    }
    *fd = s;
    return 0;
}

int sock_bind_udp(const struct sock_address *a, int *fd)
{
    int family = a->storage.ss_family;
    int s = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1, off = 0, room = UDP_ROOM, os;

    if (s < 0)
        return -1;
    if (family == AF_INET6)
        (void)setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    (void)setsockopt(s, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    (void)setsockopt(s, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
    if (bind(s, (const struct sockaddr *)&a->storage, a->length) < 0) {
        os = errno;
        sock_close(s);
        errno = os;
        return -1;
    }
    *fd = s;
    return 0;
}

ssize_t sock_receive(int fd, void *p, size_t n, uint32_t *lost)
{
    union {
        char bytes[CMSG_SPACE(sizeof(uint32_t))];
        struct cmsghdr align;
    } control;
    struct iovec part = {p, n};
    struct msghdr m = {.msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof control.bytes};
    struct cmsghdr *c;
    ssize_t got;

    do
        got = recvmsg(fd, &m, 0);
    while (got < 0 && errno == EINTR);
    c = got < 0 ? NULL : CMSG_FIRSTHDR(&m);
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL)
        memcpy(lost, CMSG_DATA(c), sizeof *lost);
    return got;
}

uint16_t sock_port(int fd)
{
    struct sockaddr_storage a = {.ss_family = AF_UNSPEC};
    socklen_t n = sizeof a;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    if (getsockname(fd, (struct sockaddr *)&a, &n) < 0)
        return 0;
    memcpy(&v4, &a, sizeof v4);
    memcpy(&v6, &a, sizeof v6);
    return a.ss_family == AF_INET ? ntohs(v4.sin_port)
                                  : (a.ss_family == AF_INET6 ? ntohs(v6.sin6_port) : 0);
}

int sock_accept(int listener, int *fd, struct sock_address *peer)
{
    struct sock_address a = {.length = sizeof a.storage};
    int on = 1, s;

    do
        s = accept4(listener, (struct sockaddr *)&a.storage, &a.length,
                    SOCK_NONBLOCK | SOCK_CLOEXEC);
    while (s < 0 && errno == EINTR);
    if (s < 0)
        return -1;
    (void)setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    *fd = s;
    *peer = a;
    return 0;
}

int sock_connect(const struct sock_address *a, int *fd)
{
    int s = socket(a->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int os;

    if (s < 0)
        return -1;
    if (connect(s, (const struct sockaddr *)&a->storage, a->length) < 0 && errno != EINPROGRESS &&
        errno != EINTR) {
        os = errno;
        sock_close(s);
        errno = os;
        return -1;
    }
    *fd = s;
    return 0;
}

int sock_error(int fd)
{
    int os = 0;
    socklen_t n = sizeof os;

    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &os, &n) < 0 ? errno : os;
}

ssize_t sock_read(int fd, void *p, size_t n)
{
    ssize_t got;

    do
        got = recv(fd, p, n, 0);
    while (got < 0 && errno == EINTR);
    return got;
}

ssize_t sock_write(int fd, const struct iovec *parts, size_t n)
{
    struct msghdr m = {.msg_iov = (struct iovec *)parts, .msg_iovlen = n};
    ssize_t sent;

    do
        sent = n == 1 ? send(fd, parts->iov_base, parts->iov_len, MSG_NOSIGNAL)
                      : sendmsg(fd, &m, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent;
}

void sock_close(int fd)
{
    if (fd >= 0)
        (void)close(fd); /* after EINTR the descriptor is closed too, on Linux */
}

void sock_reset_on_close(int fd)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

void sock_end(int fd)
{
    (void)shutdown(fd, SHUT_WR);
}
