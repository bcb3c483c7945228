/* Names instead of values: series, labels, label values, metadata. */
#include <stdio.h>

#include "api/internal.h"
#include "api/job.h"
#include "model/matcher.h"
#include "model/source.h"
#include "promql/query.h"
#include "tsdb/db.h"

struct selector {
    struct matcher *matchers;
    size_t n;
};

struct meta_state {
    struct api_params params;
    struct selector *selectors; /* one a match[] */
    size_t selectors_n;
    ts_ms mint, maxt;
    size_t limit;
    struct str label; /* of label values */
};

static void end(struct json_writer *w, bool truncated)
{
    if (truncated) {
        json_key(w, "warnings");
        json_begin_array(w);
        json_cstr(w, "results truncated due to limit");
        json_end_array(w);
    }
    json_end_object(w);
}

static void begin(struct json_writer *w, struct api_job *job)
{
    json_begin(w, &job->out);
    json_begin_object(w);
    json_key(w, "status");
    json_cstr(w, "success");
    json_key(w, "data");
}

static bool matches_everything(const struct selector *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (!matcher_matches_empty(&s->matchers[i]))
            return false;
    return true;
}

/* match[], start, end, limit: on the lane, since a selector's regex is compiled. */
static int read_state(struct api_job *job, struct err *err)
{
    struct meta_state *m = job->state;
    size_t cap = 0;
    void *items = NULL;

    m->mint = -TS_MS_MAX;
    m->maxt = TS_MS_MAX;
    if (api_param_time(&m->params, "start", &m->mint, err) < 0 ||
        api_param_time(&m->params, "end", &m->maxt, err) < 0 ||
        api_param_size(&m->params, "limit", &m->limit, err) < 0)
        return -1;
    if (m->maxt < m->mint)
        return err_set(err, ERR_SYNTAX,
                       "invalid parameter \"end\": end timestamp must not be before start time");
    for (size_t i = 0; i < m->params.n; i++) {
        struct selector *s;

        if (!str_eq(m->params.items[i].name, STR("match[]")))
            continue;
        if (arena_grow(&job->arena, &items, &cap, m->selectors_n + 1, sizeof *s, err) < 0)
            return -1;
        m->selectors = items;
        s = &m->selectors[m->selectors_n];
        if (promql_parse_selector(&job->arena, m->params.items[i].value, &s->matchers, &s->n, err) <
            0) {
            char text[sizeof err->text + 32];

            return err_set(err, err->kind, "invalid parameter \"match[]\": %s",
                           err_format(err, text, sizeof text));
        }
        m->selectors_n++;
        if (matches_everything(s))
            return err_set(err, ERR_SYNTAX,
                           "invalid parameter \"match[]\": match[] must contain at least one "
                           "non-empty matcher");
    }
    return 0;
}

static void release(struct meta_state *m)
{
    for (size_t i = 0; i < m->selectors_n; i++)
        for (size_t j = 0; j < m->selectors[i].n; j++)
            matcher_fini(&m->selectors[i].matchers[j]);
}

/* The union of several sorted lists of label sets, each merged into `all`. */
static int merge_labels(struct arena *a, const struct labels *const **all, size_t *all_n,
                        const struct source_set *set, struct err *err)
{
    const struct labels **merged = arena_new_array(a, const struct labels *, *all_n + set->n, err);
    size_t i = 0, j = 0, n = 0;

    if (!merged)
        return -1;
    while (i < *all_n || j < set->n) {
        int c = i == *all_n ? 1 : j == set->n ? -1 : labels_compare((*all)[i], set->labels[j]);

        merged[n++] = c <= 0 ? (*all)[i] : set->labels[j];
        i += c <= 0;
        j += c >= 0;
    }
    *all = merged;
    *all_n = n;
    return 0;
}

static int series(struct api_job *job, struct err *err)
{
    struct meta_state *m = job->state;
    struct source *source = db_source(job->api->c.db);
    struct source_hints hints = {.labels_only = true, .cancelled = &job->lane.cancelled};
    const struct labels *const *all = NULL;
    size_t n = 0, shown;
    struct json_writer w;

    if (!m->selectors_n)
        return err_set(err, ERR_SYNTAX, "no match[] parameter provided");
    for (size_t i = 0; i < m->selectors_n; i++) {
        struct source_set *set;
        int status;

        if (source->select(source, &job->arena, m->selectors[i].matchers, m->selectors[i].n,
                           m->mint, m->maxt, &hints, &set, err) < 0)
            return -1;
        status = merge_labels(&job->arena, &all, &n, set, err);
        source->set_free(source, set);
        if (status < 0)
            return -1;
    }
    shown = m->limit && m->limit < n ? m->limit : n;
    begin(&w, job);
    json_begin_array(&w);
    for (size_t i = 0; i < shown; i++)
        api_write_labels(&w, all[i]);
    json_end_array(&w);
    end(&w, shown < n);
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
static int strs(struct api_job *job, bool values, struct err *err)
{
    struct meta_state *m = job->state;
    struct source *source = db_source(job->api->c.db);
    struct str *all = NULL;
    size_t n = 0, shown;
    size_t ask = m->limit ? m->limit + 1 : 0; /* one more tells of truncation */
    struct json_writer w;

    for (size_t i = 0; i < (m->selectors_n ? m->selectors_n : 1); i++) {
        const struct selector none = {NULL, 0};
        const struct selector *s = m->selectors_n ? &m->selectors[i] : &none;
        struct str *part;
        size_t part_n;
        int status;

        status = values ? source->label_values(source, &job->arena, m->label, s->matchers, s->n,
                                               m->mint, m->maxt, ask, &part, &part_n, err)
                        : source->label_names(source, &job->arena, s->matchers, s->n, m->mint,
                                              m->maxt, ask, &part, &part_n, err);
        if (status < 0 || merge_strs(&job->arena, &all, &n, part, part_n, err) < 0)
            return -1;
    }
    shown = m->limit && m->limit < n ? m->limit : n;
    begin(&w, job);
    json_begin_array(&w);
    for (size_t i = 0; i < shown; i++)
        json_str(&w, all[i]);
    json_end_array(&w);
    end(&w, shown < n);
    return 0;
}

static int with_state(struct api_job *job, int (*then)(struct api_job *job, struct err *err),
                      struct err *err)
{
    int status = read_state(job, err);

    if (status == 0)
        status = then(job, err);
    release(job->state);
    return status;
}

static int label_names(struct api_job *job, struct err *err)
{
    return strs(job, false, err);
}

static int label_values(struct api_job *job, struct err *err)
{
    return strs(job, true, err);
}

static int work_series(struct api_job *job, struct err *err)
{
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

static int work_metadata(struct api_job *job, struct err *err)
{
    struct meta_state *m = job->state;
    struct metadata *items;
    size_t n, per_metric = 0, in_metric = 0;
    struct json_writer w;

    if (api_param_size(&m->params, "limit", &m->limit, err) < 0 ||
        api_param_size(&m->params, "limit_per_metric", &per_metric, err) < 0 ||
        db_metadata(job->api->c.db, &job->arena, api_param(&m->params, "metric"), &items, &n, err) <
            0)
        return -1;
    begin(&w, job);
    json_begin_object(&w);
    for (size_t i = 0, families = 0; i < n; i++) {
        bool same = i && str_eq(items[i].family, items[i - 1].family);

        in_metric = same ? in_metric + 1 : 0;
        if (!same) {
            if (i)
                json_end_array(&w);
            if (m->limit && families++ == m->limit) {
                json_end_object(&w);
                end(&w, false);
                return 0;
            }
            json_key_str(&w, items[i].family);
            json_begin_array(&w);
        }
        if (per_metric && in_metric >= per_metric)
            continue;
        json_begin_object(&w);
        json_key(&w, "type");
        json_cstr(&w, metric_type_name(items[i].type));
        json_key(&w, "help");
        json_str(&w, items[i].help);
        json_key(&w, "unit");
        json_str(&w, items[i].unit);
        json_end_object(&w);
    }
    if (n)
        json_end_array(&w);
    json_end_object(&w);
    end(&w, false);
    return 0;
}

static struct api_job *start(struct http_request *r, struct api *api,
                             int (*work)(struct api_job *job, struct err *err))
{
    struct api_params p;
    struct api_job *job;

    if (api_params_read(r, &p) < 0)
        return NULL;
    job = api_job_new(api, r, sizeof(struct meta_state), work);
    if (job)
        ((struct meta_state *)job->state)->params = p;
    return job;
}

static void handle_series(struct http_request *r, void *api)
{
    struct api_job *job = start(r, api, work_series);

    if (job)
        api_job_start(job, LANE_QUERY);
}

static void handle_labels(struct http_request *r, void *api)
{
    struct api_job *job = start(r, api, work_names);

    if (job)
        api_job_start(job, LANE_QUERY);
}

static void handle_metadata(struct http_request *r, void *api)
{
    struct api_job *job = start(r, api, work_metadata);

    if (job)
        api_job_start(job, LANE_QUERY);
}

/* /api/v1/label/NAME/values */
static void handle_label_values(struct http_request *r, void *api)
{
    struct str name = str_skip(r->path, sizeof "/api/v1/label/" - 1);
    struct api_job *job;

    if (!str_ends(name, STR("/values"))) {
        api_reply_status(r, 404, "not_found", "no such path; it is /api/v1/label/NAME/values");
        return;
    }
    name = str_take(name, name.n - (sizeof "/values" - 1));
    if (!name.n || !str_is_utf8(name)) {
        char text[160];

        (void)snprintf(text, sizeof text, "invalid label name: \"%.*s\"",
                       STR_ARGS(str_take(name, 100)));
        api_reply_status(r, 400, "bad_data", text);
        return;
    }
    job = start(r, api, work_values);
    if (!job)
        return;
    ((struct meta_state *)job->state)->label = name;
    api_job_start(job, LANE_QUERY);
}

void api_meta_routes(struct api *api)
{
    api_route(api, "/api/v1/series", HTTP_GET | HTTP_POST, handle_series);
    api_route(api, "/api/v1/labels", HTTP_GET | HTTP_POST, handle_labels);
    api_route(api, "/api/v1/label/*", HTTP_GET, handle_label_values);
    api_route(api, "/api/v1/metadata", HTTP_GET, handle_metadata);
}
