/* /api/earshot/v1/logs: lines of logs, as they were kept; /logs/sources: of which sources.
 *
 * Lines come newest first, or with direction=forward oldest first. An answer ends after `limit`
 * lines; `next` then is what to send as `cursor` to go on behind them, else null.
 */
#include <inttypes.h>
#include <stdio.h>

#include "api/internal.h"
#include "api/job.h"
#include "api/logs_query.h"
#include "base/clock.h"
#include "logstore/logstore.h"
#include "logstore/search.h"

#define LINES_DEFAULT 1000
#define LINES_MAX     100000
#define PIECE_BYTES   (128u << 10)
#define TIME_MS       60000 /* of one answer */

struct logs_state {
    struct logstore_query query;
    struct logstore_at at;
    struct logstore_bounds bounds;
    struct json_writer writer;
    struct buf *out;
    size_t lines, limit;
    bool begun;
};

/* ---- the cursor: id.file ---- */

static int read_cursor(struct str text, struct logstore_at *at, struct err *err)
{
    char copy[48];
    int end = 0;

    if (!text.n)
        return 0;
    (void)snprintf(copy, sizeof copy, "%.*s", STR_ARGS(text));
    if (text.n < sizeof copy && copy[0] >= '0' && copy[0] <= '9' &&
        sscanf(copy, "%" SCNd64 ".%" SCNd64 "%n", &at->id, &at->file, &end) == 2 &&
        (size_t)end == text.n) {
        at->set = true;
        return 0;
    }
    return err_set(err, ERR_SYNTAX,
                   "invalid parameter \"cursor\": take it from `next` of the answer before");
}

/* ---- on the lane ---- */

static bool take_line(void *arg, const struct logstore_row *row)
{
    struct logs_state *s = arg;

    logs_write_line(row, &s->writer);
    s->lines++;
    return s->lines < s->limit && s->out->n < PIECE_BYTES;
}

/* What a person may have meant, when a source has no line. */
static int check_source(const struct api_job *job, struct err *err)
{
    const struct logs_state *s = job->state;
    SCOPED(buf_fini) struct buf names = {.max_bytes = 200};
    struct logstore_source *sources;
    size_t n;
    bool known = false;

    if (logstore_sources(job->api->c.lines, &sources, &n, err) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        struct str name = str_c(sources[i].name);

        known |= logstore_is_source(s->query.source, name);
        buf_addf(&names, "%s%s", i ? ", " : "", sources[i].name);
    }
    logstore_sources_free(sources, n);
    if (known)
        return 0;
    if (n == 0)
        return err_set(err, ERR_EVAL, "no lines of \"%.*s\" are stored, nor of any other source",
                       STR_ARGS(str_take(s->query.source, 60)));
    return err_set(err, ERR_EVAL, "no lines of \"%.*s\" are stored; there are: %.*s%s",
                   STR_ARGS(str_take(s->query.source, 60)), STR_ARGS(buf_str(&names)),
                   names.overflowed ? ", ..." : "");
}

static void end_answer(struct logs_state *s)
{
    char cursor[48];

    json_end_array(&s->writer);
    json_key(&s->writer, "next");
    if (s->at.ended) {
        json_put_null(&s->writer);
    } else {
        (void)snprintf(cursor, sizeof cursor, "%" PRId64 ".%" PRId64, s->at.id, s->at.file);
        json_cstr(&s->writer, cursor);
    }
    json_end_object(&s->writer);
    api_end_data(&s->writer, NULL);
}

static int more(struct api_job *job, struct err *err)
{
    struct logs_state *s = job->state;

    if (job->release) {
        job->ended = true;
        return 0;
    }
    s->out = &job->out;
    if (!s->begun) {
        api_begin_data(&s->writer, &job->out);
        json_begin_object(&s->writer);
        json_key(&s->writer, "lines");
        json_begin_array(&s->writer);
        s->begun = true;
    }
    s->bounds.cancelled = &job->lane.cancelled;
    if (logstore_search(job->api->c.lines, &s->query, &s->bounds, &s->at, take_line, s, err) < 0)
        return -1;
    if (s->lines == 0 && s->query.source.n && check_source(job, err) < 0)
        return -1;
    job->ended = s->at.ended || s->lines >= s->limit;
    if (job->ended)
        end_answer(s);
    return 0;
}

/* ---- on the loop ---- */

static int read_state(const struct api_params *p, struct api *api, struct arena *a,
                      struct logs_state *s, struct err *err)
{
    struct str direction = api_param(p, "direction");

    s->limit = LINES_DEFAULT;
    if (logs_query_read(p, a, &s->query, err) < 0 || api_param_limit(p, &s->limit, err) < 0 ||
        read_cursor(api_param(p, "cursor"), &s->at, err) < 0)
        return -1;
    if (s->limit == 0 || s->limit > LINES_MAX)
        s->limit = LINES_MAX;
    s->query.forward = str_eq(direction, STR("forward"));
    if (direction.n && !s->query.forward && !str_eq(direction, STR("backward")))
        return err_set(err, ERR_SYNTAX,
                       "invalid parameter \"direction\": expected backward or forward");
    s->bounds = (struct logstore_bounds){.clock = api->c.clock,
                                         .deadline_ns = api->c.clock->mono_ns(api->c.clock) +
                                                        TIME_MS * INT64_C(1000000)};
    return 0;
}

static void handle_logs(struct http_request *r, void *arg)
{
    struct api *api = arg;
    struct api_params p;
    struct api_job *job;
    struct err err;

    if (api_params_read(r, &p) < 0)
        return;
    job = api_job_new(api, r, sizeof(struct logs_state), more);
    if (!job)
        return;
    job->more = more;
    if (read_state(&p, api, &job->arena, job->state, &err) < 0) {
        api_reply_err(r, &err);
        api_job_drop(job);
        return;
    }
    api_job_start(job, LANE_QUERY);
}

/* ---- sources ---- */

static int work_sources(struct api_job *job, struct err *err)
{
    struct logstore_source *sources;
    struct json_writer w;
    size_t n;

    if (logstore_sources(job->api->c.lines, &sources, &n, err) < 0)
        return -1;
    api_begin_data(&w, &job->out);
    json_begin_array(&w);
    for (size_t i = 0; i < n; i++) {
        json_begin_object(&w);
        json_key(&w, "source");
        json_cstr(&w, sources[i].name);
        json_key(&w, "lines");
        json_i64(&w, (int64_t)sources[i].lines);
        json_key(&w, "first");
        api_write_rfc3339(&w, sources[i].first_ms);
        json_key(&w, "last");
        api_write_rfc3339(&w, sources[i].last_ms);
        json_end_object(&w);
    }
    json_end_array(&w);
    api_end_data(&w, NULL);
    logstore_sources_free(sources, n);
    return 0;
}

static void handle_sources(struct http_request *r, void *arg)
{
    struct api_job *job = api_job_new(arg, r, 1, work_sources);

    if (job)
        api_job_start(job, LANE_QUERY);
}

void api_logs_routes(struct api *api)
{
    api_route(api, "/api/earshot/v1/logs", HTTP_GET | HTTP_POST, handle_logs);
    api_route(api, "/api/earshot/v1/logs/sources", HTTP_GET, handle_sources);
}
