/* sink: how samples get in. One of the two seams (the other is model/source.h).
 *
 * The unit is the *group*: series that get samples together, with one timestamp column.
 *
 *   pull group   a scrape target, a native collector or a rule group. Series are *slots* 0..n-1 of
 *                the group, in the order they were first resolved; a commit is a column: one time,
 *                a bit a slot "is there", a value a slot. What was there in the commit before and
 *                is not now gets a staleness marker at the commit's time.
 *   push         remote write, OTLP, import; and the samples of a scrape that bring a timestamp of
 *                their own. Rows of (series, time, value), any order of series, times ascending
 *                within a series. How rows become groups is the store's business.
 *
 * Life of a pull group:
 *
 *   group_open -> resolve (for each new series) -> commit -> commit ... -> group_close
 *
 * Nothing of a commit is visible before all of it is, so a parse error or a limit drops a scrape
 * whole: the caller simply does not commit.
 *
 * Generations. When the store cuts its head, slots and series refs are handed out anew: the
 * generation of each open group rises. A commit made with an old generation writes nothing and ends
 * with `stale` true; resolve all series again and commit again. (resolve returns the current one.)
 *
 * Ownership. Everything a batch points to is the caller's and must stay until `done`. Label sets
 * given to resolve are copied. A group handle is owned by who opened it; group_close leaves a
 * staleness marker only if the caller commits one (present all zero) first.
 *
 * Threads. group_open, group_close, resolve: any thread, but one at a time for one group. commit:
 * any thread, returns at once; for one group the next commit may be handed in before `done`, they
 * are written in order. `done` runs on the store's writer thread and must do no more than post a
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

/* A slot of a pull group, or the ref of a pushed series; valid for one generation. */
struct sink_ref {
    uint32_t id;
    uint32_t generation;
};

struct sink_row {
    struct sink_ref ref;
    ts_ms           ts;
    double          value;
};

enum sink_outcome {
    SINK_OK,
    SINK_DUPLICATE, /* same time, same value: accepted, counted once */
    SINK_CONFLICT,  /* same time, another value: refused, the first stays */
    SINK_LATE,      /* before the late window */
    SINK_FUTURE,    /* later than now + 10 min */
    SINK_LIMIT,     /* the head takes no new series */
    SINK_OUTCOMES,
};

enum sink_verdict {
    SINK_WRITTEN,  /* in the log and visible; outcomes say what became of each sample */
    SINK_UNLOGGED, /* visible, but the disk is full or failing: kept in memory only (pull groups) */
    SINK_REFUSED,  /* nothing was taken: disk full (push), or shutting down; err says which */
    SINK_STALE,    /* nothing was taken: resolve again, commit again */
};

struct sink_exemplar {
    struct sink_ref      ref;
    ts_ms                ts;
    double               value;
    const struct labels *labels;
};

/* One commit. Fill everything above `done_arg`; the store fills the rest before it calls `done`. */
struct sink_batch {
    struct sink_group *group; /* NULL: rows only (push) */

    /* Column part, for pull groups. Ignored when group is NULL. */
    ts_ms           ts;
    uint32_t        generation; /* of the refs below */
    uint32_t        slots;      /* length of the column, <= slots resolved so far */
    const uint64_t *present;    /* bitmap, slot i is bit i % 64 of word i / 64 */
    const uint64_t *changed;    /* the same; NULL: the store compares the values bit by bit */
    const double   *values;     /* by slot; read only where changed (or, without it, present) */

    /* Row part: pushed samples, and samples of a scrape with their own timestamps. */
    const struct sink_row *rows;
    size_t                 rows_n;

    const struct sink_exemplar *exemplars;
    size_t                      exemplars_n;
    const struct metadata      *metadata; /* families new or changed since the commit before */
    size_t                      metadata_n;

    void (*done)(struct sink_batch *batch); /* on the writer thread */
    void *done_arg;

    /* The answer. */
    enum sink_verdict verdict;
    int               os; /* errno behind SINK_UNLOGGED and SINK_REFUSED, 0 when none */
    uint64_t          outcomes[SINK_OUTCOMES]; /* how many samples, column and rows together */
    uint8_t          *row_outcomes; /* caller's array of rows_n, or NULL: enum sink_outcome each */

    struct sink_batch *next; /* the store's queue */
};

struct sink {
    /* `key` names the group: the target's labels. Two opens with an equal key get the same data
     * group; only one handle may be open at a time (ERR_EVAL). */
    MUST_USE int (*group_open)(struct sink *s, const struct labels *key, struct sink_group **out,
                               struct err *err);
    void (*group_close)(struct sink *s, struct sink_group *group);
    /* group NULL: a pushed series. The same label set gives the same id within a generation.
     * ERR_LIMIT: the head refuses new series (count the sample as SINK_LIMIT). */
    MUST_USE int (*resolve)(struct sink *s, struct sink_group *group, const struct labels *labels,
                            struct sink_ref *out, struct err *err);
    void (*commit)(struct sink *s, struct sink_batch *batch);
};

#endif
