/* packet: what earshot and the worker of a tunnel say to one another, a message each.
 *
 *   to the worker                              from the worker
 *   HOST   where to, and with which keys;      STATE    how the tunnel is, and why
 *          the first message                   REFUSED  the far end does not let through what
 *   LISTEN id, what it leads to; brings the             came over way `id`, and why
 *          listening socket along              OPENED   it does
 *   CLOSE  way `id` is over                    SILENT   since when nothing comes; 0: it does again
 *                                              CONFINED the worker has given up its rights; else
 * why
 *
 * Layout: a byte that says which, then the fields in the order of the struct: numbers little
 * endian, texts with their length in front. Nothing may follow.
 *
 * Errors: ERR_CORRUPT. A worker that speaks with strange machines is not believed.
 */
#ifndef COLLECT_SSH_PACKET_H
#define COLLECT_SSH_PACKET_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"
#include "collect/ssh/ssh_settings.h"
#include "collect/ssh/state.h"

struct err;

#define PACKET_BYTES_MAX 24576u
#define PACKET_TEXT_MAX  1024u

enum packet_kind {
    PACKET_HOST = 1,
    PACKET_LISTEN,
    PACKET_CLOSE,
    PACKET_STATE,
    PACKET_REFUSED,
    PACKET_OPENED,
    PACKET_SILENT,
    PACKET_CONFINED,
};

/* A machine to log in to; "": the default. */
struct packet_login {
    struct str user, address, identity_file, known_hosts;
    uint16_t port;
};

struct packet_host {
    struct str name;
    struct packet_login login;
    struct packet_login jumps[SSH_JUMPS_MAX]; /* on the way, the nearest first */
    size_t jumps_n;
    int64_t keepalive_ms, keepalive_count;
};

struct packet {
    enum packet_kind kind;
    union {
        struct packet_host host;
        struct {
            uint32_t id;
            struct str address; /* as seen from there; "": `command` */
            uint16_t port;
            struct str command; /* is run there; its input and output are the connection */
        } listen;
        uint32_t id; /* CLOSE, OPENED */
        struct {
            enum ssh_state state;
            struct str text; /* plain words; "" when connected */
        } state;
        struct {
            uint32_t id;
            struct str text;
        } refused;
        uint32_t silent_ms;
        struct str open; /* CONFINED: why it may write files and start programs; "": it may not */
    } as;
};

/* Texts longer than PACKET_TEXT_MAX are cut. */
void packet_write(const struct packet *p, struct buf *out);
/* Texts are borrowed from `bytes`. */
MUST_USE int packet_read(struct str bytes, struct packet *out, struct err *err);

#endif
