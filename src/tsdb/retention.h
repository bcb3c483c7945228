/* retention: which block is too old or too much. Decides; the caller deletes.
 *
 * By time: a block goes when its newest sample is older than the limit, counted back from the wall
 * clock or from the newest sample of the store, whichever is earlier, so that a clock that runs
 * ahead deletes nothing. By size: the oldest block goes while everything together is over the
 * limit.
 *
 * Slowly on purpose: at most one block a minute, and none within an hour of a jump of the wall
 * clock against the monotonic one. A person has time to notice.
 *
 * Threads: none of its own; one struct belongs to the upkeep thread. Cannot fail.
 */
#ifndef TSDB_RETENTION_H
#define TSDB_RETENTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

#define RETENTION_PAUSE_MS   INT64_C(60000)   /* between two blocks */
#define RETENTION_JUMP_MS    INT64_C(10000)   /* a larger difference of the clocks is a jump */
#define RETENTION_AFTER_JUMP INT64_C(3600000) /* ms without deleting */

struct retention {
    int64_t limit_ms;     /* 0: unlimited */
    uint64_t limit_bytes; /* 0: unlimited */

    /* What was seen: start with zeros. */
    bool seen, deleted, jumped;
    ts_ms wall_ms;
    int64_t mono_ms;
    int64_t deleted_mono_ms, jumped_mono_ms;
};

struct retention_block {
    ts_ms maxt;
    uint64_t bytes;
};

enum { RETENTION_NONE = -1 };

/* Looks at the clocks and says which of blocks[0..n) to delete now, or RETENTION_NONE. `newest` is
 * the newest sample of the store, `other_bytes` what its directory holds beside the blocks. Call it
 * often, a few times a minute: a jump is only seen between two calls. */
int retention_choose(struct retention *r, const struct clock *clock,
                     const struct retention_block blocks[], size_t n, ts_ms newest,
                     uint64_t other_bytes);

#endif
