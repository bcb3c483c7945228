/* links: what `ls -l` prints of the links below /proc, as links.
 *
 *     lrwxrwxrwx 1 root root 0 Nov 27 16:00 /proc/812/exe -> /usr/bin/redis-server
 *     /proc/812/fd:
 *     lrwx------ 1 root root 64 Nov 27 16:00 6 -> socket:[4711]
 *
 * Whoever prints it may be anybody: a path is one of /proc/PID/exe, /proc/PID/ns/net and
 * /proc/PID/fd/N, where PID is a number or "self", and nothing else.
 *
 * Threads: any. Views point into the text, but for the path.
 */
#ifndef COLLECT_SSH_LINKS_H
#define COLLECT_SSH_LINKS_H

#include <stdbool.h>

#include "base/str.h"

#define LINKS_PATH_BYTES 64

struct links {
    struct str rest;
    struct str folder; /* whose lines follow: "/proc/812/fd"; empty: none */
};

struct link {
    char path[LINKS_PATH_BYTES];
    struct str
        target; /* empty: of a folder, which can be looked into and is named without a link */
};

/* False: there is none any more. */
bool links_next(struct links *l, struct link *out);

#endif
