/* run: one cycle of a Redis, as its parts see it, and what all cycles have in common: login,
 * deadline, what is said of refusals.
 *
 * collect/celery asks the Redis that is its broker the same way.
 * Threads: that of the collector (LANE_SLOW).
 */
#ifndef COLLECT_REDIS_RUN_H
#define COLLECT_REDIS_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "collect/redis/info.h"
#include "collect/redis/login.h"
#include "collect/redis/resp.h"

struct clock;
struct emit;
struct entry_settings;
struct err;
struct findings;
struct log;
struct redis_access;
struct redis_settings;

/* Between cycles. All borrowed. */
struct redis_asker {
    const struct entry_settings *entry;
    const struct redis_access *access;
    const struct clock *clock;
    struct log *log;
    bool refusal_told;
};

struct redis_run {
    struct session *session;
    struct findings *findings;
    const struct redis_settings *settings; /* of collect.redis */
    struct login login;
    int64_t deadline_ns;
    struct info_facts facts;
    unsigned db; /* the one that is selected */
    /* Commands that Redis refused in this cycle, and the first of them. */
    size_t refused;
    char refusal[200]; /* "CONFIG GET: NOPERM ..." */
};

/* Logs in, lets `read` ask and add to the findings, and emits those. It never takes longer than the
 * entry's timeout, and ends before the next cycle is due. */
MUST_USE int redis_asker_run(struct redis_asker *a,
                             int (*read)(struct redis_run *r, void *arg, struct err *err),
                             void *arg, struct emit *emit, struct arena *scratch, struct err *err);

/* The answer to `what`, or NULL in *out when Redis refuses it, which is noted. */
MUST_USE int redis_run_answer(struct redis_run *r, const char *what, const struct resp **out,
                              struct err *err);
/* Makes `db` the one that commands are for; false in *ok: Redis refuses it. */
MUST_USE int redis_run_select(struct redis_run *r, unsigned db, bool *ok, struct err *err);

/* server.c: CONFIG, SLOWLOG, LATENCY, CLUSTER INFO. */
MUST_USE int server_read(struct redis_run *r, struct err *err);
/* sizes.c: redis_key_size of each key of the settings, 0 for one that is not there. */
MUST_USE int sizes_read(struct redis_run *r, struct err *err);

#endif
