/* push: what comes in by itself: the groups of a Pushgateway.
 *
 *   pushgateway.c  PUT, POST and DELETE /metrics/job/...    groups.h keeps them
 *   push.c         the target that exposes all of it, and the file that keeps it over a restart
 *
 * What was pushed is a state, and not samples: like a scrape of a Pushgateway with honor_labels, a
 * target of its own (job "push") takes all of it into the store every 5 s. It begins with the first
 * push. What changed is written to push/state in the data directory once in each of those cycles
 * and at the end, so a kill forgets at most the last 5 s.
 *
 * Threads: everything here on the loop; bodies are read on LANE_PARSE, the target runs on
 * LANE_SLOW, since it writes the file.
 */
#ifndef COLLECT_PUSH_PUSH_H
#define COLLECT_PUSH_PUSH_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

#define PUSH_BODY_MAX (16u << 20) /* bytes of one push */

struct budget;
struct clock;
struct collect;
struct err;
struct fs;
struct http_request;
struct lanes;
struct log;
struct loop;
struct push;
struct push_settings;

struct push_context {
    struct loop *loop;
    struct lanes *lanes;
    struct collect *collect;
    struct budget *budget;
    const struct clock *clock;
    struct log *log;
    struct fs *fs;         /* owned from here on; NULL: nothing survives a restart */
    const char *host_name; /* borrowed; `instance` of the target */
};

/* Reads what was kept. A file that cannot be read is put aside under a name that the log tells. */
struct push *push_new(const struct push_context *context);
/* Writes what is left to write. After the lanes ended. */
void push_free(struct push *p);
/* At the start and after each reload; copies. */
void push_configure(struct push *p, const struct push_settings *settings);
/* After the loop's start is prepared: exposes what was kept. */
void push_start(struct push *p);

/* http_handler of /metrics/job... */
void push_group_handle(struct http_request *r, void *push);

struct push_stats {
    uint64_t pushes, deletes;
    uint64_t malformed, inconsistent, limited, unavailable; /* pushes refused, by reason */
    uint64_t expired;                                       /* groups that had no push for ttl */
    uint64_t saves, save_failures;
    size_t groups, series;
};
struct push_stats push_stats(struct push *p);

#endif
