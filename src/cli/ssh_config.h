/* ssh_config: what a person calls a machine, and its entry in the configuration.
 *
 * Errors: in words for a person.
 */
#ifndef CLI_SSH_CONFIG_H
#define CLI_SSH_CONFIG_H

#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"
#include "collect/ssh/ssh_settings.h"

struct err;

struct ssh_place {
    char name[256]; /* as the person said it, without user and port */
    char user[256]; /* "": none */
    char address[256];
    char identity_file[512]; /* "": none */
    uint16_t port;
    char jump[1024]; /* machines on the way, as ProxyJump has them; "": none */
    struct ssh_jump_place {
        char user[256]; /* "": none */
        char address[256];
        uint16_t port;
    } jumps[SSH_JUMPS_MAX]; /* the same, as they are found; [jumps_n] */
    size_t jumps_n;
};

/* "me@gpu-box:2222", or an alias of ~/.ssh/config, which `ssh -G` knows when it is installed; so
 * are those of the machines on the way. */
MUST_USE int ssh_config_resolve(const char *text, struct ssh_place *out, struct err *err);
/* Takes over what `ssh -G` printed. */
MUST_USE int ssh_config_take(struct str printed, struct ssh_place *place, struct err *err);

/* The file's text with the entry put into its list `hosts`, which is begun when there is none.
 * ERR_SYNTAX: the list is written in a way that is not changed by machine; the message has the
 * entry. */
MUST_USE int ssh_config_insert(struct str text, const struct ssh_place *place, struct buf *out,
                               struct err *err);
/* The same for the file, which is put in place only when it can be loaded. */
MUST_USE int ssh_config_add(const char *path, const struct ssh_place *place, struct err *err);

#endif
