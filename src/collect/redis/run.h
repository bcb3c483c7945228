/* run: one cycle of a Redis, as its parts see it. */
#ifndef COLLECT_REDIS_RUN_H
#define COLLECT_REDIS_RUN_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "collect/redis/info.h"
#include "collect/redis/resp.h"

struct findings;
struct redis_settings;
struct session;

struct redis_run {
    struct session *session;
    struct findings *findings;
    const struct redis_settings *settings;
    struct info_facts facts;
    unsigned db; /* the one that is selected */
    /* Commands that Redis refused in this cycle, and the first of them. */
    size_t refused;
    char refusal[200]; /* "CONFIG GET: NOPERM ..." */
};

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
