/* pool: the targets of one scrape job, kept in step with what its discovery finds.
 *
 * Each discovery hands over whole groups; a group replaces the one of the same source. The first
 * answer of each is acted upon at once, as is a change after 5 quiet seconds; others are gathered
 * until 5 s after the change before. Then all targets are made anew and compared by labels, URL and
 * times: what stays keeps its schedule and its series, what goes gets staleness markers, what is
 * new starts. The same target found twice is one.
 *
 * A job that a reload left as it was keeps its pool, and with it the configuration that it came
 * from; so there are at most as many old configurations as jobs.
 *
 * Threads: the loop's. Making many targets runs on a lane.
 */
#ifndef COLLECT_POOL_H
#define COLLECT_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct collect;
struct labels;
struct pool;
struct scrape_job;

/* The job must stay until pool_end's `done`, or pool_free. Targets that are written in the
 * configuration, when they are few, run before this returns. */
MUST_USE struct pool *pool_new(struct collect *c, const struct scrape_job *job);
/* All targets go, with staleness markers after `wait_ms`, unless another pool has gone on with
 * their series by then. `done`, perhaps before this returns, when nothing of the job is used; the
 * pool is freed then. */
void pool_end(struct pool *p, int64_t wait_ms, void (*done)(void *arg), void *arg);
/* Program end, after lanes_free: frees it as it stands; its targets are collect's to free. */
void pool_free(struct pool *p);

const struct scrape_job *pool_job(const struct pool *p);

struct pool_status {
    const char *job;
    const struct labels *const *dropped; /* discovered labels, at most keep_dropped_targets */
    size_t dropped_n, dropped_total;
    size_t targets_n;
    size_t refused_n;           /* label sets that are no target */
    const char *refused_text;   /* why not the first of them; "" when there is none */
    const char *discovery_text; /* what the first failing discovery says; "" when all are well */
    const char *discovery_key;  /* "file_sd_configs" */
};
/* Borrowed until the loop runs again. */
struct pool_status pool_status(const struct pool *p);

#endif
