/* GET /api/earshot/v1/metrics.jsonl?pack=NAME: what a service's own collector wrote as JSON lines
 * (collect.json with a file), written as such lines again:
 *
 *   {"timestamp": "2025-03-04T08:00:01.199", "resources": {"memory_mb": 1875.95, ...},
 *    "queues": {"llm_tasks": {"pending": 12, "processing": 5}, "completed": 314}}
 *
 * One line a time and instance, in the order of time, in UTC without a zone. The series are
 * NAME_resources_KEY and NAME_queues_KEY. Keys of queues that are alike up to their last `_` were
 * one queue's; names of its own counters that are not so stand alone. `start` and `end` bound the
 * time, `instance` chooses one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "api/internal.h"
#include "api/job.h"
#include "api/selectors.h"
#include "model/matcher.h"
#include "model/sample.h"
#include "model/source.h"
#include "tsdb/db.h"

#define LINES_A_PIECE 500u
#define SAMPLES_MAX   5000000u
#define SERIES_MAX    2000u
#define NAME_BYTES    128

enum part { RESOURCES, QUEUES, PARTS };

static const char *const part_names[] = {[RESOURCES] = "resources", [QUEUES] = "queues"};

/* One series: a key and its samples. */
struct column {
    struct str instance, key;
    struct str queue; /* the key's begin, when others share it; else n 0 */
    enum part part;
    const ts_ms *ts; /* [n] */
    const double *values;
    size_t n, at;
};

struct jsonl_state {
    struct str pack, instance; /* instance n 0: all */
    char prefix[NAME_BYTES];   /* "document_hub_" */
    ts_ms start, end;
    struct column *columns; /* [n], by instance, part, key */
    size_t n, cap, samples;
};

/* ---- the lane: all samples ---- */

static bool name_of(const struct jsonl_state *s, const struct labels *labels, struct column *out)
{
    struct str name = labels_get(labels, STR(LABEL_NAME)), rest;

    if (!str_starts(name, str_c(s->prefix)))
        return false;
    rest = str_skip(name, strlen(s->prefix));
    for (int part = 0; part < PARTS; part++) {
        size_t n = strlen(part_names[part]);

        if (rest.n > n + 1 && str_starts(rest, str_c(part_names[part])) && rest.p[n] == '_') {
            out->part = (enum part)part;
            out->key = str_skip(rest, n + 1);
            out->instance = labels_get(labels, STR("instance"));
            return true;
        }
    }
    return false;
}

/* Without the marks of what was gone for a while. */
static int copy_samples(struct api_job *job, const struct source_series *series, struct column *c,
                        struct err *err)
{
    struct jsonl_state *s = job->state;
    size_t n = 0;
    ts_ms *ts;
    double *values;

    for (size_t i = 0; i < series->runs_n; i++)
        n += series->runs[i].n;
    s->samples += n;
    if (s->samples > SAMPLES_MAX)
        return err_set(err, ERR_LIMIT, "more than %u samples; bound them with start and end",
                       SAMPLES_MAX);
    ts = arena_new_array(&job->arena, ts_ms, n, err);
    values = ts ? arena_new_array(&job->arena, double, n, err) : NULL;
    if (!values)
        return -1;
    for (size_t i = 0; i < series->runs_n; i++) {
        const struct source_run *run = &series->runs[i];

        for (size_t k = 0; k < run->n; k++) {
            if (value_is_stale(run->values[k]))
                continue;
            ts[c->n] = run->ts[k];
            values[c->n++] = run->values[k];
        }
    }
    c->ts = ts;
    c->values = values;
    return 0;
}

static int add_column(struct api_job *job, const struct labels *labels,
                      const struct source_series *series, struct err *err)
{
    struct jsonl_state *s = job->state;
    struct column c = {.n = 0};
    void *columns = s->columns;

    if (!name_of(s, labels, &c))
        return 0;
    if (copy_samples(job, series, &c, err) < 0 ||
        arena_grow(&job->arena, &columns, &s->cap, s->n + 1, sizeof c, err) < 0)
        return -1;
    s->columns = columns;
    s->columns[s->n++] = c;
    return 0;
}

static int by_place(const void *a, const void *b)
{
    const struct column *x = a, *y = b;
    int c = str_cmp(x->instance, y->instance);

    if (c == 0)
        c = (int)x->part - (int)y->part;
    return c ? c : str_cmp(x->key, y->key);
}

static struct str stem_of(struct str key)
{
    const char *last = key.n ? memrchr(key.p, '_', key.n) : NULL;

    return last && last > key.p ? str_take(key, (size_t)(last - key.p)) : (struct str){NULL, 0};
}

/* Sorted, keys of one queue stand together. */
static void find_queues(struct jsonl_state *s)
{
    for (size_t i = 0; i + 1 < s->n; i++) {
        struct column *c = &s->columns[i], *next = c + 1;
        struct str stem = stem_of(c->key);

        if (c->part == QUEUES && next->part == QUEUES && stem.n &&
            str_eq(c->instance, next->instance) && str_eq(stem, stem_of(next->key)))
            c->queue = next->queue = stem;
    }
}

static int make_matchers(struct api_job *job, struct matcher out[3], size_t *n, struct err *err)
{
    struct jsonl_state *s = job->state;
    const char *names =
        arena_printf(&job->arena, err, "%s(%s|%s)_.+", s->prefix, part_names[0], part_names[1]);

    *n = 0;
    if (!names ||
        matcher_init(&out[0], &job->arena, MATCH_RE, STR(LABEL_NAME), str_c(names), err) < 0)
        return -1;
    ++*n;
    if (matcher_init(&out[1], &job->arena, MATCH_EQ, STR("job"), s->pack, err) < 0)
        return -1;
    ++*n;
    if (s->instance.n &&
        matcher_init(&out[2], &job->arena, MATCH_EQ, STR("instance"), s->instance, err) < 0)
        return -1;
    *n += s->instance.n > 0;
    return 0;
}

static int work(struct api_job *job, struct err *err)
{
    struct jsonl_state *s = job->state;
    struct source *source = db_source(job->api->c.db);
    const struct source_hints hints = {.series_max = SERIES_MAX,
                                       .cancelled = &job->lane.cancelled,
                                       .deadline_ns = job->lane.deadline_ns};
    struct source_set *set = NULL;
    struct matcher matchers[3];
    size_t n;
    int status = make_matchers(job, matchers, &n, err);

    if (status == 0)
        status =
            source->select(source, &job->arena, matchers, n, s->start, s->end, &hints, &set, err);
    if (status == 0)
        status = selectors_each(job, set, add_column, err);
    source->set_free(source, set);
    for (size_t i = 0; i < n; i++)
        matcher_fini(&matchers[i]);
    if (status == 0 && s->n > 0) {
        qsort(s->columns, s->n, sizeof *s->columns, by_place);
        find_queues(s);
    }
    return status;
}

/* ---- the loop: lines ---- */

/* The column whose next sample comes first. NULL: there is none left. */
static const struct column *next_of(const struct jsonl_state *s)
{
    const struct column *first = NULL;

    for (size_t i = 0; i < s->n; i++) {
        const struct column *c = &s->columns[i];

        if (c->at < c->n && (!first || c->ts[c->at] < first->ts[first->at]))
            first = c;
    }
    return first;
}

static void put_time(struct json_writer *w, ts_ms ts)
{
    int64_t seconds = ts / 1000 - (ts % 1000 < 0);
    int ms = (int)(ts - seconds * 1000);
    const time_t t = (time_t)seconds;
    struct tm tm;
    char text[64];
    size_t n = 0;

    if (gmtime_r(&t, &tm))
        n = strftime(text, sizeof text - 8, "%Y-%m-%dT%H:%M:%S", &tm);
    if (ms)
        n += (size_t)snprintf(text + n, sizeof text - n, ".%03d", ms);
    json_str(w, (struct str){text, n});
}

/* The members of one part that are of this moment, queues as objects of their own. */
static void put_part(struct json_writer *w, struct column *columns, size_t n, ts_ms ts)
{
    struct str open = {NULL, 0};

    for (size_t i = 0; i < n; i++) {
        struct column *c = &columns[i];

        if (c->at == c->n || c->ts[c->at] != ts)
            continue;
        if (open.n && !str_eq(open, c->queue)) {
            json_end_object(w);
            open.n = 0;
        }
        if (c->queue.n && !open.n) {
            json_key_str(w, c->queue);
            json_begin_object(w);
            open = c->queue;
        }
        json_key_str(w, open.n ? str_skip(c->key, open.n + 1) : c->key);
        json_double(w, c->values[c->at++]);
    }
    if (open.n)
        json_end_object(w);
}

static void put_line(struct jsonl_state *s, const struct column *first, struct buf *out)
{
    struct json_writer w;
    size_t from = (size_t)(first - s->columns), to;
    ts_ms ts = first->ts[first->at];

    while (from > 0 && str_eq(s->columns[from - 1].instance, first->instance))
        from--;
    json_begin(&w, out);
    json_begin_object(&w);
    json_key(&w, "timestamp");
    put_time(&w, ts);
    for (int part = 0; part < PARTS; part++, from = to) {
        for (to = from; to < s->n && s->columns[to].part == (enum part)part &&
                        str_eq(s->columns[to].instance, first->instance);)
            to++;
        json_key(&w, part_names[part]);
        json_begin_object(&w);
        put_part(&w, s->columns + from, to - from, ts);
        json_end_object(&w);
    }
    json_end_object(&w);
    buf_addc(out, '\n');
}

static bool refill(struct api_job *job)
{
    struct jsonl_state *s = job->state;

    for (size_t i = 0; i < LINES_A_PIECE; i++) {
        const struct column *first = next_of(s);

        if (!first)
            return false;
        put_line(s, first, &job->out);
    }
    return true;
}

/* ---- the request ---- */

/* "document-hub": "document_hub_", as its series are called. */
static bool make_prefix(struct jsonl_state *s)
{
    if (s->pack.n == 0 || s->pack.n + 2 > sizeof s->prefix)
        return false;
    for (size_t i = 0; i < s->pack.n; i++) {
        char c = s->pack.p[i];
        bool letter = ((c | 32) >= 'a' && (c | 32) <= 'z') || (c >= '0' && c <= '9') || c == '_';

        if (!letter && c != '-')
            return false;
        s->prefix[i] = letter ? c : '_';
    }
    s->prefix[s->pack.n] = '_';
    return true;
}

static int read_params(const struct api_params *p, struct jsonl_state *s, struct err *err)
{
    s->pack = api_param(p, "pack");
    s->instance = api_param(p, "instance");
    s->start = 0;
    s->end = TS_MS_MAX;
    if (!make_prefix(s))
        return err_set(err, ERR_SYNTAX,
                       "pack: expected the name of a pack, as in ?pack=document-hub");
    return api_param_time(p, "start", &s->start, err) < 0 ? -1
                                                          : api_param_time(p, "end", &s->end, err);
}

static void handle(struct http_request *r, void *arg)
{
    struct api *api = arg;
    struct jsonl_state *s;
    struct api_params p;
    struct api_job *job;
    struct err err;

    if (api_params_read(r, &p) < 0)
        return;
    job = api_job_new(api, r, sizeof *s, work);
    if (!job)
        return;
    s = job->state;
    job->refill = refill;
    job->content_type = "application/x-ndjson";
    if (read_params(&p, s, &err) < 0) {
        api_reply_err(r, &err);
        api_job_drop(job);
        return;
    }
    api_job_start(job, LANE_QUERY);
}

void api_jsonl_routes(struct api *api)
{
    api_route(api, "/api/earshot/v1/metrics.jsonl", HTTP_GET, handle);
}
