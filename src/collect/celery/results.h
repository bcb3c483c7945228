/* results: how many results a Celery keeps in its Redis, counted with SCAN (collect/redis/walk.h)
 * at most once a minute; none of them is read.
 *
 * Threads: as celery.h.
 */
#ifndef COLLECT_CELERY_RESULTS_H
#define COLLECT_CELERY_RESULTS_H

#include "base/attr.h"

struct clock;
struct collector;
struct entry_settings;
struct err;
struct log;

/* The entry's own settings: struct redis_settings with the one pattern. */
MUST_USE int results_collector(const struct entry_settings *entry, const struct clock *clock,
                               struct log *log, struct collector *out, struct err *err);

#endif
