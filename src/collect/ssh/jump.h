/* jump: a machine on the way to another. A channel of its session leads to the next machine, and
 * comes out here as a socket, over which the next session is held.
 *
 * Threads: one for each jump, which moves what comes, so that the next session may block; the
 * caller's else. It opens no descriptors.
 */
#ifndef COLLECT_SSH_JUMP_H
#define COLLECT_SSH_JUMP_H

#include <stdint.h>

#include "base/attr.h"
#include "collect/ssh/state.h"

struct err;
struct jump;
struct trunk;

/* Takes `s` over, which is logged in, and leads on to address:port, as seen from there. *fd is the
 * caller's. NULL: it does not let through, as *state and `err` say; `s` stays the caller's. Waits
 * for the answer, at most 15 s. */
MUST_USE struct jump *jump_new(const struct trunk *s, const char *address, uint16_t port, int *fd,
                               enum ssh_state *state, struct err *err);
/* NULL is fine. The descriptor is closed before. */
void jump_free(struct jump *j);

/* Why its own connection has ended, and not the one behind it: plain words; NULL: it has not. */
const char *jump_end(const struct jump *j, enum ssh_state *state);
/* The session that it goes through. */
const struct trunk *jump_trunk(const struct jump *j);

#endif
