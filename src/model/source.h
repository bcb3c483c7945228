/* source: how series get out. One of the two seams (the other is model/sink.h).
 *
 *   select          -> set: the series that match, each with its labels, in labels_compare order
 *   reader_open     -> one reader a thread, with an arena of its own
 *   read(reader, i) -> the samples of series i as *runs*: (const ts *, const value *, n)
 *
 * Runs of one series are in time order and do not overlap; duplicates between head, side buffers
 * and blocks are merged already. Staleness markers are ordinary samples with the staleness NaN.
 *
 * Columns. Series of one group share their timestamp column. Two runs with the same column id have
 * the same times at the same positions, so the window bounds of a step, found once for the column,
 * hold for every run of it (clamped to the run's part). Look before searching.
 *
 * Snapshot. select fixes which blocks, which head, and how many commits of each group the set sees:
 * all readers see the same samples, each once, whatever is committed, cut or compacted meanwhile.
 *
 * Locks. A set or reader holds no lock between calls: its thread may resolve and wait for commits.
 * The cut never waits for a set; what the set needs stays in memory until the last set goes, so
 * free it soon.
 *
 * Damage. A damaged part of the store is left out, never guessed: the set gets a warning.
 *
 * Threads. One set may be read by several readers at once, each on a thread of its own. Readers are
 * closed before set_free. None of this is called on the loop.
 */
#ifndef MODEL_SOURCE_H
#define MODEL_SOURCE_H

#include <stdatomic.h>
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
struct source;

/* A timestamp column shared by series. */
struct source_column {
    uint64_t id;     /* unique within the set, never reused: the key of a cache of bounds */
    const ts_ms *ts; /* [n], ascending; valid until the next read on this reader */
    size_t n;
};

struct source_run {
    const ts_ms *ts;      /* [n], ascending; equals column->ts + first when column is set */
    const double *values; /* [n], valid until the next read on this reader */
    size_t n;             /* >= 1 */
    const struct source_column *column; /* NULL: shares nothing (merged, or too many gaps) */
    size_t first;                       /* position of the run in the column */
};

struct source_series {
    const struct source_run *runs;
    size_t runs_n;
};

struct source_set {
    const struct labels *const *labels; /* [n], sorted by labels_compare, unique; copies in the
                                         * arena given to select, valid after set_free */
    size_t n;
    const char *const *warnings; /* [warnings_n]; look only while no reader is open */
    size_t warnings_n;
};

struct source_reader; /* opaque */

struct source_hints {
    size_t series_max;            /* 0: no bound; more is ERR_LIMIT */
    bool labels_only;             /* samples will not be read: order and existence suffice */
    bool any_order;               /* the series may come unsorted, where sorting is work */
    const atomic_bool *cancelled; /* NULL: cannot be; looked at every 1,024 series or page */
    int64_t deadline_ns;          /* of the store's monotonic clock; 0: none */
};

struct source_selector {
    const struct matcher *matchers;
    size_t n;
};

struct source_exemplar {
    ts_ms ts;
    double value;
    const struct labels *labels;
};

/* Those of one series, in time order. */
struct source_exemplars {
    const struct labels *series;
    const struct source_exemplar *items;
    size_t n;
};

struct source {
    /* Series with at least one sample in [mint, maxt] (both inclusive) as far as the index tells:
     * a series may still read as empty. matchers_n >= 1, not all matching the empty string. Memory
     * of the set comes from `a`; set_free releases what it holds besides. */
    MUST_USE int (*select)(struct source *s, struct arena *a, const struct matcher *matchers,
                           size_t matchers_n, ts_ms mint, ts_ms maxt,
                           const struct source_hints *hints, struct source_set **out,
                           struct err *err);
    void (*set_free)(struct source *s, struct source_set *set); /* NULL is fine */

    MUST_USE int (*reader_open)(struct source *s, struct source_set *set, struct arena *a,
                                struct source_reader **out, struct err *err);
    /* Samples of series i in [mint, maxt] of the select. Buffers are the reader's and reused:
     * memory is of the order of the longest series, not of all series read. */
    MUST_USE int (*read)(struct source_reader *r, size_t i, struct source_series *out,
                         struct err *err);
    void (*reader_close)(struct source_reader *r); /* NULL is fine */

    /* Sorted, unique; of all series (matchers_n 0) or of those that match, in [mint, maxt] as far
     * as the index tells (a whole block or head counts). limit 0: no bound. */
    MUST_USE int (*label_names)(struct source *s, struct arena *a, const struct matcher *matchers,
                                size_t matchers_n, ts_ms mint, ts_ms maxt, size_t limit,
                                struct str **out, size_t *out_n, struct err *err);
    MUST_USE int (*label_values)(struct source *s, struct arena *a, struct str name,
                                 const struct matcher *matchers, size_t matchers_n, ts_ms mint,
                                 ts_ms maxt, size_t limit, struct str **out, size_t *out_n,
                                 struct err *err);

    /* Exemplars in [mint, maxt] of the series that any selector matches, series in label order;
     * copies in the arena. NULL: the source has none. */
    MUST_USE int (*exemplars)(struct source *s, struct arena *a,
                              const struct source_selector *selectors, size_t selectors_n,
                              ts_ms mint, ts_ms maxt, struct source_exemplars **out, size_t *out_n,
                              struct err *err);
};

#endif
