/* api: the HTTP routes over everything below: Prometheus' API and earshot's own.
 * The folder's entry header.
 *
 * Handlers run on the loop: they read parameters, hand the work to a lane, and answer with a
 * generator body (or at once, where nothing is to be computed). Error kinds become the API's words
 * here and nowhere else: SYNTAX and TYPE bad_data (400), EVAL and LIMIT execution (422), TIMEOUT
 * timeout (503), BUSY unavailable (503), CANCELLED canceled (499), the rest internal (500).
 *
 *   query.c    query, query_range, ...     meta.c     series, labels, label values
 *   federate.c federate                    metadata.c metadata, targets/metadata
 *   read.c     remote read                 rules.c    rules, alerts
 *   status.c   status/..., health          targets.c  targets, scrape_pools
 *   admin.c    admin/tsdb/..., -/reload    stream.c   server-sent events
 *   logs.c     lines of logs               tail.c     the same as they come
 *   overview.c one page of figures about this host         events.c   what happened; tell.c
 *   queues.c   what stands first in queues
 *   discover.c what runs on this host; plan.c, plan_file.c what becomes of it
 *
 * Threads: the loop's; api_committed and api_lines_stored from the writers of the stores.
 */
#ifndef API_API_H
#define API_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/str.h"

struct api;
struct budget;
struct collect;
struct config;
struct db;
struct events;
struct http_server;
struct lanes;
struct log;
struct logstore;
struct loop;
struct pools;
struct redis_firsts;

struct api_flag {
    const char *name, *value; /* as /api/v1/status/flags shows them, without dashes */
};

struct api_context {
    struct loop *loop;
    struct lanes *lanes;
    struct db *db;
    struct logstore *lines; /* of logs */
    struct collect *collect;
    struct events *events;
    struct redis_firsts *firsts; /* what stands first in queues */
    const struct pools *pools;   /* the scrape jobs' */
    const struct config *config; /* until api_config_loaded brings another */
    const struct clock *clock;
    struct log *log;
    struct budget *budget; /* process-wide; all queries get a part of it */
    unsigned features;     /* of promql/query.h */
    bool admin, lifecycle;
    const struct api_flag *flags;
    size_t flags_n;
    ts_ms start_ms;
    const char *host_name; /* this machine's, as `instance` of job node */
    /* Where the answer to "what runs here" is written, an absolute path; NULL: the files that the
     * server was started with are none of ours. */
    const char *config_file;
    /* POST /-/quit, /-/reload: on the loop. `done`, perhaps before it returns, with a line for each
     * mistake when the new configuration is refused. */
    void (*quit)(void *life_arg);
    void (*reload)(void *life_arg, void (*done)(void *arg, bool accepted, struct str text),
                   void *arg);
    void *life_arg;
};

/* Since the start; for earshot's own metrics. */
struct api_stats {
    uint64_t queries;   /* instant and range */
    uint64_t errors;    /* of whatever a lane computed */
    uint64_t starved;   /* of these, since all queries together held what they may */
    uint64_t cancelled; /* the client went away before its answer began */
    uint64_t remote_reads, remote_read_samples;
    /* What scans did not look at (struct scan_cut). */
    uint64_t cut_tables, cut_sockets, cut_processes, cut_places;
};

MUST_USE struct api *api_new(const struct api_context *context);
void api_routes(struct api *api, struct http_server *server);
struct api_stats api_stats(const struct api *api); /* on the loop */
/* On the loop. The configuration that was in use may end afterwards: whatever a lane needs of one
 * is a copy. */
void api_config_loaded(struct api *api, const struct config *config, ts_ms now_ms);
void api_config_refused(struct api *api);
/* New data became visible: wakes the streams (posts to the loop). db_settings.on_commit. */
void api_committed(struct api *api);
/* Lines of logs were stored: wakes the tails. logstore_context.on_commit. */
void api_lines_stored(struct api *api);
/* Before it: the server drained, the loop stopped, lanes freed. */
void api_free(struct api *api);

#endif
