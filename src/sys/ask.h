/* ask: one question to each of many places of this machine at once, each up to a deadline: bytes
 * out, and what comes back until its reader has enough.
 *
 * For finding out who listens: no TLS, no names, and no way to any other machine. What is no
 * loopback address is refused.
 *
 * Threads: waits on the caller's, one at a time.
 */
#ifndef SYS_ASK_H
#define SYS_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "sys/sock.h"

struct clock;

enum ask_end {
    ASK_ENOUGH,  /* `got` said so */
    ASK_CLOSED,  /* by the peer, after it was asked */
    ASK_SILENT,  /* no more came until the deadline */
    ASK_REFUSED, /* no connection */
};

struct ask {
    struct sock_address address; /* of loopback, or of a Unix socket */
    struct str request;          /* borrowed */
    int64_t wait_ms;
    /* A piece of the answer; true: that is enough. */
    bool (*got)(struct ask *a, struct str piece);

    enum ask_end end;
    bool connected;

    /* ask.c's. */
    int fd;
    size_t sent;
    int64_t deadline_ns;
};

/* All of asks[0..n); each has an end when this returns, at `deadline_ns` at the latest. */
void ask_all(struct ask *const asks[], size_t n, const struct clock *clock, int64_t deadline_ns);

/* 127.0.0.1:port; ::1 with `v6`. */
void ask_loopback(bool v6, uint16_t port, struct sock_address *out);
/* False: the path is too long for one. */
bool ask_unix(struct str path, struct sock_address *out);

#endif
