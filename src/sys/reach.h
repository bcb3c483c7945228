/* reach: whether a host can be reached, for who wants to know just that: its name looked up, then a
 * connection (TCP), a datagram (UDP) or an echo (ICMP).
 *
 * A name is looked up as the system does it, which may take longer than the deadline when no name
 * server answers: call on LANE_SLOW. Deadlines are of the clock's mono_ns. Errors are plain words
 * without the place, which the caller knows.
 *
 * An echo needs a right: net.ipv4.ping_group_range lets groups send it, else it takes
 * CAP_NET_RAW; the error says so.
 *
 * Threads: any.
 */
#ifndef SYS_REACH_H
#define SYS_REACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"
#include "sys/sock.h"

#define REACH_ADDRESSES_MAX 8

struct clock;
struct err;

struct reach_place {
    struct sock_address addresses[REACH_ADDRESSES_MAX]; /* [n], n >= 1, the best first */
    size_t n;
    double lookup_s; /* what looking up took */
};

/* ERR_EVAL: the name is not known. *out has lookup_s then too. */
MUST_USE int reach_look_up(const char *host, uint16_t port, const struct clock *clock,
                           struct reach_place *out, struct err *err);

/* A connection to the first of the addresses that takes one; *which is it, or the last one tried.
 * sock_close it. */
MUST_USE int reach_tcp(const struct reach_place *place, const struct clock *clock,
                       int64_t deadline_ns, size_t *which, int *fd, struct err *err);
/* A socket from which datagrams go to that address and come from it alone. */
MUST_USE int reach_udp(const struct sock_address *to, int *fd, struct err *err);
MUST_USE int reach_write(int fd, struct str bytes, const struct clock *clock, int64_t deadline_ns,
                         struct err *err);
/* *got 0: the other side has ended (TCP). */
MUST_USE int reach_read(int fd, void *p, size_t cap, size_t *got, const struct clock *clock,
                        int64_t deadline_ns, struct err *err);

struct reach_echo {
    double setup_s, rtt_s;
    int hops; /* TTL or hop limit of the answer; -1: not told */
};
MUST_USE int reach_echo(const struct sock_address *to, const struct clock *clock,
                        int64_t deadline_ns, struct reach_echo *out, struct err *err);

#endif
