/* trunk: one SSH session: the connection, the machine's key, ours.
 *
 * Where machines stand on the way (jumps), each is connected to, looked at and logged in to like
 * the last one, from one to the next (jump.h); errors of theirs begin with "jump host ADDRESS: ".
 *
 * Blocks, for at most TRUNK_WAIT_MS a step: for the worker, which has nothing else to do
 * meanwhile, and for commands. A machine whose key is not the one in known_hosts gets nothing from
 * us, no user name and no key.
 *
 * Errors are plain words for a person; *state says which of the ways to fail it was.
 */
#ifndef COLLECT_SSH_TRUNK_H
#define COLLECT_SSH_TRUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "collect/ssh/ssh_settings.h"
#include "collect/ssh/state.h"

struct err;
struct jump;
struct libssh;
struct ssh_session_struct;

#define TRUNK_WAIT_MS      10000
#define TRUNK_PATH_BYTES   1024
#define TRUNK_FINGER_BYTES 128

struct trunk_login {
    const char *user, *address;
    const char *identity_file, *known_hosts; /* "": the default */
    uint16_t port;
};

struct trunk_place {
    const char *name; /* of the entry of hosts, for messages */
    struct trunk_login login;
    struct trunk_login jumps[SSH_JUMPS_MAX]; /* on the way, the nearest first */
    size_t jumps_n;
    int64_t give_up_ms; /* what was sent and is not confirmed for so long: the connection is dead */
};

struct trunk {
    const struct libssh *lib;
    struct ssh_session_struct *ssh; /* NULL: not open */
    struct jump *way;               /* owned; the machine before it; NULL: none */
    int fd;
};

/* The i-th machine on the way as a place of its own. */
struct trunk_place trunk_jump(const struct trunk_place *place, size_t i);

/* Until the machine's key is known: what `ssh add` and `ssh trust` need. Those on the way are
 * opened whole. */
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
/* Has the connection to a machine on the way ended? Why, in words for a person. */
bool trunk_lost(const struct trunk *s, const struct trunk_place *place, enum ssh_state *state,
                char *out, size_t size);

/* "SHA256:..." of the machine's key; "?" when it cannot be had. */
void trunk_fingerprint(const struct trunk *s, char out[TRUNK_FINGER_BYTES]);
/* The known_hosts in use. */
void trunk_known_hosts(const struct trunk_place *place, char out[TRUNK_PATH_BYTES]);

#endif
