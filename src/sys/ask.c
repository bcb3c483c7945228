#include "sys/ask.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/un.h>

#include "base/clock.h"
#include "base/mem.h"

#define AT_ONCE    64 /* connections */
#define READ_BYTES 65536

void ask_loopback(bool v6, uint16_t port, struct sock_address *out)
{
    struct sockaddr_in in = {.sin_family = AF_INET,
                             .sin_port = htons(port),
                             .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    struct sockaddr_in6 in6 = {
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_loopback};

    *out = (struct sock_address){.length = v6 ? sizeof in6 : sizeof in};
    if (v6)
        memcpy(&out->storage, &in6, sizeof in6);
    else
        memcpy(&out->storage, &in, sizeof in);
}

bool ask_unix(struct str path, struct sock_address *out)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};

    if (path.n == 0 || path.n >= sizeof un.sun_path)
        return false;
    memcpy(un.sun_path, path.p, path.n);
    *out = (struct sock_address){.length = sizeof un};
    memcpy(&out->storage, &un, sizeof un);
    return true;
}

static bool is_here(const struct sock_address *a)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;

    memcpy(&in, &a->storage, sizeof in);
    memcpy(&in6, &a->storage, sizeof in6);
    switch (a->storage.ss_family) {
    case AF_UNIX:
        return true;
    case AF_INET:
        return ntohl(in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    case AF_INET6:
        return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr);
    default:
        return false;
    }
}

static void end(struct ask *a, enum ask_end how)
{
    sock_close(a->fd);
    a->fd = -1;
    a->end = how;
}

static void begin(struct ask *a, int64_t now_ns, int64_t deadline_ns)
{
    a->sent = 0;
    a->connected = false;
    a->fd = -1;
    a->deadline_ns = now_ns + a->wait_ms * 1000000;
    if (a->deadline_ns > deadline_ns)
        a->deadline_ns = deadline_ns;
    if (now_ns >= deadline_ns)
        a->end = ASK_SILENT;
    else if (!is_here(&a->address) || sock_connect(&a->address, &a->fd) < 0)
        end(a, ASK_REFUSED);
}

static void send_on(struct ask *a)
{
    struct iovec rest;
    ssize_t n;

    if (!a->connected && sock_error(a->fd)) {
        end(a, ASK_REFUSED);
        return;
    }
    a->connected = true;
    rest = (struct iovec){(char *)(uintptr_t)a->request.p + a->sent, a->request.n - a->sent};
    n = rest.iov_len ? sock_write(a->fd, &rest, 1) : 0;
    if (n > 0)
        a->sent += (size_t)n;
    else if (n < 0 && errno != EAGAIN)
        a->sent = a->request.n; /* it has closed already; it may have said why */
}

static void read_on(struct ask *a, char *room)
{
    ssize_t n = sock_read(a->fd, room, READ_BYTES);

    if (n > 0) {
        if (a->got(a, (struct str){room, (size_t)n}))
            end(a, ASK_ENOUGH);
    } else if (n == 0 || errno != EAGAIN) {
        end(a, a->connected ? ASK_CLOSED : ASK_REFUSED);
    }
}

static int wait_ms(int64_t until_ns, int64_t now_ns)
{
    int64_t ms = (until_ns - now_ns) / 1000000 + 1;

    return ms < 1 ? 1 : ms > INT_MAX ? INT_MAX : (int)ms;
}

/* One turn of all that are open. */
static void turn(struct ask *open[], size_t n, const struct clock *clock, char *room)
{
    struct pollfd polled[AT_ONCE];
    int64_t now = clock->mono_ns(clock), first = INT64_MAX;

    for (size_t i = 0; i < n; i++) {
        polled[i] = (struct pollfd){
            .fd = open[i]->fd, .events = open[i]->sent < open[i]->request.n ? POLLOUT : POLLIN};
        if (open[i]->deadline_ns < first)
            first = open[i]->deadline_ns;
    }
    if (poll(polled, n, wait_ms(first, now)) < 0)
        for (size_t i = 0; i < n; i++) /* a signal: nothing is known of them */
            polled[i].revents = 0;
    now = clock->mono_ns(clock);
    for (size_t i = 0; i < n; i++) {
        struct ask *a = open[i];

        if (polled[i].revents && polled[i].events == POLLOUT)
            send_on(a);
        else if (polled[i].revents)
            read_on(a, room);
        if (a->fd >= 0 && now >= a->deadline_ns)
            end(a, ASK_SILENT);
    }
}

void ask_all(struct ask *const asks[], size_t n, const struct clock *clock, int64_t deadline_ns)
{
    struct ask *open[AT_ONCE];
    size_t open_n = 0, next = 0;
    char *room = mem_zalloc(READ_BYTES);

    while (next < n || open_n > 0) {
        size_t kept = 0;

        while (next < n && open_n < AT_ONCE) {
            begin(asks[next], clock->mono_ns(clock), deadline_ns);
            if (asks[next]->fd >= 0)
                open[open_n++] = asks[next];
            next++;
        }
        if (open_n > 0)
            turn(open, open_n, clock, room);
        for (size_t i = 0; i < open_n; i++)
            if (open[i]->fd >= 0)
                open[kept++] = open[i];
        open_n = kept;
    }
    mem_free(room);
}
