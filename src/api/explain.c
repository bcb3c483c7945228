/* /api/earshot/v1/explain: why an expression gave nothing. */
#include "promql/explain.h"

#include "api/internal.h"
#include "api/job.h"
#include "promql/ast.h"
#include "promql/query.h"
#include "tsdb/db.h"

#define TIMEOUT_MS     30000
#define PART_BYTES_MAX 300u

struct explain_state {
    struct str text;
    struct promql_params params;
};

static void write_text(struct json_writer *w, const char *key, const char *text)
{
    json_key(w, key);
    if (text)
        json_cstr(w, text);
    else
        json_put_null(w);
}

static void write_number(struct json_writer *w, const char *key, uint64_t v)
{
    json_key(w, key);
    json_i64(w, (int64_t)v);
}

/* On one line: breaks and what follows them become one blank. */
static void add_on_a_line(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        bool blank = strchr(" \t\r\n", s.p[i]) != NULL;

        if (!blank)
            buf_addc(out, s.p[i]);
        else if (!out->n || out->p[out->n - 1] != ' ')
            buf_addc(out, ' ');
    }
}

/* The part's own text; what has a row of its own and parts again is left out: "... > 50". */
static void write_own_text(struct json_writer *w, struct str text, const struct explain_report *r,
                           size_t row)
{
    SCOPED(buf_fini) struct buf own = {0};
    const struct explain_part *p = &r->parts[row];
    uint32_t at = p->start;

    for (size_t i = row + 1; i < r->parts_n && r->parts[i].depth > p->depth; i++) {
        const struct explain_part *child = &r->parts[i];

        if (child->depth != p->depth + 1 || i + 1 == r->parts_n ||
            r->parts[i + 1].depth <= child->depth)
            continue;
        add_on_a_line(&own, str_take(str_skip(text, at), child->start - at));
        buf_adds(&own, "\xe2\x80\xa6");
        at = child->end;
    }
    add_on_a_line(&own, str_take(str_skip(text, at), p->end - at));
    json_key(w, "text");
    json_str(w, str_take(buf_str(&own), PART_BYTES_MAX));
}

static void write_part(struct json_writer *w, struct str text, const struct explain_report *r,
                       size_t row)
{
    const struct explain_part *p = &r->parts[row];

    json_begin_object(w);
    write_own_text(w, text, r, row);
    write_number(w, "start", p->start);
    write_number(w, "end", p->end);
    write_number(w, "depth", p->depth);
    json_key(w, "series");
    if (p->counted)
        json_i64(w, (int64_t)p->series);
    else
        json_put_null(w);
    json_key(w, "dies");
    json_bool(w, p->dies);
    write_text(w, "note", p->note);
    json_end_object(w);
}

static void write_finding(struct json_writer *w, struct str text, const struct explain_finding *f)
{
    struct span at = text_span(text, f->start, f->end);

    json_begin_object(w);
    write_text(w, "kind", explain_kind_name(f->kind));
    json_key(w, "cause");
    json_bool(w, f->is_cause);
    write_number(w, "start", f->start);
    write_number(w, "end", f->end);
    write_number(w, "line", at.line);
    write_number(w, "column", at.column);
    write_text(w, "text", f->text);
    write_text(w, "suggestion", f->suggestion);
    json_end_object(w);
}

static void write_report(struct buf *out, struct str text, const struct explain_report *r)
{
    struct json_writer w;

    json_begin(&w, out);
    json_begin_object(&w);
    write_text(&w, "status", "success");
    json_key(&w, "data");
    json_begin_object(&w);
    write_number(&w, "series", r->series);
    write_text(&w, "summary", r->summary);
    json_key(&w, "parts");
    json_begin_array(&w);
    for (size_t i = 0; i < r->parts_n; i++)
        write_part(&w, text, r, i);
    json_end_array(&w);
    json_key(&w, "findings");
    json_begin_array(&w);
    for (size_t i = 0; i < r->findings_n; i++)
        write_finding(&w, text, &r->findings[i]);
    json_end_array(&w);
    write_text(&w, "mended", r->mended);
    write_text(&w, "stopped", r->stopped);
    json_end_object(&w);
    json_end_object(&w);
}

static int work(struct api_job *job, struct err *err)
{
    struct explain_state *s = job->state;
    struct explain_report report;
    struct expr *expr;
    int status;

    s->params.source = db_source(job->api->c.db);
    s->params.features = job->api->c.features;
    s->params.clock = job->api->c.clock;
    s->params.cancelled = &job->lane.cancelled;
    if (promql_parse(&job->arena, s->text, s->params.features, &expr, err) < 0) {
        char text[sizeof err->text + 32];

        return err_set(err, err->kind, "invalid parameter \"query\": %s",
                       err_format(err, text, sizeof text));
    }
    status = promql_explain(expr, &s->params, &job->arena, &report, err);
    promql_free(expr);
    if (status == 0)
        write_report(&job->out, s->text, &report);
    return status;
}

/* time, or start, end and step. */
static int read_times(const struct api_params *p, struct promql_params *out, struct err *err)
{
    if (!api_param(p, "start").n) {
        if (api_param_time(p, "time", &out->start_ms, err) < 0)
            return -1;
        out->end_ms = out->start_ms;
        return 0;
    }
    out->step_ms = 60000;
    if (api_param_time(p, "start", &out->start_ms, err) < 0 ||
        api_param_time(p, "end", &out->end_ms, err) < 0 ||
        api_param_duration(p, "step", &out->step_ms, err) < 0)
        return -1;
    if (out->end_ms < out->start_ms)
        return err_set(err, ERR_SYNTAX,
                       "invalid parameter \"end\": end timestamp must not be before start time");
    if (out->step_ms <= 0)
        return err_set(err, ERR_SYNTAX, "invalid parameter \"step\": it must be above zero");
    return 0;
}

static void handle_explain(struct http_request *r, void *arg)
{
    struct api *api = arg;
    const struct clock *clock = api->c.clock;
    int64_t timeout_ms = TIMEOUT_MS;
    struct explain_state *s;
    struct api_params p;
    struct api_job *job;
    struct err err;

    if (api_params_read(r, &p) < 0)
        return;
    job = api_job_new(api, r, sizeof *s, work);
    if (!job)
        return;
    s = job->state;
    s->text = api_param(&p, "query");
    s->params.start_ms = s->params.end_ms = clock->wall_ms(clock);
    if (read_times(&p, &s->params, &err) < 0 ||
        api_param_duration(&p, "timeout", &timeout_ms, &err) < 0) {
        api_reply_err(r, &err);
        api_job_drop(job);
        return;
    }
    if (timeout_ms <= 0 || timeout_ms > TIMEOUT_MS)
        timeout_ms = TIMEOUT_MS;
    s->params.deadline_ns = clock->mono_ns(clock) + timeout_ms * 1000000;
    api_job_start(job, LANE_QUERY);
}

void api_explain_routes(struct api *api)
{
    api_route(api, "/api/earshot/v1/explain", HTTP_GET | HTTP_POST, handle_explain);
}
