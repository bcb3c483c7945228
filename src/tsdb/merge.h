/* merge: the series of several blocks in label order, each with its samples merged by time.
 *
 *   merge_open -> while merge_next gives a series: look at it, merge_read -> merge_close
 *
 * Where two blocks have the same time the block of the larger generation wins. Blocks are opened
 * anew through a small cache, so that queries keep theirs.
 *
 * Threads: one. Errors: those of reading a block; after one, close.
 */
#ifndef TSDB_MERGE_H
#define TSDB_MERGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/clock.h"
#include "tsdb/block_impl.h"
#include "tsdb/tomb.h"

/* One block being read along. */
struct merge_input {
    struct block *block; /* owned */
    struct block_reader *reader;
    struct block_walk *walk;
    struct dir_walk dir;
    struct arena keep;        /* reader, directory */
    struct arena labels;      /* of the series it stands before */
    const struct labels *now; /* NULL: at the end */
    uint32_t series;
    bool here; /* has the series that merge_next gave */
    struct tomb_list deletes;
};

struct merge {
    struct cache *cache; /* owned */
    struct budget budget;
    struct merge_input *inputs; /* owned */
    size_t inputs_n;
    const struct labels *labels; /* of the series now */
    struct tomb_spans spans;
};

struct merge_samples {
    ts_ms *ts;
    double *values;
    size_t n;
};

/* m is filled even on failure: close it. What `tombs` (borrowed; NULL: none) says is deleted is
 * left out; a series may be left without samples. */
MUST_USE int merge_open(struct merge *m, struct fs *fs, const char *const names[], size_t n,
                        const struct tombs *tombs, struct err *err);
void merge_close(struct merge *m);
/* Back to before the first series. */
MUST_USE int merge_rewind(struct merge *m, struct err *err);
/* The next series: m->labels, NULL at the end; the inputs that have it are `here`. */
MUST_USE int merge_next(struct merge *m, struct err *err);
/* Its samples, in memory of `a`. */
MUST_USE int merge_read(struct merge *m, struct arena *a, ts_ms mint, ts_ms maxt,
                        struct merge_samples *out, struct err *err);

#endif
