/* trunk: one SSH session: the connection, the machine's key, ours.
 *
 * Blocks, for at most TRUNK_WAIT_MS a step: for the worker, which has nothing else to do
 * meanwhile, and for commands. A machine whose key is not the one in known_hosts gets nothing from
 * us, no user name and no key.
 *
 * Errors are plain words for a person; *state says which of the ways to fail it was.
 */
#ifndef COLLECT_SSH_TRUNK_H
#define COLLECT_SSH_TRUNK_H

#include <stdint.h>

#include "base/attr.h"
#include "collect/ssh/state.h"

struct err;
struct libssh;
struct ssh_session_struct;

#define TRUNK_WAIT_MS      10000
#define TRUNK_PATH_BYTES   1024
#define TRUNK_FINGER_BYTES 128

struct trunk_place {
    const char *name; /* of the entry of hosts, for messages */
    const char *user, *address;
    const char *identity_file, *known_hosts; /* "": the default */
    const char *through;                     /* a Unix socket that leads there; "": none */
    uint16_t port;
    int64_t give_up_ms; /* what was sent and is not confirmed for so long: the connection is dead */
};

struct trunk {
    const struct libssh *lib;
    struct ssh_session_struct *ssh; /* NULL: not open */
    int fd;
};

/* Until the machine's key is known: what `ssh add` and `ssh trust` need. */
MUST_USE int trunk_connect(const struct libssh *lib, const struct trunk_place *place,
                           struct trunk *out, enum ssh_state *state, struct err *err);
/* Is the key the one in known_hosts? */
MUST_USE int trunk_check_key(const struct trunk *s, const struct trunk_place *place,
                             enum ssh_state *state, struct err *err);
/* Who we are. */
MUST_USE int trunk_log_in(const struct trunk *s, const struct trunk_place *place,
                          enum ssh_state *state, struct err *err);
/* All three. */
MUST_USE int trunk_open(const struct libssh *lib, const struct trunk_place *place,
                        struct trunk *out, enum ssh_state *state, struct err *err);
void trunk_close(struct trunk *s);

/* "SHA256:..." of the machine's key; "?" when it cannot be had. */
void trunk_fingerprint(const struct trunk *s, char out[TRUNK_FINGER_BYTES]);
/* The known_hosts in use. */
void trunk_known_hosts(const struct trunk_place *place, char out[TRUNK_PATH_BYTES]);

#endif
