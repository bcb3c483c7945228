/* block: one immutable file of series over a range of time (FORMAT.md, "Block").
 *
 * Writing takes a `struct block_input`: groups with one timestamp column each, and series in label
 * order whose values are columns over positions of their group's column. The head's cut and the
 * compaction of several blocks are two inputs of the same writer.
 *
 * Reading goes through the page cache (tsdb/cache.h): every 64 KiB page is checked by its CRC when
 * first touched. A block that is open never changes; it is shared by reference.
 *
 * Threads: a block is read by any number; a writer runs on one thread.
 * Errors:  ERR_CORRUPT names the file and the offset, and is counted in the block's `bad_pages`.
 */
#ifndef TSDB_BLOCK_H
#define TSDB_BLOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/str.h"

struct arena;
struct cache;
struct err;
struct fs;
struct labels;
struct matcher;
struct source_series;

/* Values of one series in one group: positions first .. first+n-1 of the group's column. */
struct block_part {
    uint32_t group;
    uint32_t first, n;
    const uint64_t *present; /* bitmap over the n positions; NULL: all are there */
    const double *values;    /* one for each position that is there, dense */
};

struct block_series_in {
    const struct labels *labels;
    const struct block_part *parts; /* in time order, not overlapping in time */
    size_t parts_n;
};

struct block_input {
    size_t groups_n;
    /* The column stays valid until the next call for another group. */
    MUST_USE int (*group)(struct block_input *in, size_t group, const ts_ms **ts, size_t *n,
                          struct err *err);
    /* Called with i = 0, 1, 2 ... until *out is NULL; labels strictly ascending. Valid until the
     * next call. Returns -1 with ERR_CANCELLED to stop within a second. */
    MUST_USE int (*series)(struct block_input *in, size_t i, const struct block_series_in **out,
                           struct err *err);
};

struct block_meta {
    ts_ms mint, maxt;    /* of the samples, inclusive */
    uint32_t generation; /* which writer wins when two blocks hold the same timestamp: the larger */
    uint64_t samples, series, bytes;
    bool side; /* holds late samples: overlaps others until compacted */
    uint8_t uuid[16];
    const uint8_t (*parents)[16]; /* blocks this one was compacted from; db_open drops a block that
                                   * an open block names as its parent */
    uint32_t parents_n;
};

/* Writes `b-<mint>-<maxt>-<generation>.ear` (via .tmp, datasync, rename, sync of the directory) and
 * returns its name in `name_out` (>= 80 bytes). An input without samples writes nothing and
 * returns an empty name. Of `meta` it takes generation, side, uuid and parents. */
MUST_USE int block_write(struct fs *fs, struct block_input *in, const struct block_meta *meta,
                         char *name_out, struct err *err);

struct block; /* opaque */

/* Reads header and footer. ERR_TYPE: certainly a newer format (its header is sound): leave the file
 * untouched, refuse to start. ERR_EVAL: says it is newer, but the header is damaged (a flipped bit,
 * perhaps): leave it untouched, report it, start without it. ERR_CORRUPT: move it aside. */
MUST_USE int block_open(struct fs *fs, struct cache *cache, const char *name, struct block **out,
                        struct err *err);
struct block *block_ref(struct block *b);
void block_unref(struct block *b); /* NULL is fine */
const struct block_meta *block_meta(const struct block *b);
const char *block_name(const struct block *b);
/* Pages found damaged or unreadable so far, each counted once. select, label_names and label_values
 * leave out what such pages hold: compare before and after to warn. */
uint64_t block_bad_pages(const struct block *b);
/* Unlinks the file now (the open descriptor keeps readers going); after the successor is durable
 * and the block is out of the db's list. */
MUST_USE int block_delete(struct block *b, struct err *err);

/* Series that match, as ascending indexes into the block's sorted series. */
MUST_USE int block_select(struct block *b, struct arena *a, const struct matcher *matchers,
                          size_t matchers_n, uint32_t **out, size_t *n, struct err *err);
MUST_USE int block_labels(struct block *b, struct arena *a, uint32_t series,
                          const struct labels **out, struct err *err);

/* The same for many series: cheap when they are asked for in ascending order. It lives in `a` and
 * needs no closing; the label sets are made in the arena given with each. */
struct block_walk;
MUST_USE int block_walk_open(struct block *b, struct arena *a, struct block_walk **out,
                             struct err *err);
MUST_USE int block_walk_labels(struct block_walk *w, struct arena *a, uint32_t series,
                               const struct labels **out, struct err *err);

/* One thread's view: keeps decoded timestamp columns so that series of a group share them. */
struct block_reader;
MUST_USE int block_reader_open(struct block *b, struct arena *a, struct block_reader **out,
                               struct err *err);
/* Samples in [mint, maxt]. `a` is scratch that the caller resets between reads; columns belong to
 * the reader and follow source_column's rules. */
MUST_USE int block_read(struct block_reader *r, struct arena *a, uint32_t series, ts_ms mint,
                        ts_ms maxt, struct source_series *out, struct err *err);

MUST_USE int block_label_names(struct block *b, struct arena *a, struct str **out, size_t *n,
                               struct err *err);
MUST_USE int block_label_values(struct block *b, struct arena *a, struct str name, struct str **out,
                                size_t *n, struct err *err);

/* Re-checks every CRC and walks all invariants. */
MUST_USE int block_verify(struct block *b, struct err *err);

#endif
