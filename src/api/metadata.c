/* What metrics say of themselves: metadata of all families, and by target. */
#include <stdlib.h>

#include "api/internal.h"
#include "api/job.h"
#include "api/selectors.h"
#include "collect/collect.h"
#include "model/matcher.h"
#include "model/source.h"
#include "promql/query.h"
#include "tsdb/db.h"

/* A target's series are those it had in this time. */
#define RECENT_MS 300000

struct metadata_state {
    struct api_params params;
    const struct labels **targets; /* in the job's arena; of targets/metadata */
    size_t targets_n;
};

static void write_entry(struct json_writer *w, const struct metadata *m)
{
    json_key(w, "type");
    json_cstr(w, metric_type_name(m->type));
    json_key(w, "help");
    json_str(w, m->help);
    json_key(w, "unit");
    json_str(w, m->unit);
}

/* The store keeps one entry a family, so that limit_per_metric leaves each its only one. */
static int work_metadata(struct api_job *job, struct err *err)
{
    struct metadata_state *m = job->state;
    struct metadata *items;
    int64_t limit = -1, per_metric = -1;
    size_t n;
    struct json_writer w;

    if (api_param_count(&m->params, "limit", &limit, err) < 0 ||
        api_param_count(&m->params, "limit_per_metric", &per_metric, err) < 0 ||
        db_metadata(job->api->c.db, &job->arena, api_param(&m->params, "metric"), &items, &n, err) <
            0)
        return -1;
    api_begin_data(&w, &job->out);
    json_begin_object(&w);
    for (size_t i = 0; i < n && (limit < 0 || i < (size_t)limit); i++) {
        json_key_str(&w, items[i].family);
        json_begin_array(&w);
        json_begin_object(&w);
        write_entry(&w, &items[i]);
        json_end_object(&w);
        json_end_array(&w);
    }
    json_end_object(&w);
    api_end_data(&w, NULL);
    return 0;
}

/* ---- by target ---- */

static int compare_family(const void *key, const void *item)
{
    return str_cmp(*(const struct str *)key, ((const struct metadata *)item)->family);
}

/* The family that a series of this name belongs to; NULL: none is known. */
static const struct metadata *family_of(const struct metadata *all, size_t n, struct str name)
{
    static const char *const suffixes[] = {"",       "_bucket", "_sum",    "_count",
                                           "_total", "_info",   "_created"};

    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        struct str suffix = str_c(suffixes[i]);
        struct str family = str_take(name, name.n - (suffix.n < name.n ? suffix.n : 0));
        const struct metadata *m;

        if (!str_ends(name, suffix))
            continue;
        m = bsearch(&family, all, n, sizeof *all, compare_family);
        if (m)
            return m;
    }
    return NULL;
}

/* Marks the families of the series that carry all labels of the target. */
static int mark_families(struct api_job *job, const struct labels *target,
                         const struct metadata *all, size_t n, bool *has, struct err *err)
{
    const struct clock *clock = job->api->c.clock;
    struct matcher *matchers =
        arena_zalloc_array(&job->arena, target->n + 1, sizeof *matchers, err);
    struct selector selector = {matchers, 0};
    struct selectors one = {&selector, 1};
    const struct labels *const *series = NULL;
    ts_ms now = clock->wall_ms(clock);
    size_t series_n = 0;
    int status = matchers ? 0 : -1;

    for (size_t i = 0; status == 0 && i < target->n; i++) {
        struct label l = labels_at(target, i);

        status = matcher_init(&matchers[i], &job->arena, MATCH_EQ, l.name, l.value, err);
        selector.n += status == 0;
    }
    if (status == 0 && selector.n)
        status = selectors_series(job, &one, now - RECENT_MS, now, &series, &series_n, err);
    selectors_free(&one);
    for (size_t i = 0; status == 0 && i < series_n; i++) {
        const struct metadata *m = family_of(all, n, labels_get(series[i], STR(LABEL_NAME)));

        if (m)
            has[m - all] = true;
    }
    return status;
}

static void write_of_target(struct json_writer *w, const struct labels *target,
                            const struct metadata *m, bool name_it)
{
    json_begin_object(w);
    json_key(w, "target");
    api_write_labels(w, target);
    if (name_it) {
        json_key(w, "metric");
        json_str(w, m->family);
    }
    write_entry(w, m);
    json_end_object(w);
}

/* As Prometheus counts: `limit` entries are enough to look at no further target. */
static int write_targets(struct api_job *job, const struct selector *only, int64_t limit,
                         struct err *err)
{
    const struct metadata_state *m = job->state;
    struct str metric = api_param(&m->params, "metric");
    struct metadata *all;
    struct json_writer w;
    int64_t written = 0;
    size_t n;

    if (db_metadata(job->api->c.db, &job->arena, metric, &all, &n, err) < 0)
        return -1;
    api_begin_data(&w, &job->out);
    json_begin_array(&w);
    for (size_t i = 0; i < m->targets_n && (limit < 0 || written < limit); i++) {
        bool *has;

        if (!matchers_match(only->matchers, only->n, m->targets[i]))
            continue;
        has = arena_zalloc_array(&job->arena, n + 1, sizeof *has, err);
        if (!has || mark_families(job, m->targets[i], all, n, has, err) < 0)
            return -1;
        for (size_t k = 0; k < n; k++) {
            if (!has[k])
                continue;
            write_of_target(&w, m->targets[i], &all[k], !metric.n);
            written++;
        }
    }
    json_end_array(&w);
    api_end_data(&w, NULL);
    return 0;
}

static int work_targets(struct api_job *job, struct err *err)
{
    struct metadata_state *m = job->state;
    struct str match = api_param(&m->params, "match_target");
    struct selector only = {NULL, 0};
    struct selectors parsed = {&only, 1};
    int64_t limit = -1;
    int status;

    if (api_param_count(&m->params, "limit", &limit, err) < 0)
        return -1;
    if (match.n && promql_parse_selector(&job->arena, match, &only.matchers, &only.n, err) < 0)
        return api_invalid_param(err, "match_target");
    status = write_targets(job, &only, limit, err);
    selectors_free(&parsed);
    return status;
}

/* ---- the loop ---- */

static struct api_job *job_of(struct http_request *r, struct api *api,
                              int (*work)(struct api_job *job, struct err *err))
{
    struct api_params p;
    struct api_job *job;

    if (api_params_read(r, &p) < 0)
        return NULL;
    job = api_job_new(api, r, sizeof(struct metadata_state), work);
    if (job)
        ((struct metadata_state *)job->state)->params = p;
    return job;
}

static void handle_metadata(struct http_request *r, void *api)
{
    struct api_job *job = job_of(r, api, work_metadata);

    if (job)
        api_job_start(job, LANE_QUERY);
}

/* Copies the labels of the targets there are now: the lane may not ask collect. */
static int copy_targets(struct api_job *job, struct err *err)
{
    struct metadata_state *m = job->state;
    struct target_status *targets;
    size_t n;

    if (collect_status(job->api->c.collect, job->request->arena, &targets, &n, err) < 0)
        return -1;
    m->targets = arena_zalloc_array(&job->arena, n + 1, sizeof(struct labels *), err);
    if (!m->targets)
        return -1;
    for (; m->targets_n < n; m->targets_n++) {
        const struct labels *labels = targets[m->targets_n].labels;
        void *copy = arena_alloc(&job->arena, labels_size(labels), err);

        if (!copy)
            return -1;
        m->targets[m->targets_n] = memcpy(copy, labels, labels_size(labels));
    }
    return 0;
}

static void handle_targets(struct http_request *r, void *api)
{
    struct api_job *job = job_of(r, api, work_targets);
    struct err err;

    if (!job)
        return;
    if (copy_targets(job, &err) < 0) {
        api_reply_err(r, &err);
        api_job_drop(job);
        return;
    }
    api_job_start(job, LANE_QUERY);
}

void api_metadata_routes(struct api *api)
{
    api_route(api, "/api/v1/metadata", HTTP_GET, handle_metadata);
    api_route(api, "/api/v1/targets/metadata", HTTP_GET, handle_targets);
}
