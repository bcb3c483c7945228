/* helper: another process of our own program that stays, with a socket to talk over.
 *
 * The socket keeps messages apart (SOCK_SEQPACKET) and takes descriptors along; the helper finds
 * its end as descriptor HELPER_FD. A helper dies with us, and should end when its socket does.
 *
 * Threads: the loop's only, but helper_send, helper_receive, which anyone may use on a socket of
 * this kind.
 */
#ifndef SYS_HELPER_H
#define SYS_HELPER_H

#include <stddef.h>
#include <sys/types.h>

#include "base/attr.h"

struct err;
struct helper;
struct loop;

#define HELPER_FD 3

struct helper_context {
    struct loop *loop;
    const char *program;      /* path; "/proc/self/exe": the one that runs */
    const char *const *words; /* what follows the program's name; NULL at the end */
    /* It says something: helper_receive tells what; 0 bytes: it is ending. */
    void (*readable)(void *arg);
    /* It has ended by itself: exit status, or a signal's number, else 0. Then helper_free it. */
    void (*ended)(void *arg, int status, int signal);
    void *arg;
};

MUST_USE int helper_start(const struct helper_context *context, struct helper **out,
                          struct err *err);
int helper_socket(const struct helper *h);
/* Kills it when it still runs; `ended` is not called any more. NULL is fine. */
void helper_free(struct helper *h);

/* One message; `fd` -1: without a descriptor, which stays the caller's. -1: errno, EAGAIN among it:
 * the other side is busy. */
MUST_USE int helper_send(int socket, const void *p, size_t n, int fd);
/* One message, never waiting: its size, 0 at the end, -1 with errno (EAGAIN: there is none). *fd is
 * the caller's, -1: it brought none. A message longer than `cap` is cut. */
MUST_USE ssize_t helper_receive(int socket, void *p, size_t cap, int *fd);

#endif
