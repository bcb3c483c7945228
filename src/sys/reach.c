#include "sys/reach.h"

#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/err.h"
#include "sys/secret.h"

#define ECHO_BYTES 32 /* behind the head of an echo; the first of them tell our echoes apart */
#define IP_MAX     1500

/* ---- looking up ---- */

static double seconds_since(const struct clock *clock, int64_t start_ns)
{
    return (double)(clock->mono_ns(clock) - start_ns) / 1e9;
}

int reach_look_up(const char *host, uint16_t port, const struct clock *clock,
                  struct reach_place *out, struct err *err)
{
    static const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    int64_t start_ns = clock->mono_ns(clock);
    struct addrinfo *all = NULL;
    char text[8];
    int rc;

    *out = (struct reach_place){.n = 0};
    (void)snprintf(text, sizeof text, "%u", (unsigned)port);
    rc = getaddrinfo(host, text, &hints, &all);
    out->lookup_s = seconds_since(clock, start_ns);
    if (rc != 0)
        return err_set(err, ERR_EVAL, "the name %.200s is not known (DNS): %s", host,
                       gai_strerror(rc));
    for (const struct addrinfo *at = all; at && out->n < REACH_ADDRESSES_MAX; at = at->ai_next) {
        struct sock_address *a = &out->addresses[out->n++];

        a->length = at->ai_addrlen;
        memcpy(&a->storage, at->ai_addr, at->ai_addrlen);
    }
    freeaddrinfo(all);
    return out->n ? 0 : err_set(err, ERR_EVAL, "the name %.200s has no address", host);
}

/* ---- waiting ---- */

static int wait_for(int fd, short events, const struct clock *clock, int64_t deadline_ns,
                    struct err *err)
{
    struct pollfd p = {.fd = fd, .events = events};
    int rc;

    do {
        int64_t left = deadline_ns - clock->mono_ns(clock);
        int ms = left <= 0                                ? 0
                 : left / 1000000 >= (int64_t)INT_MAX - 1 ? INT_MAX
                                                          : (int)(left / 1000000) + 1;

        rc = ms > 0 ? poll(&p, 1, ms) : 0;
    } while (rc < 0 && errno == EINTR);
    if (rc < 0)
        return err_os(err, errno, "poll");
    return rc == 0 ? err_set(err, ERR_TIMEOUT, "no answer in time") : 0;
}

static int broken(int os, struct err *err)
{
    switch (os) {
    case ECONNREFUSED:
        return err_set(err, ERR_OS, "the connection is refused: nothing listens there");
    case ECONNRESET:
    case EPIPE:
        return err_set(err, ERR_OS, "the other side has cut the connection");
    case EHOSTUNREACH:
    case ENETUNREACH:
        return err_set(err, ERR_OS, "no way leads to that address");
    default:
        return err_os(err, os, "the network");
    }
}

/* ---- TCP and UDP ---- */

static int connect_to(const struct sock_address *a, const struct clock *clock, int64_t deadline_ns,
                      int *fd, struct err *err)
{
    int os = 0;

    if (sock_connect(a, fd) < 0)
        return broken(errno, err);
    if (wait_for(*fd, POLLOUT, clock, deadline_ns, err) < 0)
        (void)err_set(err, ERR_TIMEOUT, "the connection was not accepted in time");
    else if ((os = sock_error(*fd)) != 0)
        (void)broken(os, err);
    else
        return 0;
    sock_close(*fd);
    return -1;
}

int reach_tcp(const struct reach_place *place, const struct clock *clock, int64_t deadline_ns,
              size_t *which, int *fd, struct err *err)
{
    for (size_t i = 0; i < place->n; i++) {
        int64_t now_ns = clock->mono_ns(clock), left_ns = deadline_ns - now_ns;
        /* One that does not answer must not take the time of the others. */
        int64_t until_ns = now_ns + left_ns / (int64_t)(place->n - i);

        *which = i;
        if (connect_to(&place->addresses[i], clock, until_ns, fd, err) == 0)
            return 0;
    }
    return -1;
}

int reach_udp(const struct sock_address *to, int *fd, struct err *err)
{
    int s = socket(to->storage.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (s < 0)
        return broken(errno, err);
    if (connect(s, (const struct sockaddr *)&to->storage, to->length) < 0) {
        (void)broken(errno, err);
        sock_close(s);
        return -1;
    }
    *fd = s;
    return 0;
}

int reach_write(int fd, struct str bytes, const struct clock *clock, int64_t deadline_ns,
                struct err *err)
{
    while (bytes.n) {
        struct iovec part = {(void *)(uintptr_t)bytes.p, bytes.n};
        ssize_t sent = sock_write(fd, &part, 1);

        if (sent < 0 && errno != EAGAIN)
            return broken(errno, err);
        if (sent < 0 && wait_for(fd, POLLOUT, clock, deadline_ns, err) < 0)
            return -1;
        bytes = str_skip(bytes, sent < 0 ? 0 : (size_t)sent);
    }
    return 0;
}

int reach_read(int fd, void *p, size_t cap, size_t *got, const struct clock *clock,
               int64_t deadline_ns, struct err *err)
{
    for (;;) {
        ssize_t n = sock_read(fd, p, cap);

        if (n >= 0) {
            *got = (size_t)n;
            return 0;
        }
        if (errno != EAGAIN)
            return broken(errno, err);
        if (wait_for(fd, POLLIN, clock, deadline_ns, err) < 0)
            return -1;
    }
}

/* ---- ICMP ---- */

/* Both families have the same eight bytes of head. */
struct echo {
    uint8_t type, code;
    uint16_t sum, id, sequence;
    unsigned char marks[ECHO_BYTES];
};
_Static_assert(sizeof(struct echo) == 8 + ECHO_BYTES, "no padding");

struct echo_socket {
    int fd;
    bool raw, v6;
};

static uint16_t sum_of(const void *p, size_t n)
{
    const unsigned char *at = p;
    uint32_t sum = 0;

    for (size_t i = 0; i + 1 < n; i += 2)
        sum += (uint32_t)at[i] << 8 | at[i + 1];
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return htons((uint16_t)~sum);
}

static int open_echo(const struct sock_address *to, struct echo_socket *s, struct err *err)
{
    const int how = SOCK_NONBLOCK | SOCK_CLOEXEC, on = 1;
    int protocol;

    s->v6 = to->storage.ss_family == AF_INET6;
    protocol = s->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
    s->raw = false;
    s->fd = socket(to->storage.ss_family, SOCK_DGRAM | how, protocol);
    if (s->fd < 0) {
        s->raw = true;
        s->fd = socket(to->storage.ss_family, SOCK_RAW | how, protocol);
    }
    if (s->fd < 0)
        return err_set(err, ERR_OS,
                       "this user may not send echo requests; run: sysctl -w "
                       "net.ipv4.ping_group_range=\"0 2147483647\"");
    if (s->v6)
        (void)setsockopt(s->fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &on, sizeof on);
    else
        (void)setsockopt(s->fd, IPPROTO_IP, IP_RECVTTL, &on, sizeof on);
    if (connect(s->fd, (const struct sockaddr *)&to->storage, to->length) == 0)
        return 0;
    (void)broken(errno, err);
    sock_close(s->fd);
    return -1;
}

static int hops_of(struct msghdr *m)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        int hops;

        if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL) ||
            (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT)) {
            memcpy(&hops, CMSG_DATA(c), sizeof hops);
            return hops;
        }
    }
    return -1;
}

/* A raw IPv4 socket gives the head of the packet too. */
static bool is_answer(const struct echo_socket *s, const unsigned char *p, size_t n,
                      const struct echo *sent)
{
    size_t skip = s->raw && !s->v6 && n > 0 ? (size_t)(p[0] & 15) * 4 : 0;
    struct echo got;

    if (n < skip + sizeof got)
        return false;
    memcpy(&got, p + skip, sizeof got);
    return got.type == (s->v6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY) &&
           memcmp(got.marks, sent->marks, sizeof got.marks) == 0;
}

static int await_echo(const struct echo_socket *s, const struct echo *sent,
                      const struct clock *clock, int64_t deadline_ns, int *hops, struct err *err)
{
    unsigned char bytes[IP_MAX], control[128];

    for (;;) {
        struct iovec part = {bytes, sizeof bytes};
        struct msghdr m = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = control,
                           .msg_controllen = sizeof control};
        ssize_t n = recvmsg(s->fd, &m, 0);

        if (n >= 0 && is_answer(s, bytes, (size_t)n, sent)) {
            *hops = hops_of(&m);
            return 0;
        }
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return broken(errno, err);
        if (n < 0 && wait_for(s->fd, POLLIN, clock, deadline_ns, err) < 0)
            return -1;
    }
}

static int exchange(const struct echo_socket *s, const struct clock *clock, int64_t deadline_ns,
                    struct reach_echo *out, struct err *err)
{
    struct echo echo = {.type = s->v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO};
    int64_t start_ns;

    secret_bytes(echo.marks, sizeof echo.marks);
    memcpy(&echo.id, echo.marks, sizeof echo.id);
    if (!s->v6) /* of IPv6 the kernel makes it */
        echo.sum = sum_of(&echo, sizeof echo);
    start_ns = clock->mono_ns(clock);
    if (send(s->fd, &echo, sizeof echo, MSG_NOSIGNAL) < 0)
        return broken(errno, err);
    if (await_echo(s, &echo, clock, deadline_ns, &out->hops, err) < 0)
        return -1;
    out->rtt_s = seconds_since(clock, start_ns);
    return 0;
}

int reach_echo(const struct sock_address *to, const struct clock *clock, int64_t deadline_ns,
               struct reach_echo *out, struct err *err)
{
    int64_t start_ns = clock->mono_ns(clock);
    struct echo_socket s;
    int rc;

    *out = (struct reach_echo){.hops = -1};
    if (open_echo(to, &s, err) < 0)
        return -1;
    out->setup_s = seconds_since(clock, start_ns);
    rc = exchange(&s, clock, deadline_ns, out, err);
    sock_close(s.fd);
    return rc;
}
