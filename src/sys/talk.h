/* talk: a connection that the thread waits for, up to a deadline: TCP or a Unix socket, TLS or
 * not. For collectors that speak a protocol of their own, on LANE_SLOW.
 *
 * A host's name is looked up as the system does it, which may take longer than the deadline when no
 * name server answers; each of its addresses is tried, in turn.
 *
 * Deadlines are of the clock's mono_ns. Errors are plain words for a person, without the place,
 * which the caller knows: "the connection is refused: nothing listens there".
 * Threads: one at a time.
 */
#ifndef SYS_TALK_H
#define SYS_TALK_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct clock;
struct err;
struct talk;
struct tls_settings;

struct talk_place {
    const char *host; /* name or address; NULL: `path` */
    uint16_t port;
    const char *path; /* of a Unix socket */
};

/* `tls` NULL: none. The handshake is done when this returns. */
MUST_USE int talk_open(const struct talk_place *place, const struct tls_settings *tls,
                       const struct clock *clock, int64_t deadline_ns, struct talk **out,
                       struct err *err);
void talk_close(struct talk *s); /* NULL is fine */

/* All n bytes; a peer that takes none of them until the deadline is an error. One that has cut the
 * connection is not: talk_read tells what it said last, and then that it is gone. */
MUST_USE int talk_write(struct talk *s, const void *p, size_t n, int64_t deadline_ns,
                        struct err *err);
/* Some bytes, at least one; *got 0: the peer has closed. */
MUST_USE int talk_read(struct talk *s, void *p, size_t cap, size_t *got, int64_t deadline_ns,
                       struct err *err);

#endif
