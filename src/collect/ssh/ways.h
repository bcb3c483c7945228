/* ways: the Unix sockets that lead to addresses behind hosts, by number.
 *
 * A number belongs to one address of one host for as long as we run: paths can be told before
 * anybody listens there.
 *
 * Threads: ways_number and ways_path any; all else the loop's.
 */
#ifndef COLLECT_SSH_WAYS_H
#define COLLECT_SSH_WAYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "collect/via.h"

struct err;
struct log;
struct ssh_host;
struct ways;

/* One that is open; its host lists it. */
struct way {
    struct via via; /* first */
    struct ways *ways;
    struct ssh_host *host;
    struct way *next; /* of the host's */
    uint32_t id;
    char *path;          /* owned */
    char *address;       /* owned; as seen from there */
    const char *command; /* literal; NULL: `address` */
    uint16_t port;
    int fd;          /* listens */
    bool told;       /* the worker has it */
    bool is_refused; /* the far end did, the last time */
    char refusal[300];
};

MUST_USE struct ways *ways_new(const char *folder, struct log *log);
void ways_free(struct ways *ws); /* NULL is fine */

/* `place`: a URL, "host:port", VIA_SHELL or VIA_LOOPBACK. Opens it when it is not. A reference.
 */
MUST_USE int ways_get(struct ways *ws, struct ssh_host *host, const char *place, struct via **out,
                      struct err *err);

/* As ssh_hosts_path. */
MUST_USE int ways_path(struct ways *ws, const char *host, const char *place, char *out,
                       uint32_t *number, struct err *err);

#endif
