/* ssh_settings: one entry of `hosts`: a machine that is reached over SSH.
 *
 * Ownership: everything lives in the configuration's arena; ssh_hosts.h copies. Threads: immutable
 * once loaded.
 */
#ifndef COLLECT_SSH_SSH_SETTINGS_H
#define COLLECT_SSH_SSH_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SSH_JUMPS_MAX 4

/* A machine on the way to another; what is NULL is as in an entry. */
struct ssh_jump {
    const char *user, *address, *identity_file, *known_hosts;
    uint16_t port;
};

enum ssh_os { SSH_OS_AUTO, SSH_OS_LINUX, SSH_OS_WINDOWS };

struct ssh_settings {
    const char *name;
    const char *user; /* NULL: who runs earshot */
    const char *address;
    uint16_t port;
    const char *identity_file; /* NULL: the agent's keys and ~/.ssh/id_* */
    const char *known_hosts;   /* NULL: ~/.ssh/known_hosts */
    int64_t keepalive_ms, keepalive_count;
    const struct ssh_jump *jumps; /* [jumps_n] machines on the way, the nearest first */
    size_t jumps_n;
    enum ssh_os os;
    const uint16_t *forward; /* [forward_n] ports of the far loopback that are opened here too */
    size_t forward_n;
    bool of_pack;         /* no entry of `hosts` of its own: a pack that is reached over SSH */
    uint64_t fingerprint; /* over all of it */
};

#endif
