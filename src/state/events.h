/* events: what happened, beside the samples: restarts, jobs, model loads, kills, reloads.
 *
 * An event is told once or again: under a key (a job's, which goes on), or by being the same, which
 * is the same kind and labels within a moment (a start that is read anew after earshot's own). One
 * that goes on is told again now and then while it is seen; those that a former run left open end
 * where they were last seen.
 *
 * Bounds: what is told waits in memory up to EVENTS_WAITING_MAX, else it is dropped; texts and
 * labels are cut or dropped; the oldest go when they are past their time, or the database past its
 * size. All of that is counted.
 *
 * Threads: any may tell, and ask.
 */
#ifndef STATE_EVENTS_H
#define STATE_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/clock.h"
#include "base/err.h"
#include "state/state.h"

struct events;
struct labels;
struct log;
struct matcher;

#define EVENTS_WAITING_MAX     4096u
#define EVENT_TEXT_MAX         400u  /* bytes; longer ones are cut */
#define EVENT_LABELS_BYTES_MAX 4096u /* as JSON; events with more are dropped */
#define EVENTS_FOUND_MAX       5000u

struct event {
    const char *kind; /* "restart", "job", ... */
    ts_ms start, end; /* end: of an open one, when it was last seen */
    bool open;
    const struct labels *labels;
    const char *text;
};

struct event_told {
    struct event is;
    const char *key;        /* NULL: none; else the event under it is replaced, but for its start */
    int64_t same_within_ms; /* > 0: it is not told when the same one is there, starting that near */
};

struct events_settings {
    struct state *state;
    const struct clock *clock;
    struct log *log;
};

MUST_USE struct events *events_new(const struct events_settings *settings);
/* After state_free, which does what waits. */
void events_free(struct events *e); /* NULL is fine */
/* How long events are kept (0: for ever), and how large the database may become (0: unbounded). */
void events_set_retention(struct events *e, int64_t keep_ms, uint64_t bytes_max);

/* False: they are too long, and an event with them would be dropped. */
bool events_take_labels(const struct labels *labels);
/* True: it ended longer ago than events are kept, and would be dropped. */
bool events_is_past(const struct events *e, const struct event *is);
/* Copies. `e` NULL: nobody listens. */
void events_tell(struct events *e, const struct event_told *told);

struct event_found {
    int64_t id;
    struct event is; /* in the query's arena */
};

struct event_selector {
    const struct matcher *matchers;
    size_t n;
};

/* Embed it; it must stay until `done`. */
struct events_query {
    ts_ms start, end;                       /* events that overlap this, ends included */
    struct str kind, except;                /* this one, not this one; n 0: all */
    const struct event_selector *selectors; /* [selectors_n], one of them must match; 0: all */
    size_t selectors_n;
    size_t limit; /* <= EVENTS_FOUND_MAX: the newest */
    struct arena *arena;
    void (*done)(struct events_query *q); /* on the state's thread */

    /* The answer, by start. */
    int rc;
    struct err err;
    struct event_found *found;
    size_t n;
    bool more; /* older ones were left out */

    struct state_work work; /* events' own */
    struct events *events;
    size_t cap;
};
void events_find(struct events *e, struct events_query *q);

/* Counts those that their source held back, being too many. */
void events_drop_busy(struct events *e, uint64_t n);

enum events_drop { EVENTS_DROP_BUSY, EVENTS_DROP_LABELS, EVENTS_DROP_STORE, EVENTS_DROPS };
struct events_stats {
    uint64_t told, stored; /* told: those that were the same as one before are in it */
    uint64_t dropped[EVENTS_DROPS];
    uint64_t aged, crowded_out; /* removed for age, for size */
};
struct events_stats events_stats(struct events *e);

#endif
