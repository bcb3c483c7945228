/* sockets: the kernel's tables of sockets, line by line: /proc/net/tcp, tcp6 and unix.
 *
 * A line that does not read as it should is passed over.
 * Threads: any. Views point into the text.
 */
#ifndef COLLECT_RECOGNISE_SOCKETS_H
#define COLLECT_RECOGNISE_SOCKETS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum socket_reach {
    REACH_LOOPBACK, /* 127.0.0.1, ::1, or all addresses */
    REACH_OTHER,    /* another address alone */
};

struct tcp_row {
    bool listens;     /* else: it is connected */
    bool v6;          /* ::1 alone: there is no way to it by IPv4 */
    bool local_there; /* a connection: its other end is on loopback */
    enum socket_reach reach;
    uint16_t port, remote_port;
    uint64_t user, inode;
};

/* The next socket that listens or is connected. False: there is none. */
bool sockets_next_tcp(struct str *text, struct tcp_row *out);

struct unix_row {
    struct str path;
    uint64_t inode;
};

/* The next stream socket that listens at a path of the file system. */
bool sockets_next_unix(struct str *text, struct unix_row *out);

#endif
