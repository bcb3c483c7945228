/* sock: the few calls on sockets that libuv's poll handle leaves to us (see sys/watch.h).
 *
 * All sockets are non-blocking and close on exec. Threads: any.
 */
#ifndef SYS_SOCK_H
#define SYS_SOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/attr.h"

#define SOCK_TEXT_BYTES 64 /* an address as text, with the NUL */

struct err;

struct sock_address {
    struct sockaddr_storage storage;
    socklen_t length;
};

/* "127.0.0.1:3277", "[::1]:0", "localhost:3277", ":3277" (all addresses, IPv4 too). Names are not
 * looked up: which of its addresses to listen on is for the user to say. */
MUST_USE int sock_parse(const char *text, struct sock_address *out, struct err *err);
/* "127.0.0.1", "::1": without the port. IPv4 in IPv6 is shown as IPv4. */
void sock_host_text(const struct sock_address *a, char out[SOCK_TEXT_BYTES]);

bool sock_is_loopback(const struct sock_address *a);
/* Whether a socket on one leaves none for the other. */
bool sock_overlap(const struct sock_address *a, const struct sock_address *b);

/* `text` is for the message: "127.0.0.1:3277 is in use by another program; ...". */
MUST_USE int sock_listen(const struct sock_address *a, const char *text, int *fd, struct err *err);
/* For datagrams. -1: errno. */
MUST_USE int sock_bind_udp(const struct sock_address *a, int *fd);
/* One datagram: its bytes, or -1 and errno. *lost: how many the kernel had no room for since the
 * socket was made; as it was when the kernel does not say. */
MUST_USE ssize_t sock_receive(int fd, void *p, size_t n, uint32_t *lost);
uint16_t sock_port(int fd); /* 0 when it has none */

/* The next connection; err is not filled, since most failures are told apart by errno: -1 with
 * EAGAIN (none waits), EMFILE, ENFILE, ENOBUFS, ENOMEM (no room), or one that may be tried again.
 */
MUST_USE int sock_accept(int listener, int *fd, struct sock_address *peer);

/* Begins to connect: writable when that has ended, then sock_error says how. -1: errno. */
MUST_USE int sock_connect(const struct sock_address *a, int *fd);
/* What has gone wrong with it since one asked, as errno has it; 0: nothing. */
int sock_error(int fd);

/* As recv and writev: the count, or -1 and errno. EINTR is retried; no SIGPIPE. */
MUST_USE ssize_t sock_read(int fd, void *p, size_t n);
MUST_USE ssize_t sock_write(int fd, const struct iovec *parts, size_t n);
void sock_close(int fd);
/* Makes the close a reset, so that the other side does not take what it got for all of it. */
void sock_reset_on_close(int fd);
/* Says that we send no more, so that the other side reads all that was sent before the close. */
void sock_end(int fd);

#endif
