/* collector: an entry of collect.logs as a native collector: what has come into its files since the
 * last time, counted by its patterns.
 *
 * Counts and positions are one file in the data directory (logs/<hash of the name>.json), written
 * anew as a whole and synced after each reading that changed them, and before the counts are given
 * to the store. So a kill at any moment leaves positions and counts that belong together, and
 * counts that are at least what the store has seen: what came after them is read again and counted
 * once.
 *
 * A reading of the interval is short. What it leaves is read between the intervals, in the same
 * way, but counts are given to the store only in the readings of the interval.
 *
 * Lines that are kept go to the store in batches, each with that same state (logstore/batch.h).
 * What was stored before a kill, and not written to the file any more, is found there: of the two
 * the later one counts. So no line is stored twice, and none is lost.
 *
 * Threads: as any collector; it may hang where the files do.
 */
#ifndef COLLECT_LOGS_COLLECTOR_H
#define COLLECT_LOGS_COLLECTOR_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "collect/logs/receiver.h"

struct clock;
struct collector;
struct err;
struct fs;
struct log;
struct logs_settings;
struct logstore;

/* Of all entries; any thread. */
struct logs_counts {
    atomic_uint_fast64_t bytes, entries;
    atomic_uint_fast64_t cut;            /* entries longer than max_line and such */
    atomic_uint_fast64_t lost_files;     /* gone before they were read to the end */
    atomic_uint_fast64_t left_out_files; /* beyond FOLLOW_FILES_MAX */
    atomic_uint_fast64_t unread_files;   /* times one could not be opened or read */
    atomic_uint_fast64_t lost_messages, refused_connections; /* of syslog (receiver.h) */
    atomic_uint_fast64_t state_failures; /* times the state could not be written */
};

/* What the entries share. A changed entry starts while the one before may still be reading: `turns`
 * makes them read the state after one another, each as the other left it. */
struct logs_shared {
    struct fs *fs; /* the data directory; set before the first collector runs, as the next */
    struct logstore *store; /* where lines are kept */
    struct logs_counts counts;
    pthread_mutex_t lock; /* guards: turns */
    struct logs_turn *turns;
    struct receivers receivers;       /* of syslog */
    struct logs_collector *receiving; /* those who read them; `lock` guards it */
};

/* All that is given is borrowed until the collector is freed. `timeout_ms`: a reading takes half as
 * long at most. */
MUST_USE int logs_collector_make(const struct logs_settings *settings, int64_t timeout_ms,
                                 struct logs_shared *shared, const struct clock *clock,
                                 struct log *log, struct collector *out, struct err *err);

/* On the loop, at the end of the program, when no collector runs any more: what was received is
 * counted and stored. */
void logs_finish(struct logs_shared *shared);

#endif
