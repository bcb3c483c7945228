#include "sys/dns.h"

#include <ares.h>
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "sys/clock.h"

#define TRY_MS      2000
#define TRIES       2
#define ADDRESS_MAX 4096 /* in one answer; 64 kB hold no more */

struct question {
    enum dns_type type;
    struct arena *arena;
    struct dns_record *records;
    size_t n, cap;
    struct err *err;
    const char *name;
    bool done;
    int rc;
};

static int add(struct question *q, const char *target, uint16_t port)
{
    char *copy = arena_cstr(q->arena, str_c(target), q->err);

    if (!copy || arena_grow(q->arena, (void **)&q->records, &q->cap, q->n + 1, sizeof *q->records,
                            q->err) < 0)
        return -1;
    q->records[q->n++] = (struct dns_record){copy, port};
    return 0;
}

static int add_address(struct question *q, int family, const void *address)
{
    char text[INET6_ADDRSTRLEN];

    return add(q, inet_ntop(family, address, text, sizeof text) ? text : "", 0);
}

/* ---- the parts of an answer: 0, -1 with err filled, or one of c-ares' codes (above 0) ---- */

static int take_a(struct question *q, const unsigned char *p, int n)
{
    struct ares_addrttl *all = mem_new_array(struct ares_addrttl, ADDRESS_MAX);
    int count = ADDRESS_MAX, rc = ares_parse_a_reply(p, n, NULL, all, &count);

    for (int i = 0; rc == ARES_SUCCESS && i < count; i++)
        rc = add_address(q, AF_INET, &all[i].ipaddr);
    mem_free(all);
    return rc;
}

static int take_aaaa(struct question *q, const unsigned char *p, int n)
{
    struct ares_addr6ttl *all = mem_new_array(struct ares_addr6ttl, ADDRESS_MAX);
    int count = ADDRESS_MAX, rc = ares_parse_aaaa_reply(p, n, NULL, all, &count);

    for (int i = 0; rc == ARES_SUCCESS && i < count; i++)
        rc = add_address(q, AF_INET6, &all[i].ip6addr);
    mem_free(all);
    return rc;
}

static int take_srv(struct question *q, const unsigned char *p, int n)
{
    struct ares_srv_reply *all = NULL;
    int rc = ares_parse_srv_reply(p, n, &all);

    for (struct ares_srv_reply *at = all; rc == ARES_SUCCESS && at; at = at->next)
        rc = add(q, at->host, at->port);
    ares_free_data(all);
    return rc;
}

static int take_mx(struct question *q, const unsigned char *p, int n)
{
    struct ares_mx_reply *all = NULL;
    int rc = ares_parse_mx_reply(p, n, &all);

    for (struct ares_mx_reply *at = all; rc == ARES_SUCCESS && at; at = at->next)
        rc = add(q, at->host, 0);
    ares_free_data(all);
    return rc;
}

static int take_ns(struct question *q, const unsigned char *p, int n)
{
    struct hostent *all = NULL;
    int rc = ares_parse_ns_reply(p, n, &all);

    for (char **at = rc == ARES_SUCCESS ? all->h_aliases : NULL; at && *at && rc == ARES_SUCCESS;
         at++)
        rc = add(q, *at, 0);
    ares_free_hostent(all);
    return rc;
}

static const struct {
    int type;
    const char *name;
    int (*read)(struct question *q, const unsigned char *p, int n);
} kinds[DNS_TYPES] = {
    [DNS_SRV] = {ns_t_srv, "SRV", take_srv},     [DNS_A] = {ns_t_a, "A", take_a},
    [DNS_AAAA] = {ns_t_aaaa, "AAAA", take_aaaa}, [DNS_MX] = {ns_t_mx, "MX", take_mx},
    [DNS_NS] = {ns_t_ns, "NS", take_ns},
};

static void on_answer(void *arg, int status, int timeouts, unsigned char *p, int n)
{
    struct question *q = arg;

    (void)timeouts;
    q->done = true;
    if (status == ARES_SUCCESS)
        status = kinds[q->type].read(q, p, n);
    if (status < 0) {
        q->rc = -1;
    } else if (status == ARES_ENOTFOUND || status == ARES_ENODATA) {
        q->n = 0;
    } else if (status != ARES_SUCCESS) {
        q->rc =
            err_set(q->err, status == ARES_ECANCELLED ? ERR_TIMEOUT : ERR_OS,
                    "cannot look up the %s records of %.100s: %s", kinds[q->type].name, q->name,
                    status == ARES_ECANCELLED ? "no DNS server answers" : ares_strerror(status));
    }
}

/* Until the answer is here or the deadline is over. */
static void wait_for(ares_channel channel, struct question *q, int64_t timeout_ms)
{
    const struct clock *clock = clock_real();
    int64_t end_ns = clock->mono_ns(clock) + timeout_ms * 1000000;

    while (!q->done) {
        ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
        unsigned bits = (unsigned)ares_getsock(channel, sockets, ARES_GETSOCK_MAXNUM);
        struct pollfd polled[ARES_GETSOCK_MAXNUM];
        struct timeval next = {1, 0};
        int64_t left_ms = (end_ns - clock->mono_ns(clock)) / 1000000, step_ms;
        nfds_t count = 0;

        if (left_ms <= 0) {
            ares_cancel(channel); /* calls on_answer */
            return;
        }
        for (unsigned i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
            short events = (short)(((bits >> i & 1) ? POLLIN : 0) |
                                   ((bits >> (i + ARES_GETSOCK_MAXNUM) & 1) ? POLLOUT : 0));

            if (events)
                polled[count++] = (struct pollfd){.fd = sockets[i], .events = events};
        }
        (void)ares_timeout(channel, &next, &next);
        step_ms = next.tv_sec * 1000 + next.tv_usec / 1000 + 1;
        if (poll(polled, count, (int)(step_ms < left_ms ? step_ms : left_ms)) <= 0) {
            ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
            continue;
        }
        for (nfds_t i = 0; i < count; i++)
            if (polled[i].revents)
                ares_process_fd(channel,
                                polled[i].revents & ~POLLOUT ? polled[i].fd : ARES_SOCKET_BAD,
                                polled[i].revents & POLLOUT ? polled[i].fd : ARES_SOCKET_BAD);
    }
}

int dns_lookup(const char *servers, const char *name, enum dns_type type, int64_t timeout_ms,
               struct arena *a, const struct dns_record **out, size_t *n, struct err *err)
{
    struct ares_options options = {.timeout = TRY_MS, .tries = TRIES};
    struct question q = {.type = type, .arena = a, .err = err, .name = name};
    ares_channel channel;
    int rc = ares_init_options(&channel, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES);

    if (rc == ARES_SUCCESS && servers) {
        rc = ares_set_servers_ports_csv(channel, servers);
        if (rc != ARES_SUCCESS)
            ares_destroy(channel);
    }
    if (rc != ARES_SUCCESS)
        return err_set(err, ERR_OS, "cannot ask the DNS: %s", ares_strerror(rc));
    ares_search(channel, name, ns_c_in, kinds[type].type, on_answer, &q);
    wait_for(channel, &q, timeout_ms);
    ares_destroy(channel);
    if (q.rc < 0)
        return -1;
    *out = q.records;
    *n = q.n;
    return 0;
}
