/* groups: what was pushed, by grouping key, as a Pushgateway keeps it.
 *
 * PUT replaces the metrics of a group, POST those with the same names, DELETE takes the group away.
 * All pushed metrics together have to be consistent: one type a name, no series twice. What is not
 * is refused whole and its group's push_failure_time_seconds set.
 *
 * A group that had no push for `ttl` goes. At most GROUPS_MAX groups and GROUPS_SERIES_MAX series
 * are kept.
 *
 * Threads: any. The lock is held for no more than looking up the series of one push.
 * Ownership: bodies stay the caller's; what is kept of them is shared by reference.
 */
#ifndef COLLECT_PUSH_GROUPS_H
#define COLLECT_PUSH_GROUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/str.h"

struct arena;
struct budget;
struct emit;
struct err;
struct group_body;
struct group_key;
struct push_groups;

#define GROUPS_MAX        10000u
#define GROUPS_SERIES_MAX 200000u

enum groups_how { GROUPS_PUT, GROUPS_POST };

struct push_groups *push_groups_new(struct budget *budget);
void push_groups_free(struct push_groups *g);

/* Takes references of the body's families; `now` is the time of the push. ERR_TYPE: inconsistent,
 * or timestamps; ERR_LIMIT: past a bound. Both leave the group as it was, but for its failure. */
MUST_USE int push_groups_push(struct push_groups *g, const struct group_key *key,
                              const struct group_body *body, enum groups_how how, ts_ms now,
                              struct err *err);
void push_groups_delete(struct push_groups *g, const struct group_key *key);
/* Those whose last push was `ttl_ms` before `now` or earlier go; how many. 0: for ever. */
size_t push_groups_expire(struct push_groups *g, ts_ms now, int64_t ttl_ms);

struct push_groups_counts {
    size_t groups, series;
    uint64_t version; /* goes up with every change */
};
struct push_groups_counts push_groups_count(struct push_groups *g);

/* All families of all groups, and the two times of each. `scratch` is reset as it goes. */
MUST_USE int push_groups_emit(struct push_groups *g, struct emit *emit, struct arena *scratch,
                              struct err *err);

/* The groups as bytes, for a file, and back into an empty `g`. What does not fit is ERR_CORRUPT. */
void push_groups_write(struct push_groups *g, struct buf *out);
MUST_USE int push_groups_read(struct push_groups *g, struct str bytes, struct err *err);

#endif
