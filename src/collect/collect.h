/* collect: everything that brings samples in. The folder's entry header.
 *
 * A *target* is one thing that is asked on an interval: an HTTP exposition, or a native collector
 * (this host). Both write into a `struct emit`; the target turns that into one commit of its pull
 * group plus the series `up` and `scrape_*` and, when it failed, an error in plain words.
 *
 *   manager: targets from the configuration, their timers (stable phase by hash), their state
 *   target:  one target's cycle: start -> emit ... -> commit. The sample's time is the planned one
 *            when the start is within 2 ms of it, else the start
 *   scrape:  fetches and parses an exposition on the parse lane
 *   host/:   reads /proc and /sys of this machine
 *   push/:   remote write in
 *   self:    earshot's own metrics, from metrics.def
 *
 * Threads: the manager on the loop; parsing and native collectors on lanes; commits at the writer.
 */
#ifndef COLLECT_COLLECT_H
#define COLLECT_COLLECT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/str.h"
#include "collect/cost.h"

struct arena;
struct client;
struct collect;
struct emit;
struct err;
struct events;
struct fetcher;
struct lanes;
struct log;
struct loop;
struct labels;
struct metric_aliases;
struct scrape_job;
struct sink;
struct via;
struct vias;

/* What a body was worth. */
enum parsed {
    PARSED,        /* err is not looked at */
    PARSED_UNWELL, /* its samples are good, but up is 0: err says why */
    PARSED_NOT,    /* err says why */
};

/* What a collector that gathers on the loop gets; good until it calls `done` or is cancelled. */
struct gather {
    struct fetcher *fetcher;
    const struct clock *clock;
    struct client *client; /* of the target */
    int64_t timeout_ms;
    void (*done)(void *arg); /* once, on the loop, perhaps within `begin` */
    void *done_arg;
};

/* A native collector: a function that reads something and writes what it found. Of a target with a
 * URL it is `parse` instead, which reads the body of an answer. With a status that is an error, up
 * is 0 with words about that, whatever `parse` makes of the body. */
struct collector {
    const char *name; /* "host" */
    /* On a lane's thread, never twice at once for one `arg`. `scratch` is reset after each run. */
    MUST_USE int (*collect)(void *arg, struct emit *emit, struct arena *scratch, struct err *err);
    MUST_USE enum parsed (*parse)(void *arg, int status, struct str body, struct emit *emit,
                                  struct arena *scratch, struct err *err);
    void (*free)(void *arg);
    void *arg;
    /* The gauge by which the exporter with these names says whether its service answers
     * ("redis_up"), told beside the samples: 1, or 0 in place of all others. It is absent where
     * nobody can know, as behind a tunnel that is down. NULL: none. */
    const char *up;
    /* What it waits for when it hangs, for people ("the Redis server"); it runs on a thread of its
     * own then. NULL: it never waits. What can hang (statfs, hwmon) is a target of its own. */
    const char *hangs_on;
    /* Samples with a time of their own are taken however old they are: of what it reads, it comes
     * to all in the end. */
    bool any_age;
    /* Of one that may hang and leaves work behind, as a log of which much came at once: then it
     * goes on between its cycles, on LANE_CATCH_UP, never beside `collect`. `catch_up` ends after a
     * second or so, and soon once `*stop` is set: a cycle is due, or the target goes. What it did
     * is told by the next `collect`. NULL: it is never behind. */
    void (*catch_up)(void *arg, const atomic_bool *stop);
    bool (*is_behind)(void *arg); /* on the loop, when neither runs */
    /* On the loop, right before `collect`: for what only the loop may read. NULL: nothing. */
    void (*prepare)(void *arg);
    /* Where what it reads comes without a thread that waits: on the loop, begins to gather what
     * `collect` then finds on LANE_PARSE. NULL: there is nothing to gather, or `url` is fetched. */
    void (*begin)(void *arg, const struct gather *g);
    void (*cancel)(void *arg); /* on the loop: `done` will not be called */
    /* On the loop, at the end of each cycle: lets go of what it gathered. Of one that ended well it
     * says what is wrong with that which it watches, where that does not make up 0; NULL: nothing.
     */
    const char *(*settle)(void *arg);
};

/* How long a collector may wait in a cycle: its timeout, and never until the next one is due, so
 * that this one can say what it waited for. */
static inline int64_t collect_wait_ms(int64_t interval_ms, int64_t timeout_ms)
{
    int64_t most = interval_ms - interval_ms / 20 - 10;

    return timeout_ms < most ? timeout_ms : most;
}

struct target_settings {
    const char *job;             /* scrape pool, as the API names it */
    const struct labels *labels; /* of the target: job, instance, ...; no two alike */
    /* What its samples get instead; NULL: labels. For a source that is two targets, whose samples
     * must not tell: this host (host/host.h). up and scrape_* always carry `labels`. */
    const struct labels *sample_labels;
    const struct labels *discovered; /* before relabelling, for the API */
    int64_t interval_ms, timeout_ms;
    bool honor_labels, honor_timestamps;
    struct client *client; /* how it is asked (http/client.h); a reference is taken */
    struct via *via;       /* which way; NULL: directly; a reference is taken */
    size_t body_max;       /* bytes, decoded */
    bool may_be_missing;   /* HTTP status 404 or 501 is fine: nothing comes then */
    /* Borrowed until the target is gone: metric relabelling and limits. NULL: none. */
    const struct scrape_job *scrape_job;
    const char *url; /* HTTP target; NULL: native */
    /* Of an exposition, borrowed until the target is gone. NULL: none. */
    const struct metric_aliases *aliases;
    /* For people and sums: "json", "redis". NULL: the collector's name, or "scrape". */
    const char *kind;
    const char *tunnel; /* set by collect: of `via` */
    /* Of the request, borrowed until the target is gone. NULL: GET, none. */
    const char *method, *body;
    /* Native target; with a URL: how its body is read, `parse` NULL for an exposition. */
    struct collector collector;
};

struct collect_context {
    struct loop *loop;
    struct lanes *lanes;
    struct fetcher *fetcher;
    struct sink *sink;
    const struct clock *clock;
    struct log *log;
    struct budget *budget;
    struct events *events;   /* told of restarts, jobs, model loads; NULL: nobody is */
    const char *dns_servers; /* of dns_sd_configs, as sys/dns.h; NULL: the system's */
    struct vias *vias;       /* to targets behind hosts; NULL: there are none */
};

MUST_USE int collect_new(const struct collect_context *context, struct collect **out,
                         struct err *err);
/* Copies the settings; takes over the collector's arg. Starts its timer. */
MUST_USE int collect_add(struct collect *c, const struct target_settings *settings,
                         struct err *err);
/* As collect_add; *out is for collect_remove. A target with the labels of another and another URL
 * is asked too; their samples meet in the same series. The same labels as a target that is being
 * removed are fine: the new one goes on with its series, without a mark. */
struct cycle;
MUST_USE int collect_add_removable(struct collect *c, const struct target_settings *settings,
                                   struct cycle **out, struct err *err);
/* Takes a target away. Its series get staleness markers after `wait_ms`, unless a target with the
 * same labels has been added by then. `gone` (NULL: nobody is told), perhaps before this returns:
 * nothing that its settings point to is used any more. */
void collect_remove(struct collect *c, struct cycle *cycle, int64_t wait_ms,
                    void (*gone)(void *arg), void *arg);
/* All its cycles fail with these words, which are borrowed until it is gone; NULL: no longer. */
void collect_refuse(struct cycle *cycle, const char *words);
const struct collect_context *collect_context_of(const struct collect *c);
struct discover_stats *collect_discover_stats(struct collect *c);
/* Program end: stops all timers and waits up to `ms` for cycles under way; no staleness markers (a
 * restart goes on with the series). Calls done on the loop. */
void collect_stop(struct collect *c, int64_t ms, void (*done)(void *arg), void *arg);
void collect_free(struct collect *c);

enum target_health { TARGET_UNKNOWN, TARGET_UP, TARGET_DOWN };

struct target_status {
    const char *job, *url;
    const struct labels *labels, *discovered;
    enum target_health health;
    const char *last_error; /* plain words; "" when up */
    ts_ms last_scrape_ms;
    double last_seconds;
    int64_t interval_ms, timeout_ms;
    uint64_t last_samples;
    const char *kind;   /* "scrape", "json", "redis", ... */
    const char *tunnel; /* NULL: none */
    struct cost cost;   /* since it became a target */
    double cpu_ratio;   /* share of a core it takes, over its last 16 cycles */
};
/* Borrowed until the loop runs again. Sorted by job, then labels. */
MUST_USE int collect_status(struct collect *c, struct arena *a, struct target_status **out,
                            size_t *n, struct err *err);

/* A connection that targets are reached through. Strings are borrowed until the loop runs again. */
struct tunnel_status {
    const char *host;    /* what a target's `tunnel` says */
    const char *address; /* user@host:port */
    const char *state;   /* "connected", "refused", ...: `state` of earshot_ssh_state */
    bool up;
    const char *words; /* in plain words: why it is not up, and what happens next; "" when up */
    ts_ms since_ms;    /* of the state */
    uint64_t reconnects;
};
/* Whoever has tunnels tells them; once, before the loop runs. */
struct tunnel_list {
    /* On the loop; into `a`. */
    MUST_USE int (*list)(void *arg, struct arena *a, struct tunnel_status **out, size_t *n,
                         struct err *err);
    void *arg;
};
void collect_set_tunnels(struct collect *c, const struct tunnel_list *tunnels);
/* None when nobody has any. In the order they are told. */
MUST_USE int collect_tunnels(struct collect *c, struct arena *a, struct tunnel_status **out,
                             size_t *n, struct err *err);

/* What collecting takes, by job and kind; borrowed until the loop runs again. */
const struct costs *collect_costs(const struct collect *c);

enum discover_kind { DISCOVER_FILE, DISCOVER_HTTP, DISCOVER_DNS, DISCOVER_KINDS };

struct discover_stats {
    uint64_t looks[DISCOVER_KINDS], failures[DISCOVER_KINDS];
    uint64_t failing[DISCOVER_KINDS]; /* now: what they found before stays */
};

/* Since the start; for earshot's own metrics. */
struct collect_stats {
    uint64_t targets, up, down;
    uint64_t cycles, failed;
    uint64_t missed; /* due while the one before was still under way */
    uint64_t slow;   /* took more than half of their interval */
    uint64_t samples, duplicates;
    uint64_t limited; /* samples of new series the store has no room for */
    uint64_t late;    /* samples the store refused: conflict, late, future */
    uint64_t refused; /* cycles the store could not take */
    uint64_t exemplars_dropped;
    uint64_t unwatched;     /* series and jobs past what is watched for events */
    uint64_t types_changed; /* metric families that a target gave another type */
    uint64_t stuck;         /* collectors that have not come back */
    struct discover_stats discover;
};
struct collect_stats collect_stats(const struct collect *c);

#endif
