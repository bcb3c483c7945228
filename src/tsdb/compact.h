/* compact: several blocks become one: the 2 h windows and side blocks of a day.
 *
 * Samples of one series are merged by time; where two blocks have the same time the block of the
 * larger generation wins. Timestamp columns are merged too: the groups that share series become one
 * group whose column is the union of theirs.
 *
 * Order on disk: the successor is durable, and names its parents, before a parent is deleted. A
 * crash between leaves both; db_open then drops the parents.
 *
 * Memory: the index of the successor, a few bytes a series, and one series' samples. Blocks are
 * read through a small cache of its own, so queries keep theirs.
 *
 * Threads: upkeep. Errors: ERR_CORRUPT when a block cannot be read whole: nothing is written, and
 * the block's bad pages are counted, so that compact_plan leaves it alone from then on.
 */
#ifndef TSDB_COMPACT_H
#define TSDB_COMPACT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct block;
struct err;
struct fs;
struct tombs;

#define COMPACT_BLOCKS_MAX 64u
#define COMPACT_RANGE_MS   INT64_C(86400000)

/* Which blocks to merge next: indexes into blocks[], at least two; 0: nothing to do. Of each day
 * (UTC) that is over, that is a block begins after it, all blocks; with them whatever overlaps.
 * `force`: days that are not over too. Of more than COMPACT_BLOCKS_MAX those of the largest
 * generations. A day with bad pages is left alone. Call again after. */
size_t compact_plan(struct block *const blocks[], size_t n, bool force,
                    size_t out[COMPACT_BLOCKS_MAX]);

/* One block and all that overlap it, directly or through others, for the sake of blocks[first]:
 * indexes into blocks[]; 0: more than COMPACT_BLOCKS_MAX, or one has bad pages. */
size_t compact_around(struct block *const blocks[], size_t n, size_t first,
                      size_t out[COMPACT_BLOCKS_MAX]);

/* Merges n blocks, 1 <= n <= COMPACT_BLOCKS_MAX, into a new one and returns its name in `name_out`
 * (>= 80 bytes; "": nothing was left), without what `tombs` (NULL: none) says is deleted.
 * `generation` is larger than that of every block there is. Stops with ERR_CANCELLED soon after
 * *cancelled (may be NULL) is set. */
MUST_USE int compact_run(struct fs *fs, struct block *const blocks[], size_t n,
                         const struct tombs *tombs, uint32_t generation, const uint8_t uuid[16],
                         const atomic_bool *cancelled, char *name_out, struct err *err);

#endif
