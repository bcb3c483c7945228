/* families: what was last said of each metric family, so that the store hears of it once.
 *
 * Targets and senders repeat type and help with every scrape. Kept are two hashes a family, nothing
 * of the text; and, for an exposition that repeats its metadata lines block by block, one hash a
 * block in their order, so that a parser may step over them.
 *
 * Threads: none of its own.
 */
#ifndef COLLECT_FAMILIES_H
#define COLLECT_FAMILIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "model/metadata.h"

/* Families and blocks kept; past it all are forgotten and told again. */
#define FAMILIES_MAX (1u << 16)

struct families {
    struct family_entry *entries; /* owned; [cap], a power of two */
    size_t n, cap;
    struct family_block *blocks; /* owned; [blocks_n], in the order they come */
    size_t blocks_n, blocks_cap;
    size_t next_block; /* the one expected; start each round at 0 */
};

void families_init(struct families *f);
void families_fini(struct families *f);
/* True when it is new or differs from what was noted, and notes it. */
bool families_note(struct families *f, const struct metadata *m);
/* Is this the block expected next? Then the type in force behind it, and on to the next. */
bool families_expect_block(struct families *f, struct str block, enum metric_type *type);
/* Every family of the block was noted: it takes the place of the one expected. */
void families_learn_block(struct families *f, struct str block, enum metric_type type);
/* What was noted did not reach the store: all are told again. */
void families_forget(struct families *f);

#endif
