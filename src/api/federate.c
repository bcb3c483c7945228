/* /federate: the newest sample of each series that a match[] selects, as an exposition.
 *
 * As Prometheus does it: samples not older than the lookback and not stale, with their times, in
 * families of unknown type sorted by name; the configuration's external labels are added where a
 * series has none of that name, and `instance=""` where it has none, lest the scraper's own
 * `instance` be added there. Text 0.0.4, or OpenMetrics for a client that takes nothing else.
 */
#include <stdlib.h>

#include "api/internal.h"
#include "api/job.h"
#include "api/selectors.h"
#include "model/expo.h"
#include "model/name.h"
#include "model/sample.h"
#include "model/source.h"
#include "promql/query.h"
#include "tsdb/db.h"

#define SERIES_A_PIECE 200u

struct newest {
    const struct labels *labels;
    struct str name;
    ts_ms ts;
    double value;
};

struct federate_state {
    struct api_params params;
    struct selectors selectors;
    enum expo_format format;
    enum name_escaping escaping;
    struct label *external; /* sorted by name, `instance` among them */
    size_t external_n;
    struct newest *items;
    size_t n, cap, at;
    struct arena scratch; /* of the piece being written */
};

/* ---- what the client takes ---- */

static void read_media_type(struct str item, struct federate_state *f, bool *takes_text,
                            bool *takes_openmetrics)
{
    struct str type = str_trim(str_split(&item, ';'));

    *takes_text |=
        str_eq(type, STR("text/plain")) || str_eq(type, STR("text/*")) || str_eq(type, STR("*/*"));
    *takes_openmetrics |= str_eq(type, STR("application/openmetrics-text"));
    while (item.p) {
        struct str value = str_trim(str_split(&item, ';'));
        struct str key = str_trim(str_split(&value, '='));

        /* The first that is known counts. */
        if (str_eq(key, STR("escaping")) && f->escaping == NAME_UNDERSCORES && value.p)
            (void)!name_escaping_of(str_trim(value), &f->escaping);
    }
}

static void read_accept(struct str accept, struct federate_state *f)
{
    bool takes_text = !accept.n, takes_openmetrics = false;

    f->escaping = NAME_UNDERSCORES;
    while (accept.p && accept.n)
        read_media_type(str_split(&accept, ','), f, &takes_text, &takes_openmetrics);
    f->format = takes_openmetrics && !takes_text ? EXPO_OPENMETRICS : EXPO_TEXT;
}

static const char *content_type(const struct federate_state *f)
{
    static const char *const types[][4] = {
        [EXPO_TEXT] = {"text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
                       "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
                       "text/plain; version=1.0.0; charset=utf-8; escaping=dots",
                       "text/plain; version=1.0.0; charset=utf-8; escaping=values"},
        [EXPO_OPENMETRICS] = {"application/openmetrics-text; version=1.0.0; charset=utf-8; "
                              "escaping=allow-utf-8",
                              "application/openmetrics-text; version=1.0.0; charset=utf-8; "
                              "escaping=underscores",
                              "application/openmetrics-text; version=1.0.0; charset=utf-8; "
                              "escaping=dots",
                              "application/openmetrics-text; version=1.0.0; charset=utf-8; "
                              "escaping=values"},
    };

    return types[f->format][f->escaping];
}

/* ---- the lane: the newest samples ---- */

static int add_newest(struct api_job *job, const struct labels *labels,
                      const struct source_series *series, struct err *err)
{
    struct federate_state *f = job->state;
    const struct source_run *run = series->runs_n ? &series->runs[series->runs_n - 1] : NULL;
    struct str name = labels_get(labels, STR(LABEL_NAME));
    void *items = f->items;

    if (!run || !name.n || value_is_stale(run->values[run->n - 1]))
        return 0;
    if (arena_grow(&job->arena, &items, &f->cap, f->n + 1, sizeof *f->items, err) < 0)
        return -1;
    f->items = items;
    f->items[f->n++] = (struct newest){labels, name, run->ts[run->n - 1], run->values[run->n - 1]};
    return 0;
}

static int by_name(const void *a, const void *b)
{
    const struct newest *x = a, *y = b;
    int c = str_cmp(x->name, y->name);

    return c ? c : labels_compare(x->labels, y->labels);
}

/* Sorts, and leaves out what another selector has found already. */
static void arrange(struct federate_state *f)
{
    size_t n = 0;

    if (f->n)
        qsort(f->items, f->n, sizeof *f->items, by_name);
    for (size_t i = 0; i < f->n; i++)
        if (!n || by_name(&f->items[n - 1], &f->items[i]) != 0)
            f->items[n++] = f->items[i];
    f->n = n;
}

static int read_all(struct api_job *job, struct err *err)
{
    struct federate_state *f = job->state;
    struct source *source = db_source(job->api->c.db);
    const struct clock *clock = job->api->c.clock;
    const struct source_hints hints = {.cancelled = &job->lane.cancelled,
                                       .deadline_ns = job->lane.deadline_ns};
    ts_ms now = clock->wall_ms(clock);

    if (selectors_read(&f->params, &job->arena, &f->selectors, err) < 0 ||
        selectors_narrow(&f->selectors, &job->arena, err) < 0)
        return -1;
    for (size_t i = 0; i < f->selectors.n; i++) {
        const struct selector *s = &f->selectors.items[i];
        struct source_set *set;
        int status;

        if (selectors_may_go_on(job, err) < 0 ||
            source->select(source, &job->arena, s->matchers, s->n, now - PROMQL_LOOKBACK_MS, now,
                           &hints, &set, err) < 0)
            return -1;
        status = selectors_each(job, set, add_newest, err);
        source->set_free(source, set);
        if (status < 0)
            return -1;
    }
    arrange(f);
    return 0;
}

static int work(struct api_job *job, struct err *err)
{
    struct federate_state *f = job->state;
    int status = read_all(job, err);

    selectors_free(&f->selectors);
    return status;
}

/* ---- the loop: text ---- */

static struct str escaped(struct federate_state *f, struct str name, bool legacy)
{
    SCOPED(buf_fini) struct buf text = {0};

    if (legacy && f->escaping != NAME_DOTS)
        return name;
    name_escape(&text, name, legacy, f->escaping);
    return arena_str(&f->scratch, buf_str(&text), NULL);
}

/* The labels of the series, then the external ones it does not have. */
static size_t gather_labels(struct federate_state *f, const struct labels *ls, struct label *out)
{
    size_t n = 0;

    for (size_t i = 0; i < ls->n; i++) {
        struct label l = labels_at(ls, i);

        if (!str_eq(l.name, STR(LABEL_NAME)))
            out[n++] = (struct label){escaped(f, l.name, name_is_legacy_label(l.name)), l.value};
    }
    for (size_t i = 0; i < f->external_n; i++)
        if (!labels_get(ls, f->external[i].name).n)
            out[n++] = (struct label){
                escaped(f, f->external[i].name, name_is_legacy_label(f->external[i].name)),
                f->external[i].value};
    return n;
}

static int write_one(struct federate_state *f, struct emit *emit, const struct newest *s,
                     bool first)
{
    struct label *labels =
        arena_zalloc_array(&f->scratch, s->labels->n + f->external_n, sizeof *labels, NULL);
    struct str name = escaped(f, s->name, name_is_legacy_metric(s->name));
    const struct metadata family = {.family = name, .type = METRIC_UNKNOWN};
    struct emit_sample sample = {
        .name = name, .labels = labels, .value = s->value, .ts = s->ts, .has_ts = true};

    if (!labels || !name.p)
        return -1;
    sample.labels_n = gather_labels(f, s->labels, labels);
    if (first && emit->family(emit, &family, NULL) < 0)
        return -1;
    return emit->sample(emit, &sample, NULL);
}

static bool refill(struct api_job *job)
{
    struct federate_state *f = job->state;
    struct expo_writer w;
    size_t end = f->n - f->at > SERIES_A_PIECE ? f->at + SERIES_A_PIECE : f->n;

    expo_writer_init(&w, f->format, &job->out);
    arena_init(&f->scratch, &job->budget);
    for (; f->at < end && !job->broken; f->at++) {
        const struct newest *s = &f->items[f->at];
        bool first = !f->at || !str_eq(s->name, s[-1].name);

        job->broken = write_one(f, &w.emit, s, first) < 0;
    }
    arena_fini(&f->scratch);
    if (f->at < f->n)
        return true;
    expo_writer_end(&w);
    return false;
}

/* The scraper adds its own `instance` where there is none, so a series says that it has none. */
static int read_external(struct api_job *job, struct err *err)
{
    struct federate_state *f = job->state;
    size_t at = 0;

    if (api_external_labels(job->api, &job->arena, 1, &f->external, &f->external_n, err) < 0)
        return -1;
    while (at < f->external_n && str_cmp(f->external[at].name, STR("instance")) < 0)
        at++;
    if (at < f->external_n && str_eq(f->external[at].name, STR("instance")))
        return 0;
    memmove(&f->external[at + 1], &f->external[at], (f->external_n - at) * sizeof *f->external);
    f->external[at] = (struct label){STR("instance"), STR("")};
    f->external_n++;
    return 0;
}

static void handle(struct http_request *r, void *arg)
{
    struct api *api = arg;
    struct api_params p;
    struct federate_state *f;
    struct api_job *job;
    struct err err;

    if (api_params_read(r, &p) < 0)
        return;
    job = api_job_new(api, r, sizeof *f, work);
    if (!job)
        return;
    f = job->state;
    f->params = p;
    job->plain_errors = true;
    job->refill = refill;
    read_accept(http_header(r, "accept"), f);
    job->content_type = content_type(f);
    if (read_external(job, &err) < 0) {
        http_reply_error(r, 503, err.text);
        api_job_drop(job);
        return;
    }
    api_job_start(job, LANE_QUERY);
}

void api_federate_routes(struct api *api)
{
    api_route(api, "/federate", HTTP_GET, handle);
}
