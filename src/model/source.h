/* source: how series get out. One of the two seams (the other is model/sink.h).
 *
 *   source_select -> set: the series that match, each with its labels, in labels_compare order
 *   reader_open   -> one reader a thread, with an arena of its own
 *   read(reader, i) -> the samples of series i as *runs*: (const ts *, const value *, n)
 *
 * Runs of one series are in time order and do not overlap; duplicates between head, side buffers
 * and blocks are merged already. Staleness markers are ordinary samples with the staleness NaN.
 *
 * Series of one group share their timestamp columns: when `group` of two series is equal and not 0,
 * and their runs have the same `ts` pointers (within one reader), the sample range of a step's
 * window found for one holds for the other. Look before searching.
 *
 * A damaged part of the store is left out, never guessed: the set gets a warning.
 *
 * Threads. One set may be read by several readers at once, each on a thread of its own. A reader
 * belongs to one thread. The set holds what it reads alive (blocks, head) until it is freed, so
 * free it soon.
 */
#ifndef MODEL_SOURCE_H
#define MODEL_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/str.h"

struct arena;
struct err;
struct labels;
struct matcher;
struct metadata;
struct source;

struct source_run {
    const ts_ms  *ts;     /* ascending */
    const double *values; /* as many */
    size_t        n;      /* >= 1 */
};

struct source_series {
    uint64_t                 group; /* 0: shares nothing */
    const struct source_run *runs;
    size_t                   runs_n;
};

struct source_set {
    const struct labels *const *labels; /* [n], sorted by labels_compare, unique */
    size_t                      n;
    const char *const          *warnings; /* [warnings_n]; grows while reading */
    size_t                      warnings_n;
};

struct source_reader; /* opaque */

struct source_hints {
    size_t series_max; /* 0: no bound; more is ERR_LIMIT */
    bool   labels_only; /* the caller will not read samples: order and existence suffice */
};

struct source {
    /* Series with at least one sample in [mint, maxt] (both inclusive) as far as the index tells:
     * a series may still read as empty. matchers_n >= 1, not all matching the empty string. Memory
     * of the set comes from `a`; set_free releases what it holds besides. */
    MUST_USE int (*select)(struct source *s, struct arena *a, const struct matcher matchers[],
                           size_t matchers_n, ts_ms mint, ts_ms maxt,
                           const struct source_hints *hints, struct source_set **out,
                           struct err *err);
    void (*set_free)(struct source *s, struct source_set *set); /* NULL is fine */

    MUST_USE int (*reader_open)(struct source *s, struct source_set *set, struct arena *a,
                                struct source_reader **out, struct err *err);
    /* Samples of series i in [mint, maxt] of the select. Valid until the next read on this reader
     * (timestamp columns: until reader_close, so that pointers can be compared). */
    MUST_USE int (*read)(struct source_reader *r, size_t i, struct source_series *out,
                         struct err *err);
    void (*reader_close)(struct source_reader *r); /* NULL is fine */

    /* Sorted, unique; of all series (matchers_n 0) or of those that match, in [mint, maxt] as far
     * as the index tells (a whole block or head counts). limit 0: no bound. */
    MUST_USE int (*label_names)(struct source *s, struct arena *a, const struct matcher matchers[],
                                size_t matchers_n, ts_ms mint, ts_ms maxt, size_t limit,
                                struct str **out, size_t *out_n, struct err *err);
    MUST_USE int (*label_values)(struct source *s, struct arena *a, struct str name,
                                 const struct matcher matchers[], size_t matchers_n, ts_ms mint,
                                 ts_ms maxt, size_t limit, struct str **out, size_t *out_n,
                                 struct err *err);
};

#endif
