/* fresh: what is gathered in one cycle of series that have no slot yet: their labels, the values
 * that wait for the slots, and what all that will take in the store.
 *
 * Threads: one at a time, as its target's. Everything is charged to the budget, and returned by
 * fresh_end: lists that grew to many MiB leave nothing behind.
 */
#ifndef COLLECT_FRESH_H
#define COLLECT_FRESH_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"

struct err;
struct labels;

/* A sample whose series has no slot yet; `line` of the lines known. */
struct fresh_sample {
    uint32_t place, line;
    double value;
};
_Static_assert(sizeof(struct fresh_sample) == 16, "one a new series");

struct fresh {
    struct budget *budget;        /* borrowed; NULL: none */
    struct arena arena;           /* labels of the series; for what lives as long as they */
    const struct labels **labels; /* owned; [n], in the order they came */
    size_t n, cap;
    struct fresh_sample *samples; /* owned; [samples_n] */
    size_t samples_n, samples_cap;
    size_t store_bytes;      /* charged: what the series take in the store */
    uint32_t *recent_values; /* hashes, in `arena`; NULL: none yet */
};

void fresh_init(struct fresh *f, struct budget *budget);
/* Nothing is gathered any more; ready for the next cycle. */
void fresh_end(struct fresh *f);

/* Charges what a series of these labels takes in the store. */
MUST_USE int fresh_charge(struct fresh *f, const struct labels *labels, struct err *err);
/* `labels` lives in f->arena, or as long as it. */
MUST_USE int fresh_add(struct fresh *f, const struct labels *labels, struct err *err);
MUST_USE int fresh_wait(struct fresh *f, uint32_t place, uint32_t line, double value,
                        struct err *err);

#endif
