/* watch: tells when a descriptor can be read or written, on the loop (libuv's poll handle).
 *
 * The descriptor is borrowed: close it after watch_free. Callbacks may free the watch.
 * Threads: the loop's only.
 */
#ifndef SYS_WATCH_H
#define SYS_WATCH_H

#include "base/attr.h"

struct err;
struct loop;
struct watch;

enum watch_events {
    WATCH_READ = 1,
    WATCH_WRITE = 2,
    WATCH_GONE = 4, /* the other side will send no more, also while nobody reads */
};

/* `events` told to fire may also be WATCH_READ | WATCH_WRITE on an error: the next call says which.
 */
MUST_USE int watch_new(struct loop *l, int fd, void (*fire)(void *arg, unsigned events), void *arg,
                       struct watch **out, struct err *err);
/* What to tell from now on (0: nothing). A call that changes nothing costs nothing. */
void watch_set(struct watch *w, unsigned events);
void watch_free(struct watch *w); /* NULL is fine */

#endif
