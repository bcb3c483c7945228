/* /api/v1/status/tsdb: what the head holds, and which names and labels its series are made of. */
#include <stdlib.h>

#include "api/internal.h"
#include "api/job.h"
#include "base/hash.h"
#include "base/map.h"
#include "model/matcher.h"
#include "model/source.h"
#include "tsdb/db.h"

#define TOP_DEFAULT 10
#define TOP_MAX     10000u

struct count {
    struct str name;
    uint64_t n;
};

struct tsdb_state {
    size_t limit;
    struct map by_metric, by_pair, by_label, bytes_by_label;
};

static bool same_name(const void *item, const void *key)
{
    return str_eq(((const struct count *)item)->name, *(const struct str *)key);
}

/* Adds n to the count of `name`; the name is borrowed. 1: it is new, 0: not, -1: no memory. */
static int add(struct arena *a, struct map *m, struct str name, uint64_t n, struct err *err)
{
    uint64_t hash = hash_str(name);
    struct count *c = map_get(m, hash, &name, same_name);
    bool is_new = !c;

    if (is_new) {
        c = arena_new(a, struct count, err);
        if (!c)
            return -1;
        c->name = name;
        map_put(m, hash, c);
    }
    c->n += n;
    return is_new;
}

static int by_count(const void *a, const void *b)
{
    const struct count *x = *(const struct count *const *)a, *y = *(const struct count *const *)b;

    if (x->n != y->n)
        return x->n < y->n ? 1 : -1;
    return str_cmp(x->name, y->name);
}

static int write_top(struct json_writer *w, struct arena *a, const char *key, const struct map *m,
                     size_t limit, struct err *err)
{
    struct count **items = arena_new_array(a, struct count *, m->n + 1, err);
    struct count *item;
    size_t n = 0, at = 0;

    if (!items)
        return -1;
    while ((item = map_next(m, &at)))
        items[n++] = item;
    qsort(items, n, sizeof(struct count *), by_count);
    json_key(w, key);
    json_begin_array(w);
    for (size_t i = 0; i < n && i < limit; i++) {
        json_begin_object(w);
        json_key(w, "name");
        json_str(w, items[i]->name);
        json_key(w, "value");
        json_i64(w, (int64_t)items[i]->n);
        json_end_object(w);
    }
    json_end_array(w);
    return 0;
}

/* One label set's share in all four tables. */
static int tally(struct api_job *job, const struct labels *ls, struct err *err)
{
    struct tsdb_state *t = job->state;
    struct arena *a = &job->arena;

    for (size_t i = 0; i < ls->n; i++) {
        struct label l = labels_at(ls, i);
        char *pair = arena_alloc(a, l.name.n + l.value.n + 1, err);
        int is_new;

        if (!pair)
            return -1;
        memcpy(pair, l.name.p, l.name.n);
        pair[l.name.n] = '=';
        memcpy(pair + l.name.n + 1, l.value.p, l.value.n);
        if (str_eq(l.name, STR(LABEL_NAME)) && add(a, &t->by_metric, l.value, 1, err) < 0)
            return -1;
        is_new = add(a, &t->by_pair, (struct str){pair, l.name.n + l.value.n + 1}, 1, err);
        if (is_new < 0 || (is_new && add(a, &t->by_label, l.name, 1, err) < 0) ||
            (is_new && add(a, &t->bytes_by_label, l.name, l.value.n, err) < 0))
            return -1;
    }
    return 0;
}

static int write_answer(struct api_job *job, const struct db_stats *stats, struct err *err)
{
    struct tsdb_state *t = job->state;
    struct json_writer w;

    json_begin(&w, &job->out);
    json_begin_object(&w);
    json_key(&w, "status");
    json_cstr(&w, "success");
    json_key(&w, "data");
    json_begin_object(&w);
    json_key(&w, "headStats");
    json_begin_object(&w);
    json_key(&w, "numSeries");
    json_i64(&w, (int64_t)stats->head_series);
    json_key(&w, "numLabelPairs");
    json_i64(&w, (int64_t)t->by_pair.n);
    json_key(&w, "chunkCount");
    json_i64(&w, (int64_t)stats->head_groups);
    json_key(&w, "minTime");
    json_i64(&w, stats->head_min_ts);
    json_key(&w, "maxTime");
    json_i64(&w, stats->head_max_ts);
    json_end_object(&w);
    if (write_top(&w, &job->arena, "seriesCountByMetricName", &t->by_metric, t->limit, err) < 0 ||
        write_top(&w, &job->arena, "labelValueCountByLabelName", &t->by_label, t->limit, err) < 0 ||
        write_top(&w, &job->arena, "memoryInBytesByLabelName", &t->bytes_by_label, t->limit, err) <
            0 ||
        write_top(&w, &job->arena, "seriesCountByLabelValuePair", &t->by_pair, t->limit, err) < 0)
        return -1;
    json_end_object(&w);
    json_end_object(&w);
    return 0;
}

static int tables(struct api_job *job, const struct db_stats *stats, struct err *err)
{
    struct source *source = db_source(job->api->c.db);
    struct source_hints hints = {.labels_only = true, .cancelled = &job->lane.cancelled};
    struct source_set *set = NULL;
    struct matcher named;
    int status;

    if (matcher_init(&named, &job->arena, MATCH_NE, STR(LABEL_NAME), STR(""), err) < 0)
        return -1;
    status = source->select(source, &job->arena, &named, 1, stats->head_min_ts, stats->head_max_ts,
                            &hints, &set, err);
    for (size_t i = 0; status == 0 && i < set->n; i++)
        status = tally(job, set->labels[i], err);
    source->set_free(source, set);
    matcher_fini(&named);
    return status;
}

static int work(struct api_job *job, struct err *err)
{
    struct tsdb_state *t = job->state;
    struct db_stats stats = db_stats(job->api->c.db);
    int status = 0;

    if (stats.head_min_ts <= stats.head_max_ts)
        status = tables(job, &stats, err);
    if (status == 0)
        status = write_answer(job, &stats, err);
    map_fini(&t->by_metric);
    map_fini(&t->by_pair);
    map_fini(&t->by_label);
    map_fini(&t->bytes_by_label);
    return status;
}

void api_status_tsdb(struct http_request *r, void *api)
{
    struct api_params p;
    size_t limit = TOP_DEFAULT;
    struct api_job *job;
    struct err err;

    if (api_params_read(r, &p) < 0)
        return;
    if (api_param_limit(&p, &limit, &err) < 0 || limit == 0) {
        api_reply_status(r, 400, "bad_data", "limit must be a positive number");
        return;
    }
    if (limit > TOP_MAX) {
        (void)err_set(&err, ERR_SYNTAX, "limit must not exceed %u", TOP_MAX);
        api_reply_err(r, &err);
        return;
    }
    job = api_job_new(api, r, sizeof(struct tsdb_state), work);
    if (!job)
        return;
    ((struct tsdb_state *)job->state)->limit = limit;
    api_job_start(job, LANE_QUERY);
}
