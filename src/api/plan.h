/* plan: what was found on this machine, held against a configuration: what is watched already, what
 * would be added, and what needs a person. `earshot up` and the page show the same.
 *
 * Threads: any; plan_make, plan_write and plan_undo wait for files: a lane. Ownership: the arena.
 */
#ifndef API_PLAN_H
#define API_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"
#include "collect/recognise/recognise.h"

struct arena;
struct buf;
struct config;
struct err;
struct via;
struct vias;

enum plan_state {
    PLAN_NEW,     /* would be added */
    PLAN_WATCHED, /* stands in the configuration already */
    PLAN_NEEDS,   /* something of the person first */
    PLAN_LEFT,    /* nothing can be collected of it */
};

struct plan_item {
    const struct found *found;
    enum plan_state state;
    const char *entry;        /* the YAML of the entry, for NEW; else NULL */
    bool in_packs;            /* it is one of `packs`, else of what found->kind says */
    const char *const *rules; /* [rules_n] alerts that its pack brings */
    size_t rules_n;
};

struct plan {
    const struct scan *scan;
    const char *host_name;
    const char *file;        /* where it would be written */
    struct plan_item *items; /* [n] as in the scan */
    size_t n;
    size_t counts[PLAN_LEFT + 1];
};

/* The machines under `hosts`, and the ways to them. */
struct plan_far {
    struct recognise_far *items; /* [n] */
    struct via **vias;           /* [vias_n] referred to */
    size_t n, vias_n;
};

/* On the loop. `config` NULL: there are none. What is not connected says why. */
MUST_USE int plan_far_open(const struct config *config, struct vias *vias, struct arena *a,
                           struct plan_far *out, struct err *err);
/* On the loop. */
void plan_far_close(struct plan_far *far);

/* Looks at this machine, and those. */
MUST_USE int plan_scan(struct arena *a, const char *host_name, const struct plan_far *far,
                       const struct clock *clock, struct scan *out, struct err *err);
/* Against what stands in the file now; one that is not there is empty. On -1 `errors` has every
 * mistake of that file ([*errors_n], heap), or *errors_n is 0 and `err` says it. */
MUST_USE int plan_make(struct arena *a, const struct scan *scan, const char *file,
                       const char *host_name, struct plan *out, struct err **errors,
                       size_t *errors_n, struct err *err);

/* {"host", "file", "looked_at": {...}, "found": [...], "text", "refused"}: `text` is the file as it
 * would be, `refused` why it cannot be that; NULL: left out. */
void plan_json(const struct plan *plan, const char *text, const char *refused, struct buf *out);
const char *plan_state_name(enum plan_state state);

/* The text of the file with the items that `take` says true of (NULL: all that are new). */
MUST_USE int plan_text(const struct plan *plan, bool (*taken)(void *arg, const char *id), void *arg,
                       struct buf *out, size_t *added, struct err *err);
/* Puts `text` in the place of the file, at once or not at all, after it was read as a configuration
 * would be. What was there stays beside it as FILE.before-up. */
MUST_USE int plan_write(const char *file, struct str text, struct err *err);

struct plan_undone {
    size_t taken, changed; /* entries; those that a person has changed stay */
    bool removed;          /* nothing was left of the file */
};
/* Takes out again what was added, or with `only_tell` says what that would be. A file that is not
 * there: nothing to do. `told`: a line for each entry, by what it was recognised. */
MUST_USE int plan_undo(const char *file, bool only_tell, struct plan_undone *out, struct buf *told,
                       struct err *err);

#endif
