/* sink: how samples get in. One of the two seams (the other is model/source.h).
 *
 * The unit is the *group*: series that get samples together, with one timestamp column.
 *
 *   pull group   a scrape target, a native collector, or one rule. Series are *slots* 0..n-1 of the
 *                group, in the order they were first resolved; a commit is a column: one time, a
 *                bit a slot "is there", a value a slot.
 *   push         remote write, OTLP, import; and the samples of a scrape that bring a timestamp of
 *                their own. Rows of (series, time, value), any order of series, times ascending
 *                within a series. How rows become groups is the store's business.
 *
 * Life of a pull group:
 *
 *   group_open -> resolve (new series) -> commit -> done -> resolve, commit -> done ... group_close
 *
 * Staleness. What was present in "the commit before" and is not in this column gets a staleness
 * marker at this column's time. "The commit before" is the last column of the data group that was
 * taken (WRITTEN or UNLOGGED) with a time above all earlier ones; it survives a cut of the head and
 * a reopened handle, by series and not by slot. REFUSED and STALE columns change nothing. A column
 * whose time is not above the last one is taken sample by sample like rows (duplicate, conflict,
 * side buffer, late), without markers. A value that is the staleness NaN equals "not present".
 * Rows never cause markers.
 *
 * Visibility. A column becomes visible whole, so a parse error or a limit drops a scrape whole: the
 * caller simply does not commit. Rows become visible data group by data group. All of a batch is
 * visible before `done`: a select begun after it sees it.
 *
 * Generations. When the store cuts its head, slots and refs are handed out anew. A batch with a ref
 * of an old generation writes nothing and ends SINK_STALE: resolve all again and commit the same
 * batch again before a newer one.
 *
 * Ownership. Everything a batch points to is the caller's and must stay until `done`. Label sets
 * given to resolve are copied. A group handle is owned by who opened it.
 *
 * Threads. group_open and resolve wait for the index lock: any thread but the loop. commit and
 * group_close never block: any thread. A commit with may_wait is for threads that may wait for the
 * disk: the store may take the batch there and then, which saves waking a thread. At most one
 * commit of a group is under way. `done` is called exactly once for each commit, on a thread of the
 * store or within a commit that may wait, at the latest in db_close; it does no more than post a
 * message to its owner.
 */
#ifndef MODEL_SINK_H
#define MODEL_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/clock.h"

struct err;
struct labels;
struct metadata;
struct sink;
struct sink_group; /* opaque, the store's */

#define SINK_NO_ID UINT32_MAX /* in sink_ref.id: refused by the limit on series */

/* A slot of a pull group, or the ref of a pushed series; valid for one generation. */
struct sink_ref {
    uint32_t id;
    uint32_t generation;
};

struct sink_row {
    struct sink_ref ref;
    ts_ms ts;
    double value;
};

enum sink_outcome {
    SINK_OK,
    SINK_DUPLICATE, /* same time, same value: accepted, counted once */
    SINK_CONFLICT,  /* same time, another value: refused, the first stays */
    SINK_LATE,      /* before the late window */
    SINK_FUTURE,    /* later than now + 10 min */
    SINK_OUTCOMES,
};

enum sink_verdict {
    SINK_WRITTEN,  /* in the log and visible; outcomes say what became of each sample */
    SINK_UNLOGGED, /* visible, but the disk is full or failing: in memory only (columns) */
    SINK_REFUSED,  /* nothing was taken: `reason` */
    SINK_STALE,    /* nothing was taken: resolve again, commit again */
};

enum sink_reason {
    SINK_NO_REASON,
    SINK_DISK_FULL,
    SINK_DISK_ERROR,
    SINK_BUSY, /* 64 MiB of rows wait already */
    SINK_CLOSING,
    SINK_UNLOGGED_FULL, /* 64 MiB of unlogged columns are kept already */
};

struct sink_exemplar {
    struct sink_ref ref;
    ts_ms ts;
    double value;
    const struct labels *labels;
};

/* One commit. One id space a batch: with a group, every ref (of rows and exemplars too) is a slot
 * of that group; without, every ref comes from resolve with group NULL. Fill everything down to
 * `done_arg`; the store fills the rest before it calls `done`. */
struct sink_batch {
    struct sink_group *group; /* NULL: rows only (push) */
    uint32_t generation;      /* of all refs and slots here; when resolve returned different
                               * ones meanwhile, resolve all again. Metadata alone needs none. */

    /* The column, for pull groups; ignored when group is NULL. */
    ts_ms ts;
    uint32_t slots;          /* its length: highest slot used + 1 */
    const uint64_t *present; /* (slots + 63) / 64 words, slot i is bit i % 64 of word i / 64 */
    /* A hint: slots whose bits differ from the last commit of this handle that ended WRITTEN or
     * UNLOGGED with every sample of the column SINK_OK. NULL: the store compares. NULL too after
     * any other end, and for the first commit of a generation. */
    const uint64_t *changed;
    const double *values; /* by slot; valid wherever present, changed or not */

    /* Pushed samples, or samples of a scrape with their own timestamps. */
    const struct sink_row *rows;
    size_t rows_n;
    bool any_age; /* of the rows: those before the late window are taken too */

    const struct sink_exemplar *exemplars;
    size_t exemplars_n;
    const struct metadata *metadata; /* families new or changed since the commit before */
    size_t metadata_n;

    bool may_wait;
    void (*done)(struct sink_batch *batch);
    void *done_arg;

    /* The answer. */
    enum sink_verdict verdict;
    enum sink_reason reason;
    int os;                           /* errno behind it, 0 when none */
    uint64_t outcomes[SINK_OUTCOMES]; /* samples, column and rows together */
    uint8_t *row_outcomes; /* caller's array of rows_n, or NULL: enum sink_outcome each */

    struct sink_batch *next; /* the store's queue */
};

struct sink {
    /* `key` names the group: the target's labels (identity only, not added to the series). Two
     * opens with an equal key get the same data group; only one handle may be open at a time
     * (ERR_EVAL). `series_max` (0: none) bounds the series that it has until the store cuts its
     * head: those past it are refused as by the head's limit. */
    MUST_USE int (*group_open)(struct sink *s, const struct labels *key, size_t series_max,
                               struct sink_group **out, struct err *err);
    /* After `done` of the last commit. The key may be opened again at once; the slots are the data
     * group's, so the first id of the next handle need not be 0. */
    void (*group_close)(struct sink *s, struct sink_group *group);
    /* n label sets under one lock; group NULL: pushed series. The same set gives the same id
     * within a generation. A set over the head's limit, or the group's, gives SINK_NO_ID (no
     * error): leave it out; the store counts it. */
    MUST_USE int (*resolve)(struct sink *s, struct sink_group *group,
                            const struct labels *const labels[], size_t n, struct sink_ref out[],
                            struct err *err);
    void (*commit)(struct sink *s, struct sink_batch *batch);
};

#endif
