/* head: what is not in a block yet: the series, the pull groups and the open windows.
 *
 *   series       one id a label set; found by label set or through the index
 *   pull group   keyed by its labels; its slots are series; it remembers its last column
 *   window       the samples (window.h); at most one active a stretch of 2 h, and frozen ones that
 *                wait to be cut
 *
 * Locks, taken in this order, none held across I/O:
 *   index_lock   guards series, by_labels, index, keys, pulls and their slots, generation
 *   data_lock    guards the windows and what is in them; and, in db, the list of blocks
 * Written under index_lock only when a series or group is born and after a cut; under data_lock by
 * the writer for each batch, so a view taken under it (read) holds whole batches.
 */
#ifndef TSDB_HEAD_H
#define TSDB_HEAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/map.h"
#include "model/labels.h"
#include "model/sink.h"
#include "tsdb/head_index.h"
#include "tsdb/pages.h"
#include "tsdb/window.h"

#define HEAD_NO_SERIES UINT32_MAX

struct series {
    struct labels *labels; /* owned; NULL: the id is not in use */
    /* What the log knows of it (wal_put.c); the writer's. */
    uint64_t log_last;
    uint32_t log_epoch;   /* of push values; 0: none */
    uint32_t log_segment; /* that defines the id */
};

struct pull {
    struct labels *key; /* owned */
    uint32_t id;        /* never used again */
    atomic_bool open;   /* somebody holds the handle */
    uint32_t *series;   /* by slot; HEAD_NO_SERIES: free slot */
    size_t n, cap;
    uint32_t *spare; /* free slots */
    size_t spare_n, spare_cap;
    struct pages slot_of; /* series -> slot + 1 */

    /* The writer's: the last column taken. */
    uint64_t *last;    /* by slot, bits; the staleness NaN: not there */
    uint64_t *present; /* bitmap */
    size_t last_n;     /* slots that both cover, a multiple of 64 */
    size_t there;      /* slots that are there */
    ts_ms last_ts;     /* INT64_MIN: none yet */
    bool by_row;       /* a later one went sample by sample: the sender's hint is against that */
    /* What the log knows of it. */
    uint32_t log_segment, log_slots, log_layout, log_commits;
    bool log_key_due;
};

struct head {
    pthread_rwlock_t index_lock, data_lock;

    struct series *series;
    uint32_t *keys; /* push key, by series */
    size_t series_n, series_cap, keys_cap;
    size_t series_live, series_max;
    uint32_t *spare; /* ids that are free */
    size_t spare_n, spare_cap;
    struct map by_labels; /* -> struct labels of the series; its id stands before it */
    struct head_index index;
    struct map push_keys;
    uint32_t push_keys_n;
    struct pull **pulls; /* by id; NULL: gone */
    size_t pulls_n, pulls_cap;
    uint32_t generation;
    size_t labels_bytes;

    struct window **active; /* by start */
    size_t active_n, active_cap;
    struct window **frozen; /* oldest first */
    size_t frozen_n, frozen_cap;
    struct window *recent; /* one of `active`, where the last sample went */
    uint64_t window_uid;   /* of the newest window */
    ts_ms max_ts;          /* of all samples taken since start, less a step back of the clock */

    /* Is the sample of a buried window deleted? NULL: none is. Under data_lock. */
    bool (*deleted)(void *arg, const struct window *w, uint32_t series, ts_ms ts);
    void *deleted_arg;
};

void head_init(struct head *h, size_t series_max);
void head_fini(struct head *h);

/* ---- under index_lock (write) ---- */

/* The id of a label set, made if it is new; HEAD_NO_SERIES when the head is full. */
uint32_t head_series_make(struct head *h, const struct labels *ls);
struct pull *head_pull_make(struct head *h, const struct labels *key);
uint32_t head_slot_make(struct pull *p, uint32_t series);
/* The group begins anew; what it stored stays. */
void head_pull_forget(struct head *h, struct pull *p);
/* Forgets series without samples in any window and slots of such, and raises the generation.
 * data_lock (read) is held too. */
void head_collect(struct head *h);

/* ---- under index_lock (read) ---- */

uint32_t head_series_find(const struct head *h, const struct labels *ls);
struct pull *head_pull_find(const struct head *h, const struct labels *key);

/* ---- the writer, under data_lock (write); reading itself needs none ---- */

/* The active window of a time, made if there is none. */
struct window *head_window(struct head *h, ts_ms ts);
struct window *head_window_find(struct head *h, ts_ms ts);
/* What would become of a sample. */
enum sink_outcome head_check(struct head *h, uint32_t series, ts_ms ts, uint64_t bits);
enum sink_outcome head_put(struct head *h, uint32_t series, ts_ms ts, uint64_t bits);

/* The difference between a column and the last one of its group. */
struct head_diff {
    uint32_t *slots;  /* owned, ascending */
    uint64_t *values; /* owned, bits; the staleness NaN: gone */
    size_t n, slots_cap, values_cap;
};
void head_diff_fini(struct head_diff *d);
void head_pull_diff(struct pull *p, const struct sink_batch *b, struct head_diff *d);
/* The slot was there in the last column, whatever its value. */
void head_pull_assume(struct pull *p, uint32_t slot);
/* Takes a column above the group's last time. Adds to outcomes what became of the samples. */
void head_column(struct head *h, struct pull *p, ts_ms ts, const struct head_diff *d,
                 uint64_t outcomes[SINK_OUTCOMES]);

/* Moves an active window to the frozen ones. */
void head_freeze(struct head *h, struct window *w);
/* The clock stepped back: times are compared with what comes from now on. */
void head_clock_reset(struct head *h);
/* Lets go of a frozen window (or of an active one). */
void head_drop(struct head *h, struct window *w);

struct head_sums {
    uint64_t samples;
    size_t bytes;
    ts_ms min_ts, max_ts;
    ts_ms oldest_ts; /* min_ts to begin with */
};
struct head_sums head_sums(const struct head *h); /* under data_lock */

#endif
