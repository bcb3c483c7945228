/* first: what stands first in a queue, with scores and ages, as of the last cycle. It is for people
 * who ask why a queue grows: no series comes of it.
 *
 * Of a sorted set the entries with the lowest scores, of a list those from its left end, of a
 * stream the oldest. An entry's age comes from its id in a stream; from its score where that can be
 * a time (unix seconds or milliseconds of the last ten years, or of the next day); else it counts
 * from when earshot saw it among the first for the first time.
 *
 * Bounds: REDIS_FIRST_MAX entries of a key, FIRST_VALUE_MAX bytes of each are kept. What the
 * entries of a key are worth to Redis is not known before they are there: an answer that is too
 * large or too late makes its queue say so, is asked for again after FIRST_AGAIN_MS, and harms no
 * sample, since entries are asked for last.
 *
 * Ownership: `struct firsts` belongs to its collector, and is in the list of `redis_firsts` until
 * firsts_free. Threads: each `firsts` on its collector's; the list is under its lock.
 */
#ifndef COLLECT_REDIS_FIRST_H
#define COLLECT_REDIS_FIRST_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/str.h"

#define FIRST_VALUE_MAX 256
#define FIRST_AGAIN_MS  300000

struct arena;
struct entry_settings;
struct err;
struct firsts;
struct redis_run;

/* All that collectors know; lock initialized with PTHREAD_MUTEX_INITIALIZER. */
struct redis_firsts {
    pthread_mutex_t lock;
    struct firsts *list;
};

enum first_age { FIRST_AGE_SEEN, FIRST_AGE_SCORE, FIRST_AGE_ID };

struct first_entry {
    struct str value; /* UTF-8; `cut`: its beginning */
    bool cut, scored;
    double score; /* where `scored` */
    ts_ms since;  /* age counts from here */
    enum first_age by;
};

struct first_queue {
    const char *instance, *host; /* host NULL: not behind one */
    const char *key, *type;      /* type "": not read yet; "none": no such key */
    unsigned db;
    double size;
    ts_ms at; /* when it was read; 0: not yet */
    const struct first_entry *entries;
    size_t n;
    const char *error; /* NULL: what stands here is what there is */
};

/* `entry` has the settings of a Redis and is borrowed. */
struct firsts *firsts_new(struct redis_firsts *all, const struct entry_settings *entry);
void firsts_free(struct firsts *f);
/* The last thing to be asked in a session: it may end it. */
void firsts_read(struct firsts *f, struct redis_run *r, ts_ms now_ms);
/* Copies of all, in no particular order; ERR_LIMIT by the arena's budget. */
MUST_USE int redis_firsts_copy(struct redis_firsts *all, struct arena *a, struct first_queue **out,
                               size_t *n, struct err *err);

#endif
