/* cycle: the life of one target on the loop: its timer, and a small machine of states.
 *
 *   IDLE -> FETCHING  a body is on its way (HTTP)
 *                     or what a collector gathers on the loop (`begin`)
 *        -> READING   a collector that may hang writes into a record, on a thread of its own
 *        -> PARSING   on a lane: body, record or collector -> target.h's column, slots resolved,
 *                     handed to the store, which may take it there and then
 *        -> COMMITTING the store has it -> IDLE
 *
 * A cycle that is due while the one before is under way is missed and counted. A collector that has
 * not come back by then gives up 0; it is asked again only after it did. Those that came back soon
 * the last time have threads of their own, which those that hang cannot take (sys/lanes.h).
 *
 * A collector that is behind goes on between its cycles (collector.catch_up). When one is due it is
 * called back, and the cycle waits for it in READING.
 *
 * The end of a target that goes while others stay: cycle_end lets a cycle under way finish, waits,
 * commits one column with nothing in it, which makes all series of the target stale, and calls
 * `gone`.
 *
 * Threads: the loop's. Between PARSING and its end the target belongs to the lane.
 */
#ifndef COLLECT_CYCLE_H
#define COLLECT_CYCLE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "base/err.h"
#include "collect/collect.h"
#include "collect/cost.h"
#include "collect/record.h"
#include "collect/target.h"
#include "model/expo.h"
#include "sys/lanes.h"
#include "sys/loop.h"

struct fetch;

enum cycle_state { CYCLE_IDLE, CYCLE_FETCHING, CYCLE_READING, CYCLE_PARSING, CYCLE_COMMITTING };

struct cycle {
    const struct collect_context *context;
    struct collect_stats *stats;
    void (*idle)(struct cycle *c); /* after each cycle */
    void *owner;

    struct target_settings settings; /* owned copies */
    const struct labels *key;        /* owned: of its group; decides its moment in the interval */
    struct budget budget;
    struct target target;
    struct arena scratch;
    struct record record;

    struct loop_timer *timer; /* NULL: stopped */
    const char *refusal;      /* not NULL: cycles fail with these words; borrowed */
    enum cycle_state state;
    bool reading;                  /* the collector is out, perhaps for longer than its cycle */
    bool catching_up, called_back; /* it is out between cycles; and was told to come back */
    atomic_bool read_began;        /* it has a thread */
    bool prompt; /* it came back within half of its timeout; the reader's, until it is back */
    ts_ms due;   /* when the timer should fire next */
    int64_t start_ns;
    unsigned attempts;

    struct fetch *fetch;
    struct gather gather;
    enum expo_format format;
    struct lane_job parse, read, catch_up;
    struct loop_message committed;
    pthread_t lane; /* the thread that commits */
    bool stored;    /* the store's answer has come, perhaps before the lane's end */
    int read_rc;    /* the collector's; read_err says why it failed */
    struct err read_err;
    bool gathered; /* there is something to parse, else err says why not */
    bool missing;  /* nothing is there, and that is fine */
    bool blocked;  /* it was not asked, for a reason that is none of its own */
    struct err gather_err;

    bool ok; /* of the last run of the lane */
    enum target_next next;
    double seconds;
    struct err err;

    void (*gone)(struct cycle *c); /* set: it ends */
    bool quiet; /* its end is not marked: another target goes on with its series */
    bool end_due, vanishing, left;
    void (*gone_then)(void *arg); /* the owner's, for collect_remove */
    void *gone_arg;
    size_t at; /* the owner's: its place in the list it is in */

    enum target_health health;
    char last_error[512];
    ts_ms ts; /* of the cycle, then of the last one */
    double last_seconds;
    uint64_t last_samples;
    struct costs *costs;
    struct cost_sum *cost_sum; /* of its job and kind */
    struct cost cost;
    struct cost spent;    /* not in `cost` yet: what ended on a lane since the last cycle's end */
    int64_t parse_cpu_ns; /* the lane's, until it is done */
    uint64_t parse_bytes; /* likewise */
    int64_t read_cpu_ns;  /* the reader's, until it is back */
    uint64_t read_bytes;  /* likewise */
    double cpu_mean_seconds; /* of a cycle, over the last few */
    bool type_told;          /* that a metric changed its type: once a target */
    bool time_told;          /* that samples came with a time that is not taken: once a target */
};

/* Takes copies of the settings, the key and the collector's arg; starts the timer. */
struct cycle *cycle_new(const struct collect_context *context, struct collect_stats *stats,
                        struct costs *costs, const struct target_settings *settings,
                        const struct labels *key, void (*idle)(struct cycle *c), void *owner);
/* No more cycles. A fetch under way is cancelled; what is on a lane or in the store ends by
 * itself: see cycle_is_idle. */
void cycle_stop(struct cycle *c);
/* Ends the target; its series become stale after `wait_ms`. `gone`, perhaps before this returns: it
 * is idle and may be freed. */
void cycle_end(struct cycle *c, int64_t wait_ms, void (*gone)(struct cycle *c));
/* An end under way comes at once and is not marked. */
void cycle_end_quietly(struct cycle *c);
bool cycle_is_idle(const struct cycle *c);
void cycle_free(struct cycle *c); /* when idle */

/* cycle_account.c: a cycle has ended, and is counted and told of. */
void cycle_account(struct cycle *c);

/* The first time after `now` that is due: one moment in the interval, fixed by `hash`. */
ts_ms cycle_due(ts_ms now, int64_t interval_ms, uint64_t hash);
/* The sample's time of a cycle that started at `start`. */
ts_ms cycle_ts(ts_ms due, ts_ms start);

#endif
