/* internal: what the files of this folder share. */
#ifndef API_INTERNAL_H
#define API_INTERNAL_H

#include <stdint.h>

#include "api/api.h"
#include "base/arena.h"
#include "base/err.h"
#include "http/server.h"
#include "model/labels.h"
#include "text/json.h"

struct api_stream;
struct discovery;

struct api {
    struct api_context c;
    struct http_server *server;
    struct streams *streams; /* owned */
    struct discovery *found; /* what was found last; NULL: nothing yet */
    struct tails *tails;     /* owned */
    struct api_stats stats;
    struct budget queries; /* of all under way */
    unsigned reads;        /* remote reads under way */
    unsigned event_reads;  /* of events */
    ts_ms events_minute;   /* the one that events_told is of */
    unsigned events_told;  /* that were posted */
    bool reload_refused;   /* the last one */
    ts_ms config_ms;       /* when the configuration in use was loaded */
};

#define QUERY_BYTES_MAX (256u << 20)
/* Of all queries under way, or half of what the process may take, if that is less. Large ones get
 * three quarters: one that takes all it may, and half of another. */
#define QUERIES_BYTES_MAX    (512u << 20)
#define QUERY_TIMEOUT_MS_MAX 120000

/* Answers with {"status":"error","errorType":...,"error":...} and the code that goes with the kind.
 */
void api_reply_err(struct http_request *r, const struct err *err);
/* The same as a line of text, for routes outside Prometheus' JSON API. */
void api_reply_err_plain(struct http_request *r, const struct err *err);
void api_reply_status(struct http_request *r, int status, const char *type, const char *text);

/* Parameters of one request, decoded once. */
struct api_params {
    struct http_param *items;
    size_t n;
};

/* -1: answered already. */
MUST_USE int api_params_read(struct http_request *r, struct api_params *out);
/* First of that name, {NULL, 0} when absent. */
struct str api_param(const struct api_params *p, const char *name);
/* Unix seconds (with fraction) or RFC 3339; absent: leaves *out. What lies past all times is the
 * bound, +-TS_MS_MAX. The error names the parameter. */
MUST_USE int api_param_time(const struct api_params *p, const char *name, ts_ms *out,
                            struct err *err);
/* The same for a time that may be left out, with the error that Prometheus words otherwise there.
 */
MUST_USE int api_param_bound(const struct api_params *p, const char *name, ts_ms *out,
                             struct err *err);
/* Seconds as a number, or a duration as Prometheus writes them; absent: leaves *out. */
MUST_USE int api_param_duration(const struct api_params *p, const char *name, int64_t *out_ms,
                                struct err *err);
/* `limit`, 0 or more; absent: leaves *out. */
MUST_USE int api_param_limit(const struct api_params *p, size_t *out, struct err *err);
/* Why Go's strconv takes no integer from `text`, in its words. */
const char *api_not_a_number(struct str text);
/* A whole number of either sign; the error is "NAME must be a number". */
MUST_USE int api_param_count(const struct api_params *p, const char *name, int64_t *out,
                             struct err *err);
/* true, 1, false, 0 ... as Go's ParseBool; false: none of these. */
MUST_USE bool api_param_flag(struct str text, bool *out);
/* Puts `invalid parameter "NAME": ` before an error and, as Prometheus does, the place behind it.
 */
MUST_USE int api_invalid_param(struct err *err, const char *name);

/* Adds {"status":"success","data": and what comes after the data: warnings, when there is one, and
 * the end. */
void api_begin_data(struct json_writer *w, struct buf *out);
void api_end_data(struct json_writer *w, const char *warning);
/* A small answer, made on the loop, in the request's arena. Ends `out`. */
void api_reply_data(struct http_request *r, struct buf *out);

/* Parses and runs `text` on the store; on a lane. Of `params` it fills source, features and clock.
 */
struct promql_params;
struct promql_result;
MUST_USE int api_run_query(struct api *api, struct arena *arena, struct str text,
                           struct promql_params *params, struct promql_result *out,
                           struct err *err);

/* {"a":"b"} */
void api_write_labels(struct json_writer *w, const struct labels *ls);
/* RFC 3339 in UTC with milliseconds. */
void api_write_rfc3339(struct json_writer *w, ts_ms t);
/* A number of seconds with at most three decimals: 1435781451.781 */
void api_write_time(struct buf *out, ts_ms t);

/* The external labels of the configuration, copied and sorted by name: a reload may end it while a
 * lane works. `more` of room is left behind them. */
MUST_USE int api_external_labels(struct api *api, struct arena *a, size_t more, struct label **out,
                                 size_t *n, struct err *err);

void api_handle_tell(struct http_request *r, void *api);
void api_query_routes(struct api *api);
void api_meta_routes(struct api *api);
void api_status_routes(struct api *api);
void api_target_routes(struct api *api);
void api_admin_routes(struct api *api);
void api_exemplar_routes(struct api *api);
void api_rules_routes(struct api *api);
void api_metadata_routes(struct api *api);
void api_federate_routes(struct api *api);
void api_jsonl_routes(struct api *api);
void api_queue_routes(struct api *api);
void api_read_routes(struct api *api);
void api_stream_routes(struct api *api);
void api_overview_routes(struct api *api);
void api_explain_routes(struct api *api);
void api_logs_routes(struct api *api);
void api_discover_routes(struct api *api);
void discovery_unref(struct discovery *d); /* on the loop; NULL is fine */
void api_tail_routes(struct api *api);
void api_event_routes(struct api *api);

void api_status_tsdb(struct http_request *r, void *api);

struct streams *streams_new(struct api *api);
void streams_free(struct streams *s);
void streams_committed(struct streams *s); /* any thread */
struct tails *tails_new(struct api *api);
void tails_free(struct tails *t);
void tails_stored(struct tails *t); /* any thread */

/* GET and form POST, as most of Prometheus' API is. */
void api_route(struct api *api, const char *path, unsigned methods, http_handler handler);

#endif
