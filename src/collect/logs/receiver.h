/* receiver: an address on which messages of syslog are received, by UDP and TCP, and where they
 * wait until they are read.
 *
 * One for each address, whoever reads it: an entry that a reload changed finds what the one before
 * left, and nothing is missed between them. It opens once the loop runs, and tries again when it is
 * told to.
 *
 * Messages wait in RECEIVER_BYTES_MAX; those for which there is no room are counted, as are those
 * that the kernel had no room for. Of RECEIVER_PEERS_MAX connections the one that has been silent
 * for the longest time, a minute at least, goes when another comes; else that one is refused.
 *
 * Threads: sockets belong to the loop. receiver_ref, receiver_unref, receiver_take and
 * receiver_state: any.
 */
#ifndef COLLECT_LOGS_RECEIVER_H
#define COLLECT_LOGS_RECEIVER_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

#define RECEIVER_BYTES_MAX (4u << 20)
#define RECEIVER_PEERS_MAX 64

struct clock;
struct err;
struct loop;
struct receiver;

struct receivers {
    pthread_mutex_t lock; /* guards: list and the references */
    struct receiver *list;
    struct loop *loop; /* borrowed */
};

/* Of messages longer than `line_max` so much is kept that this can be seen. The clock is borrowed
 * until the last reference is gone and the loop has run once more. */
struct receiver *receiver_ref(struct receivers *all, const char *address, size_t line_max,
                              const struct clock *clock);
/* How many messages nobody will read now: 0 unless it was the last reference. NULL is fine. */
size_t receiver_unref(struct receivers *all, struct receiver *r);

void receiver_open(struct receiver *r); /* on the loop; nothing when it is open */

/* On the loop, at the end: takes what the kernel has for it, and closes. */
void receiver_finish(struct receiver *r);

/* Appends whole messages of about `bytes` to *out. False: none waits. */
bool receiver_take(struct receiver *r, size_t bytes, struct buf *out);
/* Takes one off the front of what receiver_take gave; n 0: there is no more. */
struct str receiver_next(struct str *taken, int64_t *time_ms);

struct receiver_losses {
    uint64_t messages, connections;
};

/* What was lost since the last call. ERR_OS: nothing is received, and why. */
MUST_USE int receiver_state(struct receiver *r, struct receiver_losses *losses, struct err *err);

#endif
