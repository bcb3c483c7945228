/* target: what one target exposed in one cycle becomes one commit of its pull group.
 *
 *   target_begin -> a producer writes into target.emit -> target_finish -> commit target.batch
 *                -> target_committed -> target_keep
 *
 * A sample without a time of its own sets its slot of the column; one with a time
 * (honor_timestamps) becomes a row. Lines that came in the cycle before are stepped over or cost no
 * more than their value (known.h); new series are gathered and resolved in one call. When the
 * producer failed, the column holds nothing but the target's own series (up and scrape_*), so the
 * store marks all others stale; the same happens to each series that is no longer exposed.
 *
 * As Prometheus does it: the first of two samples of one series counts; scrape_samples_scraped is
 * what was read until an error; a series is "added" when the last good cycle did not have it. Of
 * two series that relabelling makes one, the first counts too. More samples than sample_limit fail
 * the cycle once all are counted; what comes past the limit is not gathered.
 *
 * All a cycle takes is charged to the settings' budget, also what the store will take for series it
 * has not had: what a target exposes cannot make the process grow by more than that at once.
 *
 * Threads: one at a time. begin, producer and finish on a lane; target_committed anywhere after
 * `done`. Between commit and done nothing here may be touched.
 */
#ifndef COLLECT_TARGET_H
#define COLLECT_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/clock.h"
#include "collect/families.h"
#include "collect/fresh.h"
#include "collect/jobs.h"
#include "collect/known.h"
#include "collect/watch.h"
#include "model/emit.h"
#include "model/sink.h"

struct err;
struct labels;
struct scrape_job;

/* The series about the target itself, in the order they are committed. */
enum target_report {
    TARGET_REPORT_UP,
    TARGET_REPORT_DURATION,
    TARGET_REPORT_SCRAPED,
    TARGET_REPORT_KEPT,
    TARGET_REPORT_ADDED,
    TARGET_REPORTS,
};

struct target_list {
    void *items;
    size_t n, cap;
};

struct target_counts {
    uint64_t scraped;    /* samples read */
    uint64_t dropped;    /* of these, by relabelling; and the one whose labels failed the cycle */
    uint64_t added;      /* series the last good cycle did not have */
    uint64_t duplicates; /* samples of a series that had one already */
    uint64_t limited;    /* samples of new series the store has no room for */
    uint64_t exemplars_dropped;
    uint64_t types_changed; /* metric families that had another type before */
};

/* The first family of a cycle whose type changed. */
struct target_retyped {
    char family[100]; /* may be cut short */
    enum metric_type before, after;
};

struct target_settings_core {
    struct sink *sink;
    const struct labels *key;           /* borrowed: of its group; NULL: the labels */
    const struct labels *labels;        /* borrowed: of the target, and so of up */
    const struct labels *sample_labels; /* borrowed: what is added to samples */
    bool honor_labels, honor_timestamps;
    const struct scrape_job *job; /* borrowed: metric relabelling and limits; NULL: none */
    struct budget *budget;
    struct events *events; /* borrowed: told of what happened; NULL: nobody is */
};

struct target {
    struct target_settings_core settings;
    struct sink_group *group; /* owned; opened at the first cycle */
    struct known known;
    struct families families;

    /* Of the group, while the generation lasts. */
    bool has_generation;
    uint32_t generation;
    uint32_t report_slots[TARGET_REPORTS];
    double *values;                       /* owned; [slots_cap] */
    uint64_t *present, *before, *changed; /* owned; [slots_cap / 64]; before: of the last column */
    size_t slots_cap;
    uint32_t slots_before;
    bool hint;   /* the last column was taken whole, so `changed` is true */
    bool tell;   /* what was last said of a family may not be what the lines known say */
    bool trusts; /* `values` and `before` are what the lines known say */

    struct watch watch;
    struct jobs jobs;
    bool has_jobs; /* a list of jobs came in this cycle */

    /* Of the cycle. */
    struct emit emit;
    struct arena arena;
    struct arena scratch; /* of one sample */
    struct fresh fresh;   /* of new series, until their slots are known */
    bool stored;          /* it had its series before: the store cut its head */
    uint32_t slots;       /* highest slot of the column + 1 */
    bool ok;
    bool unwell; /* set before target_finish: the samples are good, and up is 0 */
    struct target_list rows, exemplars, metadata; /* in `arena` */
    struct emit_clip *clips;                      /* [clips_n] there too: told of in this cycle */
    size_t clips_n, clips_cap;
    uint64_t clips_left_out;
    struct target_counts counts;
    struct target_retyped retyped; /* when counts.types_changed */
    struct sink_batch batch;       /* any_age, may_wait, done, done_arg: the caller's to set */
};

void target_init(struct target *t, const struct target_settings_core *settings);
/* Closes the group; no commit may be under way. */
void target_fini(struct target *t);

/* Starts a cycle of time `ts`. */
void target_begin(struct target *t, ts_ms ts);

enum target_next {
    TARGET_COMMIT, /* hand target.batch to the store */
    TARGET_AGAIN,  /* slots were handed out anew: begin, produce and finish again */
    TARGET_FAILED, /* nothing can be committed; err says why */
};
/* `ok`: the producer ended well. When what it emitted cannot be stored (a label given twice,
 * memory) *ok becomes false, err says why, and the column is that of a failed cycle. `seconds` is
 * how long the cycle took. */
enum target_next target_finish(struct target *t, bool *ok, double seconds, struct err *err);

/* Instead of target_finish, without anything emitted: a column that holds nothing, so that the
 * store marks all that the target ever had stale, up too. TARGET_FAILED: it never had anything. */
enum target_next target_vanish(struct target *t, struct err *err);

/* Reads the store's answer. True: it was stale, so run the cycle again. */
bool target_committed(struct target *t);

/* After that: the text that was parsed (heap, owned from here on) is what the next one is compared
 * with. Without it all of the next is parsed. */
void target_keep(struct target *t, char *text, size_t n);

#endif
