/* /api/v1/query, /api/v1/query_range, /api/v1/format_query, /api/v1/parse_query. */
#include "promql/query.h"
#include "api/internal.h"
#include "api/job.h"
#include "api/result.h"
#include "text/number.h"
#include "tsdb/db.h"

/* An expression printed: its text is at most 64 kB, but each nesting adds blanks to each line. */
#define REWRITE_BYTES_MAX (4u << 20)
/* Of an answer at once on a lane. The first part is the whole of most answers. */
#define FIRST_BYTES (64u << 10)
#define PART_BYTES  (256u << 10)

struct query_state {
    struct str text;
    struct promql_params params;
    struct promql_result result;
    struct promql_pause pause;
    struct lane_job *lane;
    struct result_writer writer;
    size_t limit;
    struct str stats; /* as given; empty: not asked for */
};

static void rest(struct promql_pause *p)
{
    lanes_rest(CONTAINER_OF(p, struct query_state, pause)->lane);
}

int api_run_query(struct api *api, struct arena *arena, struct str text,
                  struct promql_params *params, struct promql_result *out, struct err *err)
{
    struct expr *expr;
    int status;

    params->source = db_source(api->c.db);
    params->features = api->c.features;
    params->clock = api->c.clock;
    if (promql_parse(arena, text, api->c.features, &expr, err) < 0)
        return -1;
    status = promql_run(expr, params, arena, out, err);
    promql_free(expr);
    return status;
}

/* The next part of the answer, as text: on a lane, so that the loop only sends. */
static int more_text(struct api_job *job, struct err *err)
{
    struct query_state *q = job->state;
    size_t bytes = q->writer.phase == RESULT_HEAD ? FIRST_BYTES : PART_BYTES;

    (void)err;
    while (!job->ended && job->out.n < bytes)
        job->ended = job->release || !result_writer_next(&q->writer, &job->out);
    return 0;
}

static int work(struct api_job *job, struct err *err)
{
    struct query_state *q = job->state;
    const struct clock *clock = job->api->c.clock;
    int64_t started = clock->mono_ns(clock);
    const char *stats_warning = NULL;

    if (q->params.step_ms &&
        (q->params.end_ms - q->params.start_ms) / q->params.step_ms > PROMQL_STEPS_MAX)
        return err_set(
            err, ERR_SYNTAX,
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing "
            "the query resolution (?step=XX)");
    q->params.cancelled = &job->lane.cancelled;
    q->lane = &job->lane;
    q->pause.pause = rest;
    q->params.pause = &q->pause;
    if (api_run_query(job->api, &job->arena, q->text, &q->params, &q->result, err) < 0) {
        if (err->kind != ERR_SYNTAX && err->kind != ERR_TYPE)
            return -1;
        return api_invalid_param(err, "query");
    }
    if (q->stats.n && !str_eq(q->stats, STR("true")) && !str_eq(q->stats, STR("all"))) {
        stats_warning =
            arena_printf(&job->arena, err,
                         "value \"%.*s\" for parameter \"stats\" is deprecated and will "
                         "be rejected in the next major release, use \"true\" or \"all\"",
                         STR_ARGS(str_take(q->stats, 100)));
        if (!stats_warning)
            return -1;
    }
    q->writer = (struct result_writer){
        .result = &q->result,
        .at_ms = q->params.end_ms,
        .limit = q->limit,
        .stats = q->stats.n > 0,
        .warning = stats_warning,
        .seconds = (double)(clock->mono_ns(clock) - started) * 1e-9,
    };
    return more_text(job, err);
}

static int read_range(const struct api_params *p, struct query_state *q, struct err *err)
{
    static const char *const needed[] = {"start", "end", "step"};
    double seconds;

    for (size_t i = 0; i < ARRAY_LEN(needed); i++)
        if (!api_param(p, needed[i]).n)
            return err_set(err, ERR_SYNTAX,
                           "invalid parameter \"%s\": cannot parse \"\" to a valid %s", needed[i],
                           i < 2 ? "timestamp" : "duration");
    if (api_param_time(p, "start", &q->params.start_ms, err) < 0 ||
        api_param_time(p, "end", &q->params.end_ms, err) < 0)
        return -1;
    if (q->params.end_ms < q->params.start_ms)
        return err_set(err, ERR_SYNTAX,
                       "invalid parameter \"end\": end timestamp must not be before start time");
    if (api_param_duration(p, "step", &q->params.step_ms, err) < 0)
        return -1;
    if (q->params.step_ms == 0 && number_parse(api_param(p, "step"), &seconds) && seconds >= 1e-9)
        q->params.step_ms = 1; /* there is nothing finer */
    if (q->params.step_ms <= 0)
        return err_set(err, ERR_SYNTAX,
                       "invalid parameter \"step\": zero or negative query resolution step widths "
                       "are not accepted. Try a positive integer");
    return 0;
}

/* Not above zero: the default, as in Prometheus. */
static int read_lookback(const struct api_params *p, int64_t *out_ms, struct err *err)
{
    if (api_param_duration(p, "lookback_delta", out_ms, err) < 0)
        return err_set(err, ERR_SYNTAX,
                       "error parsing lookback delta duration: cannot parse \"%.*s\" to a valid "
                       "duration",
                       STR_ARGS(str_take(api_param(p, "lookback_delta"), 100)));
    if (*out_ms < 0)
        *out_ms = 0;
    return 0;
}

static int read_query(struct api *api, const struct api_params *p, struct query_state *q,
                      bool range, struct err *err)
{
    const struct clock *clock = api->c.clock;
    int64_t timeout_ms = QUERY_TIMEOUT_MS_MAX;

    q->text = api_param(p, "query");
    q->stats = api_param(p, "stats");
    if (range) {
        if (read_range(p, q, err) < 0)
            return -1;
    } else {
        q->params.start_ms = clock->wall_ms(clock);
        if (api_param_bound(p, "time", &q->params.start_ms, err) < 0)
            return -1;
        q->params.end_ms = q->params.start_ms;
    }
    if (api_param_limit(p, &q->limit, err) < 0 ||
        api_param_duration(p, "timeout", &timeout_ms, err) < 0 ||
        read_lookback(p, &q->params.lookback_ms, err) < 0)
        return -1;
    if (timeout_ms > QUERY_TIMEOUT_MS_MAX)
        timeout_ms = QUERY_TIMEOUT_MS_MAX;
    q->params.deadline_ns = clock->mono_ns(clock) + (timeout_ms > 0 ? timeout_ms * 1000000 : 0);
    return 0;
}

static void handle(struct http_request *r, struct api *api, bool range)
{
    struct api_params p;
    struct api_job *job;
    struct query_state *q;
    struct err err;

    api->stats.queries++;
    if (api_params_read(r, &p) < 0)
        return;
    job = api_job_new(api, r, sizeof *q, work);
    if (!job)
        return;
    q = job->state;
    job->more = more_text;
    if (read_query(api, &p, q, range, &err) < 0) {
        api->stats.errors++;
        api_reply_err(r, &err);
        api_job_drop(job);
        return;
    }
    job->lane.deadline_ns = q->params.deadline_ns;
    api_job_start(job, LANE_QUERY);
}

static void handle_query(struct http_request *r, void *api)
{
    handle(r, api, false);
}

static void handle_query_range(struct http_request *r, void *api)
{
    handle(r, api, true);
}

/* ---- an expression said in other words ---- */

static int rewrite(struct api_job *job, bool tree, struct err *err)
{
    SCOPED(buf_fini) struct buf text = {.max_bytes = REWRITE_BYTES_MAX};
    struct query_state *q = job->state;
    struct expr *expr;
    struct json_writer w;
    int status;

    if (promql_parse(&job->arena, q->text, job->api->c.features, &expr, err) < 0)
        return api_invalid_param(err, "query");
    status = tree ? promql_print_tree(expr, &text, err) : promql_print(expr, true, &text, err);
    promql_free(expr);
    if (status < 0)
        return -1;
    api_begin_data(&w, &job->out);
    if (tree)
        json_raw(&w, buf_str(&text));
    else
        json_str(&w, buf_str(&text));
    api_end_data(&w, NULL);
    return 0;
}

static int work_format(struct api_job *job, struct err *err)
{
    return rewrite(job, false, err);
}

static int work_parse(struct api_job *job, struct err *err)
{
    return rewrite(job, true, err);
}

static void start_rewrite(struct http_request *r, struct api *api,
                          int (*work_of)(struct api_job *job, struct err *err))
{
    struct api_params p;
    struct api_job *job;
    struct query_state *q;

    if (api_params_read(r, &p) < 0)
        return;
    job = api_job_new(api, r, sizeof *q, work_of);
    if (!job)
        return;
    q = job->state;
    q->text = api_param(&p, "query");
    api_job_start(job, LANE_QUERY);
}

static void handle_format_query(struct http_request *r, void *api)
{
    start_rewrite(r, api, work_format);
}

static void handle_parse_query(struct http_request *r, void *api)
{
    start_rewrite(r, api, work_parse);
}

void api_query_routes(struct api *api)
{
    api_route(api, "/api/v1/query", HTTP_GET | HTTP_POST, handle_query);
    api_route(api, "/api/v1/query_range", HTTP_GET | HTTP_POST, handle_query_range);
    api_route(api, "/api/v1/format_query", HTTP_GET | HTTP_POST, handle_format_query);
    api_route(api, "/api/v1/parse_query", HTTP_GET | HTTP_POST, handle_parse_query);
}
