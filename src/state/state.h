/* state: the one SQLite database for all that is neither sample nor log line. The folder's entry
 * header.
 *
 * One thread reads and writes it. Work handed in is done in order; what waits together is one
 * transaction, so that many small writes cost one sync. The thread and the file are there from the
 * first work on. Writes are synced before their `done`: a kill takes nothing that was told stored.
 *
 * No start is refused. A file that fails SQLite's check, or that a newer earshot wrote, is moved
 * aside (state.db.damaged-TIME) with a line in the log, and a new one begun; where no file can be
 * written at all, the database lives in memory until the end, which is counted and told.
 *
 *   state.c   the thread, the file          schema.c  its tables, by version
 *   events.h  what happened: restarts, jobs, model loads, kills, reloads
 *
 * Threads: state_submit and state_stats from any.
 */
#ifndef STATE_STATE_H
#define STATE_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct clock;
struct fs;
struct log;
struct sqlite3;
struct state;

struct state_settings {
    struct fs *fs;      /* the data directory's, to move files in */
    const char *folder; /* the same directory, as SQLite opens it */
    const struct clock *clock;
    struct log *log;
};

/* Embed it; it must stay until `done`. */
struct state_work {
    /* On the state's thread, within a transaction; false: what it wrote goes, and so does what came
     * with it. */
    bool (*run)(struct state_work *work, struct sqlite3 *db);
    /* There too, afterwards; may free it. `stored`: what it wrote is on the disk, or in memory
     * where there is no file. */
    void (*done)(struct state_work *work, bool stored);
    struct state_work *next; /* the state's */
};

MUST_USE struct state *state_new(const struct state_settings *settings);
/* All work handed in is done before it returns. */
void state_free(struct state *s); /* NULL is fine */
void state_submit(struct state *s, struct state_work *work);

struct state_stats {
    uint64_t moved_aside; /* databases found damaged */
    uint64_t failures;    /* transactions that could not be stored */
    bool in_memory;       /* nothing is kept for the next start */
    uint64_t bytes;       /* of the database, as of the last work */
};
struct state_stats state_stats(struct state *s);

#endif
