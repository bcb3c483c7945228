/* pool: the targets of one scrape job, kept in step with what its discovery finds.
 *
 * Each discovery hands over whole groups; a group replaces the one of the same source, an empty one
 * removes it. Changes are gathered for up to 5 s (none before the first answer), then all targets
 * are made anew and compared by labels and URL: what stays keeps its schedule and its series, what
 * goes gets staleness markers, what is new starts.
 *
 * Threads: the loop's. Relabelling of a large discovery runs on a lane.
 */
#ifndef COLLECT_POOL_H
#define COLLECT_POOL_H

#include <stddef.h>

#include "base/attr.h"

struct collect;
struct err;
struct labels;
struct pool;
struct scrape_job;

/* The job must outlive the pool; see pool_adopt for a reload. */
MUST_USE int pool_new(struct collect *c, const struct scrape_job *job, struct pool **out,
                      struct err *err);
/* The same job read anew (equal fingerprint): from here on the pool borrows `job`. */
void pool_adopt(struct pool *p, const struct scrape_job *job);
/* All targets go, with staleness markers. `done` on the loop, when nothing of the job is used. */
void pool_end(struct pool *p, void (*done)(void *arg), void *arg);

struct pool_status {
    const char *job;
    const struct labels *const *dropped; /* discovered labels, at most keep_dropped_targets */
    size_t dropped_n, dropped_total;
    size_t targets_n;
};
/* Borrowed until the loop runs again. */
struct pool_status pool_status(const struct pool *p);

#endif
