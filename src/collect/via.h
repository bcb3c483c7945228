/* via: the way to a target that cannot be asked directly, as behind an SSH tunnel: a Unix socket
 * that leads to it, and the truth about why it does not.
 *
 * Threads: the loop's. Ownership: shared; whoever keeps one holds a reference.
 */
#ifndef COLLECT_VIA_H
#define COLLECT_VIA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct err;

struct via {
    size_t refs;
    const char *host;        /* of the entry of `hosts` */
    const char *socket_path; /* takes the place of the target's address */
    /* Before a cycle: -1 when there is no way now, with words about it. */
    int (*check)(struct via *v, struct err *err);
    /* After one that failed: puts the true reason in the place of *err, where the way knows it.
     * True: the way itself is at fault, and of the target nothing is known. */
    bool (*explain)(struct via *v, struct err *err);
    void (*free)(struct via *v); /* when refs come to 0 */
};

static inline struct via *via_ref(struct via *v) /* NULL is fine */
{
    if (v)
        v->refs++;
    return v;
}

static inline void via_unref(struct via *v) /* NULL is fine */
{
    if (v && --v->refs == 0)
        v->free(v);
}

/* In the place of an address: a POSIX shell there, which reads what it shall do. */
#define VIA_SHELL "shell"
/* Whatever port of the loopback there: whoever connects first sends a line with it,
 * "127.0.0.1:6379" or "[::1]:6379". */
#define VIA_LOOPBACK "loopback"

/* Who knows the ways. */
struct vias {
    /* To what the URL, "host:port", VIA_SHELL or VIA_LOOPBACK names, as seen from `host`: a
     * reference. */
    MUST_USE int (*find)(struct vias *vias, const char *host, const char *place, struct via **out,
                         struct err *err);
};

#endif
