/* stream: the values of one series in one window of the head, over positions of its group's column.
 *
 * Only changes are kept: what lies between two events repeats the first one. An event is one header
 * byte, perhaps a varint, and the changed bytes of the value (layout in stream.c). Bytes live in a
 * chain of slabs that never move and are only appended to, so a *view* taken under the head's lock
 * can be decoded later without one, while the writer goes on.
 *
 * Ownership: slabs belong to the pool of the window and go with it.
 * Threads: one writer; a view is read by any number.
 */
#ifndef TSDB_STREAM_H
#define TSDB_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

#define SLAB_BYTES 56u

struct slab {
    struct slab *next;
    uint8_t bytes[SLAB_BYTES];
};

struct slab_page;

struct slabs {
    struct slab_page *pages; /* owned, newest first */
    struct slab *spare;      /* next unused one of the newest page */
    size_t left;
    size_t bytes;
};

void slabs_fini(struct slabs *pool);
struct slab *slabs_take(struct slabs *pool);

#define STREAM_NONE UINT32_MAX
#define STREAM_OPEN UINT32_MAX /* stream.end of a pull group's: as long as its group's column */

struct stream {
    uint64_t last; /* bits of the newest value that is not a staleness marker */
    struct slab *first, *tail;
    uint32_t bytes; /* encoded, over all slabs; the padding at slab ends counts */
    uint32_t start; /* position of the first sample */
    uint32_t next;  /* one past the position of the last event */
    uint32_t end;   /* one past the last position it speaks of */
    uint32_t series, group;
    uint32_t prev;      /* older stream of the same series in this window, or STREAM_NONE */
    uint32_t slot : 29; /* of a pull group */
    uint32_t present : 1;
    uint32_t misses : 2; /* times in a row that its timestamps were not the column's next */
};
_Static_assert(sizeof(struct stream) <= 64, "a stream fits a cache line");

/* A sample at `pos` >= next. The staleness NaN ends the run: no samples until the next put. */
void stream_put(struct slabs *pool, struct stream *st, uint32_t pos, uint64_t bits);
/* No samples from `pos` on until the next put. */
void stream_absent(struct slabs *pool, struct stream *st, uint32_t pos);

struct stream_view {
    const struct slab *first;
    uint32_t bytes, start, end;
};

struct stream_run {
    uint32_t pos, n; /* positions pos .. pos+n-1 have samples */
};

struct stream_runs {
    struct stream_run *items; /* owned */
    size_t n, cap;
};

/* Decodes the samples at positions [lo, hi): values dense into `values` (room for hi - lo), the
 * positions appended to `runs`. Returns how many values. */
size_t stream_decode(const struct stream_view *v, uint32_t lo, uint32_t hi, double *values,
                     struct stream_runs *runs);
/* The sample at one position; false when there is none. */
bool stream_at(const struct stream_view *v, uint32_t pos, uint64_t *bits);

#endif
