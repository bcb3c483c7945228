/* record: what a producer emitted, kept to be emitted again.
 *
 * A collector that may hang writes into a record on a thread of its own; the target takes it over
 * only once it is whole.
 *
 * Ownership: everything lives in the record's arena. Threads: one at a time.
 */
#ifndef COLLECT_RECORD_H
#define COLLECT_RECORD_H

#include <stddef.h>

#include "base/arena.h"
#include "base/attr.h"
#include "model/emit.h"

struct record_item;

struct record {
    struct emit emit; /* first: give this to the producer */
    struct arena arena;
    struct record_item *items;
    size_t n, cap;
};

void record_init(struct record *r, struct budget *budget);
void record_fini(struct record *r);
void record_reset(struct record *r);
MUST_USE int record_replay(const struct record *r, struct emit *emit, struct err *err);

#endif
