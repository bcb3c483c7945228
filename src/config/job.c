/* One entry of scrape_configs, and the targets it stands for. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/map.h"
#include "config/internal.h"
#include "config/schema.h"
#include "text/duration.h"

/* Jobs have no limit of their own, but nobody needs a larger exposition. */
#define BODY_MAX (UINT64_C(256) << 20)

struct param {
    struct str name, value;
};

/* What all targets of a job have in common, before labels of a group change it. */
struct job {
    const char *name;
    struct job_defaults times;
    const char *scheme, *path;
    bool honor_labels, honor_timestamps, follow_redirects;
    struct param *params; /* sorted by name */
    size_t params_n;
    bool relabelled;
};

static const char *copy(struct config_builder *b, struct str s)
{
    const char *p = arena_cstr(b->arena, s, &b->err);

    b->failed |= !p;
    return p ? p : "";
}

static void *array(struct config_builder *b, size_t n, size_t size)
{
    void *p = arena_zalloc_array(b->arena, n, size, &b->err);

    b->failed |= !p;
    return p;
}

void job_read_times(struct config_builder *b, const struct yaml *map, const char *what,
                    struct job_defaults *d)
{
    char timeout[32], interval[32];
    int64_t interval_ms = 0, timeout_ms = 0;

    yaml_read_duration(yaml_get(map, "scrape_interval"), "", &interval_ms, &b->errors);
    yaml_read_duration(yaml_get(map, "scrape_timeout"), "", &timeout_ms, &b->errors);
    yaml_read_size(yaml_get(map, "body_size_limit"), "", &d->body_max, &b->errors);
    if (interval_ms > 0) /* 0 is "not given", as in Prometheus */
        d->interval_ms = interval_ms;
    if (timeout_ms > 0) {
        if (timeout_ms > d->interval_ms)
            yaml_error(&b->errors, yaml_get(map, "scrape_timeout"),
                       "%s: scrape_timeout %s is longer than scrape_interval %s", what,
                       duration_print(timeout_ms, timeout),
                       duration_print(d->interval_ms, interval));
        d->timeout_ms = timeout_ms;
    } else if (d->timeout_ms > d->interval_ms) {
        d->timeout_ms = d->interval_ms;
    }
}

/* --- parameters of the URL ----------------------------------------------------------------------
 */

static int compare_params(const void *a, const void *b)
{
    return str_cmp(((const struct param *)a)->name, ((const struct param *)b)->name);
}

static void read_params(struct config_builder *b, const struct yaml *map, struct job *job)
{
    size_t n = 0;

    if (!map || map->kind != YAML_MAP)
        return;
    for (size_t i = 0; i < map->n; i++)
        n += map->pairs[i].value.n;
    job->params = array(b, n, sizeof *job->params);
    for (size_t i = 0; job->params && i < map->n; i++) {
        const struct yaml *values = &map->pairs[i].value;

        for (size_t k = 0; k < values->n; k++)
            job->params[job->params_n++] =
                (struct param){map->pairs[i].key.text, values->items[k].text};
    }
    /* Few and nearly sorted; qsort is not stable, and values of one name keep their order. */
    for (size_t i = 1; i < job->params_n; i++) {
        for (size_t k = i; k > 0 && compare_params(&job->params[k - 1], &job->params[k]) > 0; k--) {
            struct param swap = job->params[k];

            job->params[k] = job->params[k - 1];
            job->params[k - 1] = swap;
        }
    }
}

static void encode(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            c == '-' || c == '_' || c == '.' || c == '~')
            buf_addc(out, (char)c);
        else if (c == ' ')
            buf_addc(out, '+');
        else
            buf_addf(out, "%%%02X", c);
    }
}

/* __param_x replaces the first value of x, or adds it. */
static void build_params(struct config_builder *b, const struct job *job,
                         const struct config_label *labels, size_t labels_n,
                         struct config_target *t)
{
    SCOPED(buf_fini) struct buf out;
    struct param *all = array(b, job->params_n + labels_n, sizeof *all);
    size_t n = job->params_n;

    t->params = array(b, job->params_n + labels_n, sizeof *t->params);
    if (!all || !t->params)
        return;
    if (n)
        memcpy(all, job->params, n * sizeof *all);
    for (size_t i = 0; i < labels_n; i++) {
        struct str name = str_c(labels[i].name);
        size_t at = 0;

        if (!str_starts(name, STR("__param_")))
            continue;
        name = str_skip(name, 8);
        while (at < n && str_cmp(all[at].name, name) < 0)
            at++;
        if (at == n || !str_eq(all[at].name, name)) {
            memmove(all + at + 1, all + at, (n - at) * sizeof *all);
            n++;
        }
        all[at] = (struct param){name, str_c(labels[i].value)};
    }
    buf_init(&out, 0);
    for (size_t i = 0; i < n; i++) {
        buf_reset(&out);
        encode(&out, all[i].name);
        buf_addc(&out, '=');
        encode(&out, all[i].value);
        t->params[t->params_n++] = copy(b, buf_str(&out));
    }
}

/* --- targets ------------------------------------------------------------------------------------
 */

static int compare_labels(const void *a, const void *b)
{
    return strcmp(((const struct config_label *)a)->name, ((const struct config_label *)b)->name);
}

static const char *label_value(const struct config_label *labels, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(labels[i].name, name) == 0 && labels[i].value[0])
            return labels[i].value;
    }
    return NULL;
}

static struct config_label *read_labels(struct config_builder *b, const struct yaml *map, size_t *n)
{
    struct config_label *labels;

    *n = 0;
    if (!map || map->kind != YAML_MAP)
        return NULL;
    labels = array(b, map->n, sizeof *labels);
    if (!labels)
        return NULL;
    for (size_t i = 0; i < map->n; i++) {
        labels[i].name = copy(b, map->pairs[i].key.text);
        labels[i].value = copy(b, map->pairs[i].value.text);
    }
    *n = map->n;
    qsort(labels, map->n, sizeof *labels, compare_labels);
    return labels;
}

/* Labels whose names begin with __ steer the scrape, for one group of targets. */
static void apply_labels(struct config_builder *b, const struct yaml *at,
                         const struct config_label *labels, size_t n, struct config_target *t)
{
    static const struct {
        const char *label;
        size_t offset;
    } times[] = {{"__scrape_interval__", offsetof(struct config_target, interval_ms)},
                 {"__scrape_timeout__", offsetof(struct config_target, timeout_ms)}};
    const char *scheme = label_value(labels, n, "__scheme__");
    const char *path = label_value(labels, n, "__metrics_path__");

    if (scheme && strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
        yaml_error(&b->errors, at, "__scheme__: expected http or https, found \"%.60s\"", scheme);
    t->scheme = scheme ? scheme : t->scheme;
    t->metrics_path = path ? path : t->metrics_path;
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        const char *text = label_value(labels, n, times[i].label);
        int64_t *ms = (int64_t *)(void *)((char *)t + times[i].offset);
        struct err err;

        if (text && duration_parse(str_c(text), ms, &err) < 0)
            yaml_error(&b->errors, at, "%s: %s", times[i].label, err.text);
        else if (text && *ms <= 0)
            yaml_error(&b->errors, at, "%s must be above 0", times[i].label);
    }
    if (t->timeout_ms > t->interval_ms)
        yaml_error(&b->errors, at, "__scrape_timeout__ is longer than __scrape_interval__");
}

static void add_target(struct config_builder *b, const struct config_target *t)
{
    struct config *c = b->config;

    if (arena_grow(b->arena, (void **)&c->targets, &b->targets_cap, c->targets_n + 1,
                   sizeof *c->targets, &b->err) < 0)
        b->failed = true;
    else
        c->targets[c->targets_n++] = *t;
}

static void read_group(struct config_builder *b, const struct job *job, const struct yaml *group)
{
    const struct yaml *targets = yaml_get(group, "targets");
    struct config_target t = {.job = job->name,
                              .scheme = job->scheme,
                              .metrics_path = job->path,
                              .interval_ms = job->times.interval_ms,
                              .timeout_ms = job->times.timeout_ms,
                              .honor_labels = job->honor_labels,
                              .honor_timestamps = job->honor_timestamps,
                              .follow_redirects = job->follow_redirects,
                              .body_max = BODY_MAX};

    if (job->times.body_max > 0 && job->times.body_max < BODY_MAX)
        t.body_max = job->times.body_max;
    t.labels = read_labels(b, yaml_get(group, "labels"), &t.labels_n);
    apply_labels(b, group, t.labels, t.labels_n, &t);
    build_params(b, job, t.labels, t.labels_n, &t);
    for (size_t i = 0; targets && i < targets->n; i++) {
        struct str address = targets->items[i].text;

        if (job->relabelled && address.n && memchr(address.p, '/', address.n)) {
            yaml_error(&b->warnings, &targets->items[i],
                       "target \"%.*s\" is left out: only relabel_configs could make it an address",
                       STR_ARGS(str_take(address, 100)));
            continue;
        }
        t.address = copy(b, address);
        add_target(b, &t);
    }
}

static bool same_name(const void *item, const void *key)
{
    return str_eq(((const struct yaml *)item)->text, *(const struct str *)key);
}

/* A job's name must be unique. */
static void check_name(struct config_builder *b, const struct yaml *name)
{
    uint64_t hash = hash_str(name->text);
    const struct yaml *first = map_get(b->jobs, hash, &name->text, same_name);

    if (first)
        yaml_error(&b->errors, name, "job_name \"%.*s\" is given twice, first in line %" PRIu32,
                   STR_ARGS(str_take(name->text, 60)), first->at.line);
    else
        map_put(b->jobs, hash, (void *)name);
}

void job_read(struct config_builder *b, const struct yaml *node, const struct job_defaults *global)
{
    const struct yaml *groups = yaml_get(node, "static_configs"),
                      *name = yaml_get(node, "job_name");
    struct job job = {.times = *global, .honor_timestamps = true, .follow_redirects = true};
    struct str path = schema_text(node, "metrics_path"), scheme = schema_text(node, "scheme");
    char what[100];

    if (node->kind != YAML_MAP)
        return;
    if (name && name->text.n > 0)
        check_name(b, name);
    job.name = copy(b, schema_text(node, "job_name"));
    (void)snprintf(what, sizeof what, "job \"%.60s\"", job.name);
    /* A timeout that global gave is cut to a shorter interval of the job's, as in Prometheus. */
    job_read_times(b, node, what, &job.times);
    yaml_read_bool(yaml_get(node, "honor_labels"), "", &job.honor_labels, &b->errors);
    yaml_read_bool(yaml_get(node, "honor_timestamps"), "", &job.honor_timestamps, &b->errors);
    yaml_read_bool(yaml_get(node, "follow_redirects"), "", &job.follow_redirects, &b->errors);
    job.scheme = scheme.n ? copy(b, scheme) : "http";
    job.path = path.n ? copy(b, path) : "/metrics";
    job.relabelled = schema_has(node, "relabel_configs");
    read_params(b, yaml_get(node, "params"), &job);
    for (size_t i = 0; groups && groups->kind == YAML_LIST && i < groups->n; i++)
        read_group(b, &job, &groups->items[i]);
}
