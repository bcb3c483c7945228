/* pools: all pools, one a job, and what a reload does to them: a job that was not changed keeps its
 * pool untouched; a changed one gets a new pool, which goes on with the series of targets that
 * stay; a job that is gone ends.
 *
 * Threads: the loop's.
 */
#ifndef COLLECT_POOLS_H
#define COLLECT_POOLS_H

#include <stddef.h>

#include "base/attr.h"

struct collect;
struct pool;
struct pools;
struct scrape_job;

/* What jobs live in (a configuration); embed it. Whoever holds it counts in refs. */
struct pools_owner {
    size_t refs;
    void (*free)(struct pools_owner *owner); /* when refs come to 0 */
};
void pools_owner_unref(struct pools_owner *owner); /* NULL is fine */

MUST_USE struct pools *pools_new(struct collect *c);
/* These jobs and no others, from here on. Takes a reference to the owner for each that it uses. A
 * few end and start before this returns, the others soon after, in slices, so that many do not stop
 * the loop. */
void pools_apply(struct pools *ps, const struct scrape_job *jobs, size_t n,
                 struct pools_owner *owner);
/* Program end, after lanes_free. */
void pools_free(struct pools *ps); /* NULL is fine */

/* Those that run, in the order of the configuration. */
size_t pools_n(const struct pools *ps);
const struct pool *pools_at(const struct pools *ps, size_t i);

#endif
