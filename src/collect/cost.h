/* cost: what collecting takes, by target and summed by job.
 *
 * The processor's time is that of lanes: parsing an answer, a native collector at work, finding the
 * series, handing the column to the store. What the network thread takes for an answer is not in
 * it. Bytes are those of answers as they came over the wire; of a native collector, what it read
 * from files. What it read from a socket is not known.
 *
 * A sum lives as long as a target that is in it. The first COSTS_MAX jobs have one each, all others
 * share one, whose job is COSTS_REST: a thousand jobs are no thousand series.
 *
 * Threads: the loop's.
 */
#ifndef COLLECT_COST_H
#define COLLECT_COST_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

#define COSTS_MAX  100u
#define COSTS_REST "other"

struct cost {
    uint64_t cycles;
    int64_t cpu_ns, wall_ns;
    uint64_t bytes;
    uint64_t samples; /* of the last cycle; of a sum: of all its targets */
};

struct cost_sum {
    char *job, *kind; /* owned */
    size_t targets;
    struct cost cost;
};

struct costs {
    struct cost_sum **sums; /* owned, each too; [n] */
    size_t n, cap;
};

void costs_fini(struct costs *cs);
/* The sum for a target of this job and kind; to be left with costs_leave. */
MUST_USE struct cost_sum *costs_join(struct costs *cs, const char *job, const char *kind);
/* `samples` of the target go with it. */
void costs_leave(struct costs *cs, struct cost_sum *sum, uint64_t samples);

/* Adds one cycle to a target's cost and to its sum. */
void cost_add(struct cost *of, struct cost_sum *sum, const struct cost *cycle);

#endif
