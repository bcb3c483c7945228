/* push: what comes in by itself: the groups of a Pushgateway, pings of jobs, beacons of browsers.
 *
 *   pushgateway.c  PUT, POST and DELETE /metrics/job/...     groups.h keeps them
 *   ping.c         /ping/NAME, /ping/NAME/start, .../fail    pings.h
 *   beacon.c       POST /api/earshot/v1/beacon               beacons.h
 *   push.c         the target that exposes all of it, and the files that keep it over a restart
 *
 * What was pushed is a state, and not samples: like a scrape of a Pushgateway with honor_labels, a
 * target of its own (job "push") takes all of it into the store every 5 s. It begins with the first
 * push. What changed is written to push/state, push/pings and push/beacons in the data directory
 * once in each of those cycles and at the end, so a kill forgets at most the last 5 s.
 *
 * Threads: everything here on the loop; bodies are read on LANE_PARSE, the target runs on
 * LANE_SLOW, since it writes the file.
 */
#ifndef COLLECT_PUSH_PUSH_H
#define COLLECT_PUSH_PUSH_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

#define PUSH_BODY_MAX   (16u << 20) /* bytes of one push */
#define PUSH_PING_MAX   65536u      /* bytes that may come with a ping, and are not looked at */
#define PUSH_BEACON_MAX 4096u       /* bytes of one beacon */

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
/* At the start and after each reload; borrowed until the next call, or until push_free. Exposes
 * what was kept, and what is waited for. */
void push_configure(struct push *p, const struct push_settings *settings);

/* http_handler of /metrics/job... */
void push_group_handle(struct http_request *r, void *push);
/* http_handler of /ping/..., for GET, HEAD, POST and DELETE. */
void push_ping_handle(struct http_request *r, void *push);
/* http_handler of the beacon, for POST and OPTIONS, with any_origin; and of its script. */
void push_beacon_handle(struct http_request *r, void *push);
void push_beacon_script_handle(struct http_request *r, void *push);

struct push_stats {
    uint64_t pushes, deletes;
    uint64_t malformed, inconsistent, limited, unavailable; /* pushes refused, by reason */
    uint64_t expired;                                       /* groups that had no push for ttl */
    uint64_t saves, save_failures;
    size_t groups, series;
    uint64_t pings, pings_refused;
    uint64_t beacons, beacons_refused;
    size_t ping_names, beacon_sessions;
};
struct push_stats push_stats(struct push *p);

#endif
