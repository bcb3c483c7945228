/* discover: where the targets of a job come from: a file, HTTP or DNS discovery at work.
 *
 * A discovery looks again and again, and tells what it found as groups with a source: what came
 * before from the same source is replaced. A failure changes nothing: what was found stays, the
 * failure is counted, logged when it begins or changes, and kept as text for the page.
 *
 *   timer (or a changed file) -> look -> [a fetch ->] run, on a lane -> told, on the loop -> timer
 *
 * Threads: the loop's; `run` on a lane.
 */
#ifndef COLLECT_DISCOVER_DISCOVER_H
#define COLLECT_DISCOVER_DISCOVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "collect/collect.h"
#include "sys/lanes.h"
#include "sys/loop.h"

struct discover;
struct dns_discovery;
struct file_discovery;
struct http_discovery;
struct target_groups;

/* Who is told. `found` takes over `groups`; NULL: the source is gone. `settled`: one look is over,
 * whatever came of it. */
struct discover_listener {
    void (*found)(void *arg, struct discover *d, const char *source, struct target_groups *groups);
    void (*settled)(void *arg, struct discover *d);
    void *arg;
};

/* What each kind does; all on the loop but `run`. */
struct discover_ops {
    enum discover_kind kind;
    const char *key; /* "file_sd_configs", for messages */
    enum lane lane;
    void (*look)(struct discover *d);   /* NULL: discover_run at once */
    void (*cancel)(struct discover *d); /* undoes `look`; NULL: nothing to undo */
    void (*run)(struct discover *d);
    void (*told)(struct discover *d, struct err *err); /* fills err with what failed, if so */
    void (*free)(struct discover *d);
};

/* The first member of each kind. */
struct discover {
    const struct discover_ops *ops;
    const struct collect_context *context;
    struct discover_stats *stats;
    const char *job; /* for the log; borrowed */
    struct discover_listener listener;
    int64_t refresh_ms;

    struct loop_timer *timer;
    struct lane_job lane_job;
    bool looking, running, again;
    bool failing;
    char error[480]; /* of the last look, "" when it went well */

    void (*ended)(void *arg); /* set: it ends when the lane is done */
    void *ended_arg;
};

/* What all kinds need to begin with. */
struct discover_common {
    const struct collect_context *context;
    struct discover_stats *stats;
    const char *job;
    struct discover_listener listener;
};

/* The settings are borrowed until the end. The first look is on the loop's next turn. */
MUST_USE struct discover *discover_file_new(const struct discover_common *common,
                                            const struct file_discovery *settings);
MUST_USE struct discover *discover_http_new(const struct discover_common *common,
                                            const struct http_discovery *settings);
MUST_USE struct discover *discover_dns_new(const struct discover_common *common,
                                           const struct dns_discovery *settings);
/* Nothing is told any more. `done`, when nothing of it runs: perhaps before this returns. */
void discover_end(struct discover *d, void (*done)(void *arg), void *arg);

/* --- for the kinds --- */

void discover_init(struct discover *d, const struct discover_ops *ops,
                   const struct discover_common *common, int64_t refresh_ms);
/* Hands it to the lane. */
void discover_run(struct discover *d);
/* The look is over without a lane. */
void discover_failed(struct discover *d, const struct err *err);
/* Looks in `ms`, earlier than it would. */
void discover_soon(struct discover *d, int64_t ms);

#endif
