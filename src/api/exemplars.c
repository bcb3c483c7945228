/* /api/v1/query_exemplars: the exemplars of the series that an expression's selectors match. */
#include "api/internal.h"
#include "api/job.h"
#include "model/source.h"
#include "promql/query.h"
#include "text/number.h"
#include "tsdb/db.h"

struct exemplars_state {
    struct api_params params;
};

static void write_exemplar(struct json_writer *w, const struct source_exemplar *e)
{
    SCOPED(buf_fini) struct buf time = {0};
    char text[NUMBER_TEXT_MAX];
    struct str value = {text, 0};

    value.n = number_print(e->value, text);
    json_begin_object(w);
    json_key(w, "labels");
    api_write_labels(w, e->labels);
    json_key(w, "value");
    json_str(w, value);
    json_key(w, "timestamp");
    api_write_time(&time, e->ts);
    json_raw(w, buf_str(&time));
    json_end_object(w);
}

static void write_answer(struct api_job *job, const struct source_exemplars *found, size_t n)
{
    struct json_writer w;

    json_begin(&w, &job->out);
    json_begin_object(&w);
    json_key(&w, "status");
    json_cstr(&w, "success");
    json_key(&w, "data");
    json_begin_array(&w);
    for (size_t i = 0; i < n; i++) {
        json_begin_object(&w);
        json_key(&w, "seriesLabels");
        api_write_labels(&w, found[i].series);
        json_key(&w, "exemplars");
        json_begin_array(&w);
        for (size_t k = 0; k < found[i].n; k++)
            write_exemplar(&w, &found[i].items[k]);
        json_end_array(&w);
        json_end_object(&w);
    }
    json_end_array(&w);
    json_end_object(&w);
}

static int answer(struct api_job *job, const struct expr *e, ts_ms mint, ts_ms maxt,
                  struct err *err)
{
    struct source *source = db_source(job->api->c.db);
    struct source_selector *selectors;
    struct source_exemplars *found = NULL;
    size_t n, found_n = 0;

    if (promql_selectors(e, &job->arena, &selectors, &n, err) < 0)
        return -1;
    if (!n) {
        job->status = 204; /* nothing was asked about */
        return 0;
    }
    if (source->exemplars(source, &job->arena, selectors, n, mint, maxt, &found, &found_n, err) < 0)
        return -1;
    write_answer(job, found, found_n);
    return 0;
}

/* Grafana asks with times in milliseconds to find out whether there are exemplars: those are times
 * far in the future, without any. */
static int work(struct api_job *job, struct err *err)
{
    struct exemplars_state *s = job->state;
    ts_ms mint = -TS_MS_MAX, maxt = TS_MS_MAX;
    struct expr *e;
    int status;

    if (api_param_bound(&s->params, "start", &mint, err) < 0 ||
        api_param_bound(&s->params, "end", &maxt, err) < 0)
        return -1;
    if (maxt < mint)
        return err_set(err, ERR_SYNTAX, "end timestamp must not be before start timestamp");
    if (promql_parse(&job->arena, api_param(&s->params, "query"), job->api->c.features, &e, err) <
        0)
        return -1;
    status = answer(job, e, mint, maxt, err);
    promql_free(e);
    return status;
}

static void handle_exemplars(struct http_request *r, void *api)
{
    struct api_params params;
    struct api_job *job;

    if (api_params_read(r, &params) < 0)
        return;
    job = api_job_new(api, r, sizeof(struct exemplars_state), work);
    if (!job)
        return;
    ((struct exemplars_state *)job->state)->params = params;
    api_job_start(job, LANE_QUERY);
}

void api_exemplar_routes(struct api *api)
{
    api_route(api, "/api/v1/query_exemplars", HTTP_GET | HTTP_POST, handle_exemplars);
}
