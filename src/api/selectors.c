#include "api/selectors.h"

#include "api/internal.h"
#include "api/job.h"
#include "model/matcher.h"
#include "model/source.h"
#include "promql/query.h"
#include "tsdb/db.h"

int selectors_read(const struct api_params *p, struct arena *a, struct selectors *out,
                   struct err *err)
{
    size_t cap = 0;
    void *items = NULL;

    *out = (struct selectors){NULL, 0};
    for (size_t i = 0; i < p->n; i++) {
        struct selector *s;

        if (!str_eq(p->items[i].name, STR("match[]")))
            continue;
        if (arena_grow(a, &items, &cap, out->n + 1, sizeof *s, err) < 0)
            return -1;
        out->items = items;
        s = &out->items[out->n];
        if (promql_parse_selector(a, p->items[i].value, &s->matchers, &s->n, err) < 0)
            return -1;
        out->n++;
    }
    return 0;
}

void selectors_free(struct selectors *s)
{
    for (size_t i = 0; i < s->n; i++)
        for (size_t j = 0; j < s->items[i].n; j++)
            matcher_fini(&s->items[i].matchers[j]);
    s->n = 0;
}

static bool matches_everything(const struct selector *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (!matcher_matches_empty(&s->matchers[i]))
            return false;
    return true;
}

int selectors_check(const struct selectors *s, struct err *err)
{
    for (size_t i = 0; i < s->n; i++)
        if (matches_everything(&s->items[i]))
            return err_set(err, ERR_SYNTAX, "match[] must contain at least one non-empty matcher");
    return 0;
}

int selectors_narrow(struct selectors *s, struct arena *a, struct err *err)
{
    for (size_t i = 0; i < s->n; i++) {
        struct selector *one = &s->items[i];
        struct matcher *more;

        if (!matches_everything(one))
            continue;
        more = arena_zalloc_array(a, one->n + 1, sizeof *more, err);
        if (!more)
            return -1;
        if (one->n)
            memcpy(more, one->matchers, one->n * sizeof *more);
        one->matchers = more;
        if (matcher_init(&more[one->n], a, MATCH_NE, STR(LABEL_NAME), STR(""), err) < 0)
            return -1;
        one->n++;
    }
    return 0;
}

int selectors_may_go_on(const struct api_job *job, struct err *err)
{
    const struct clock *clock = job->api->c.clock;

    if (atomic_load(&job->lane.cancelled))
        return err_set(err, ERR_CANCELLED, "the client went away");
    if (clock->mono_ns(clock) > job->lane.deadline_ns)
        return err_set(err, ERR_TIMEOUT, "it took longer than two minutes: ask for less");
    return 0;
}

int selectors_each(struct api_job *job, struct source_set *set,
                   int (*add)(struct api_job *job, const struct labels *labels,
                              const struct source_series *series, struct err *err),
                   struct err *err)
{
    struct source *source = db_source(job->api->c.db);
    SCOPED(arena_fini) struct arena a;
    struct source_reader *reader = NULL;
    int status;

    arena_init(&a, &job->budget);
    status = source->reader_open(source, set, &a, &reader, err);
    for (size_t i = 0; status == 0 && i < set->n; i++) {
        struct source_series series;

        if (i % 64 == 0)
            status = selectors_may_go_on(job, err);
        if (status == 0)
            status = source->read(reader, i, &series, err);
        if (status == 0)
            status = add(job, set->labels[i], &series, err);
    }
    source->reader_close(reader);
    return status;
}

/* The union of two sorted lists. */
static int merge(struct arena *a, const struct labels *const **all, size_t *all_n,
                 const struct source_set *set, struct err *err)
{
    const struct labels **merged;
    size_t i = 0, j = 0, n = 0;

    if (!*all_n) {
        *all = set->labels;
        *all_n = set->n;
        return 0;
    }
    merged = arena_new_array(a, const struct labels *, *all_n + set->n, err);
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

int selectors_series(struct api_job *job, const struct selectors *s, ts_ms mint, ts_ms maxt,
                     const struct labels *const **out, size_t *n, struct err *err)
{
    struct source *source = db_source(job->api->c.db);
    struct source_hints hints = {.labels_only = true,
                                 .cancelled = &job->lane.cancelled,
                                 .deadline_ns = job->lane.deadline_ns};

    *out = NULL;
    *n = 0;
    for (size_t i = 0; i < s->n && mint <= maxt; i++) {
        struct source_set *set;
        int status;

        if (selectors_may_go_on(job, err) < 0 ||
            source->select(source, &job->arena, s->items[i].matchers, s->items[i].n, mint, maxt,
                           &hints, &set, err) < 0)
            return -1;
        status = merge(&job->arena, out, n, set, err);
        source->set_free(source, set);
        if (status < 0)
            return -1;
    }
    return 0;
}
