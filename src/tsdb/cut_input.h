/* cut_input: frozen windows of the head as the input of a block (block.h).
 *
 * Every column of a window is a group, but that those where each series has one sample are one
 * group together; a series with late samples gets a group of its own, in which they are merged with
 * the others. The windows follow each other in time.
 *
 * Ownership: borrows the windows and the label sets, which stay while the windows are frozen.
 * Threads: one at a time.
 */
#ifndef TSDB_CUT_INPUT_H
#define TSDB_CUT_INPUT_H

#include <stdatomic.h>
#include <stddef.h>

#include "base/attr.h"
#include "tsdb/block.h"

struct cut_input;
struct head;
struct tombs;
struct window;

/* Takes index_lock (read) for a moment. Leaves out what `tombs` (borrowed; NULL: none) says is
 * deleted. `cancelled` may be NULL. */
struct cut_input *cut_input_new(struct head *h, struct window *const windows[], size_t n,
                                const struct tombs *tombs, const atomic_bool *cancelled);
struct block_input *cut_input_block(struct cut_input *c);
void cut_input_free(struct cut_input *c); /* NULL is fine */

#endif
