/* own: a person's own SQL, run when it is due, with its last answer kept until the next run.
 *
 * A query that fails has no values until it is due again.
 *
 * Threads: one at a time.
 */
#ifndef COLLECT_POSTGRES_OWN_H
#define COLLECT_POSTGRES_OWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "collect/postgres/tuples.h"

struct backend;
struct backend_deadline;
struct emit;
struct err;
struct postgres_query;

#define OWN_ROWS_MAX 10000

struct own {
    const struct postgres_query *query; /* borrowed */
    struct budget budget;
    struct arena arena; /* holds rows */
    struct tuples rows;
    int64_t due_ns; /* monotonic */
    bool has_rows;
    bool ran;    /* in this cycle, or not due in it */
    bool failed; /* at its last run */
};

/* ERR_TYPE: it would give a family that earshot itself gives. */
MUST_USE int own_check(const struct postgres_query *query, struct err *err);
void own_init(struct own *o, const struct postgres_query *query);
void own_fini(struct own *o);

/* Runs it in a transaction of its own whose statements end after timeout_ms. */
MUST_USE int own_run(struct own *o, struct backend *c, int64_t timeout_ms,
                     const struct backend_deadline *deadline, struct err *err);
MUST_USE int own_write(const struct own *o, struct emit *emit, struct arena *scratch,
                       struct err *err);

#endif
