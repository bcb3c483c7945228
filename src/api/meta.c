/* Names instead of values: series, labels, label values. */
#include <stdio.h>

#include "api/internal.h"
#include "api/job.h"
#include "api/selectors.h"
#include "model/name.h"
#include "model/source.h"
#include "tsdb/db.h"

#define TRUNCATED "results truncated due to limit"

struct meta_state {
    struct api_params params;
    struct selectors selectors;
    ts_ms mint, maxt;
    size_t limit;
    struct str label; /* of label values */
    bool names_param; /* in the error of a match[]: Prometheus does for series alone */
};

/* limit, start, end, match[]: on the lane, since a selector's regex is compiled. */
static int read_state(struct api_job *job, struct err *err)
{
    struct meta_state *m = job->state;

    m->mint = -TS_MS_MAX;
    m->maxt = TS_MS_MAX;
    if (api_param_limit(&m->params, &m->limit, err) < 0 ||
        api_param_bound(&m->params, "start", &m->mint, err) < 0 ||
        api_param_bound(&m->params, "end", &m->maxt, err) < 0)
        return -1;
    if (selectors_read(&m->params, &job->arena, &m->selectors, err) < 0 ||
        selectors_check(&m->selectors, err) < 0)
        return m->names_param ? api_invalid_param(err, "match[]") : -1;
    return 0;
}

static int series(struct api_job *job, struct err *err)
{
    struct meta_state *m = job->state;
    const struct labels *const *all;
    size_t n, shown;
    struct json_writer w;

    if (selectors_series(job, &m->selectors, m->mint, m->maxt, &all, &n, err) < 0)
        return -1;
    shown = m->limit && m->limit < n ? m->limit : n;
    api_begin_data(&w, &job->out);
    json_begin_array(&w);
    for (size_t i = 0; i < shown; i++)
        api_write_labels(&w, all[i]);
    json_end_array(&w);
    api_end_data(&w, shown < n ? TRUNCATED : NULL);
    return 0;
}

/* Merges two sorted lists of strings without doubles. */
static int merge_strs(struct arena *a, struct str **all, size_t *all_n, const struct str *more,
                      size_t more_n, struct err *err)
{
    struct str *merged = arena_new_array(a, struct str, *all_n + more_n, err);
    size_t i = 0, j = 0, n = 0;

    if (!merged)
        return -1;
    while (i < *all_n || j < more_n) {
        int c = i == *all_n ? 1 : j == more_n ? -1 : str_cmp((*all)[i], more[j]);

        merged[n++] = c <= 0 ? (*all)[i] : more[j];
        i += c <= 0;
        j += c >= 0;
    }
    *all = merged;
    *all_n = n;
    return 0;
}

/* Label names, or the values of m->label: of all series or of those that match. */
static int find_strs(struct api_job *job, bool values, struct str **all, size_t *n, struct err *err)
{
    struct meta_state *m = job->state;
    struct source *source = db_source(job->api->c.db);
    size_t ask = m->limit ? m->limit + 1 : 0; /* one more tells of truncation */

    *all = NULL;
    *n = 0;
    for (size_t i = 0; m->mint <= m->maxt && i < (m->selectors.n ? m->selectors.n : 1); i++) {
        const struct selector none = {NULL, 0};
        const struct selector *s = m->selectors.n ? &m->selectors.items[i] : &none;
        struct str *part;
        size_t part_n;
        int status;

        if (selectors_may_go_on(job, err) < 0)
            return -1;
        status = values ? source->label_values(source, &job->arena, m->label, s->matchers, s->n,
                                               m->mint, m->maxt, ask, &part, &part_n, err)
                        : source->label_names(source, &job->arena, s->matchers, s->n, m->mint,
                                              m->maxt, ask, &part, &part_n, err);
        if (status < 0 || merge_strs(&job->arena, all, n, part, part_n, err) < 0)
            return -1;
    }
    return 0;
}

static int strs(struct api_job *job, bool values, struct err *err)
{
    struct meta_state *m = job->state;
    struct str *all;
    size_t n, shown;
    struct json_writer w;

    if (find_strs(job, values, &all, &n, err) < 0)
        return -1;
    shown = m->limit && m->limit < n ? m->limit : n;
    api_begin_data(&w, &job->out);
    json_begin_array(&w);
    for (size_t i = 0; i < shown; i++)
        json_str(&w, all[i]);
    json_end_array(&w);
    api_end_data(&w, shown < n ? TRUNCATED : NULL);
    return 0;
}

static int label_names(struct api_job *job, struct err *err)
{
    return strs(job, false, err);
}

static int label_values(struct api_job *job, struct err *err)
{
    return strs(job, true, err);
}

static int with_state(struct api_job *job, int (*then)(struct api_job *job, struct err *err),
                      struct err *err)
{
    struct meta_state *m = job->state;
    int status = read_state(job, err);

    if (status == 0)
        status = then(job, err);
    selectors_free(&m->selectors);
    return status;
}

static int work_series(struct api_job *job, struct err *err)
{
    struct meta_state *m = job->state;

    if (!api_param(&m->params, "match[]").p)
        return err_set(err, ERR_SYNTAX, "no match[] parameter provided");
    m->names_param = true;
    return with_state(job, series, err);
}

static int work_names(struct api_job *job, struct err *err)
{
    return with_state(job, label_names, err);
}

static int work_values(struct api_job *job, struct err *err)
{
    return with_state(job, label_values, err);
}

static void start(struct http_request *r, struct api *api, struct str label,
                  int (*work)(struct api_job *job, struct err *err))
{
    struct api_params p;
    struct api_job *job;
    struct meta_state *m;

    if (api_params_read(r, &p) < 0)
        return;
    job = api_job_new(api, r, sizeof *m, work);
    if (!job)
        return;
    m = job->state;
    m->params = p;
    m->label = label;
    api_job_start(job, LANE_QUERY);
}

static void handle_series(struct http_request *r, void *api)
{
    start(r, api, STR(""), work_series);
}

static void handle_labels(struct http_request *r, void *api)
{
    start(r, api, STR(""), work_names);
}

/* /api/v1/label/NAME/values. A name may come escaped as U__..., since old clients know no others.
 */
static void handle_label_values(struct http_request *r, void *api)
{
    struct str name = str_skip(r->path, sizeof "/api/v1/label/" - 1);
    struct err err;

    if (!str_ends(name, STR("/values"))) {
        api_reply_status(r, 404, "not_found", "no such path; it is /api/v1/label/NAME/values");
        return;
    }
    name = str_take(name, name.n - (sizeof "/values" - 1));
    if (name_unescape(r->arena, name, &name, &err) < 0) {
        api_reply_err(r, &err);
        return;
    }
    if (!name.n || !str_is_utf8(name)) {
        char text[160];

        (void)snprintf(text, sizeof text, "invalid label name: \"%.*s\"",
                       STR_ARGS(str_take(name, 100)));
        api_reply_status(r, 400, "bad_data", text);
        return;
    }
    start(r, api, name, work_values);
}

void api_meta_routes(struct api *api)
{
    api_route(api, "/api/v1/series", HTTP_GET | HTTP_POST, handle_series);
    api_route(api, "/api/v1/labels", HTTP_GET | HTTP_POST, handle_labels);
    api_route(api, "/api/v1/label/*", HTTP_GET, handle_label_values);
}
