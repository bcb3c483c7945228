/* child: runs another program and takes what it prints, up to a deadline.
 *
 * It gets no input, our environment, and its own process group, which is killed when time is up or
 * when it prints too much; what it writes to standard error is dropped. No shell is involved.
 *
 * Blocks: call it on a lane that may wait (LANE_SLOW). A child that the kernel does not let die
 * (a driver that hangs) is waited for, so that it is never left behind as a zombie.
 * Threads: any.
 */
#ifndef SYS_CHILD_H
#define SYS_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct buf;
struct err;

struct child_end {
    bool absent; /* there is no such program: nothing ran */
    int status;  /* exit code; 128 + signal when one ended it */
};

/* argv ends with NULL; argv[0] without a slash is looked up in PATH. 0: it ended by itself, or was
 * absent. -1: ERR_TIMEOUT, ERR_LIMIT (more than `bytes_max`) or ERR_OS. */
MUST_USE int child_run(const char *const argv[], int64_t timeout_ms, size_t bytes_max,
                       struct buf *out, struct child_end *end, struct err *err);

#endif
