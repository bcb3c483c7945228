/* One entry of scrape_configs becomes a struct scrape_job. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/map.h"
#include "config/internal.h"
#include "config/relabel.h"
#include "config/schema.h"
#include "model/labels.h"
#include "text/duration.h"

/* --- what global may say too --------------------------------------------------------------------
 */

static void read_times(struct config_builder *b, const struct yaml *map, const char *what,
                       struct job_defaults *d)
{
    char timeout[32], interval[32];
    int64_t interval_ms = 0, timeout_ms = 0;

    yaml_read_duration(yaml_get(map, "scrape_interval"), "", &interval_ms, &b->errors);
    yaml_read_duration(yaml_get(map, "scrape_timeout"), "", &timeout_ms, &b->errors);
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

/* 0 is "not given" here too: a job cannot lift a limit that global sets. */
static void read_count(struct config_builder *b, const struct yaml *map, const char *key,
                       uint64_t *out)
{
    int64_t given = 0;

    yaml_read_i64(yaml_get(map, key), key, 0, INT64_MAX, &given, &b->errors);
    if (given > 0)
        *out = (uint64_t)given;
}

static void read_limits(struct config_builder *b, const struct yaml *map, struct job_defaults *d)
{
    uint64_t body_bytes = 0;

    yaml_read_size(yaml_get(map, "body_size_limit"), "", &body_bytes, &b->errors);
    if (body_bytes > 0)
        d->limits.body_bytes = body_bytes;
    read_count(b, map, "sample_limit", &d->limits.samples);
    read_count(b, map, "label_limit", &d->limits.labels);
    read_count(b, map, "label_name_length_limit", &d->limits.label_name_bytes);
    read_count(b, map, "label_value_length_limit", &d->limits.label_value_bytes);
    read_count(b, map, "target_limit", &d->limits.targets);
    read_count(b, map, "keep_dropped_targets", &d->keep_dropped_targets);
}

void job_read_defaults(struct config_builder *b, const struct yaml *map, const char *what,
                       struct job_defaults *d)
{
    struct str scheme = schema_text(map, "metric_name_validation_scheme");

    read_times(b, map, what, d);
    read_limits(b, map, d);
    if (scheme.n)
        d->legacy_names = str_eq(scheme, STR("legacy"));
}

/* --- parameters of the URL ----------------------------------------------------------------------
 */

/* By name; values of one name keep their order. */
static void sort_params(struct scrape_param *params, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        for (size_t k = i; k > 0 && str_cmp(params[k - 1].name, params[k].name) > 0; k--) {
            struct scrape_param swap = params[k];

            params[k] = params[k - 1];
            params[k - 1] = swap;
        }
    }
}

static void read_params(struct config_builder *b, const struct yaml *map, struct scrape_job *job)
{
    struct scrape_param *params;
    size_t n = 0;

    if (!map || map->kind != YAML_MAP)
        return;
    for (size_t i = 0; i < map->n; i++)
        n += map->pairs[i].value.n;
    params = builder_array(b, n, sizeof *params);
    if (!params)
        return;
    n = 0;
    for (size_t i = 0; i < map->n; i++) {
        const struct yaml *values = &map->pairs[i].value;

        for (size_t k = 0; k < values->n; k++)
            params[n++] = (struct scrape_param){map->pairs[i].key.text, values->items[k].text};
    }
    sort_params(params, n);
    job->params = params;
    job->params_n = n;
}

/* --- relabelling --------------------------------------------------------------------------------
 */

void job_read_rules(struct config_builder *b, const struct yaml *list, bool legacy_names,
                    struct relabel_rules *out)
{
    struct relabel_rule *rules;

    if (!list || list->kind != YAML_LIST)
        return;
    rules = builder_array(b, list->n, sizeof *rules);
    out->items = rules;
    for (size_t i = 0; rules && i < list->n; i++)
        if (relabel_read(&list->items[i], !legacy_names, &rules[out->n], &b->errors) == 0)
            out->n++; /* one by one: what was made is freed when a later one is wrong */
}

static void free_rules(const struct relabel_rules *rules)
{
    for (size_t i = 0; i < rules->n; i++)
        relabel_fini((struct relabel_rule *)&rules->items[i]);
}

void job_fini(const struct scrape_job *job)
{
    free_rules(&job->relabel);
    free_rules(&job->metric_relabel);
}

/* --- static_configs -----------------------------------------------------------------------------
 */

const struct labels *job_read_labels(struct config_builder *b, const struct yaml *map)
{
    const struct labels *ls = &labels_empty;
    struct label *pairs;

    if (!map || map->kind != YAML_MAP)
        return ls;
    pairs = builder_array(b, map->n, sizeof *pairs);
    if (!pairs)
        return ls;
    for (size_t i = 0; i < map->n; i++)
        pairs[i] = (struct label){map->pairs[i].key.text, map->pairs[i].value.text};
    b->failed |= labels_build(b->arena, pairs, map->n, &ls, &b->err) < 0;
    return ls;
}

static void read_group(struct config_builder *b, const struct yaml *map, size_t number,
                       struct target_group *out)
{
    const struct yaml *targets = yaml_get(map, "targets");
    const struct labels **all;
    size_t n = targets && targets->kind == YAML_LIST ? targets->n : 0;

    out->source = arena_printf(b->arena, &b->err, "%zu", number);
    out->labels = job_read_labels(b, yaml_get(map, "labels"));
    all = builder_array(b, n, sizeof *all);
    b->failed |= !out->source;
    for (size_t i = 0; all && i < n; i++) {
        struct label address = {STR("__address__"), targets->items[i].text};

        b->failed |= labels_build(b->arena, &address, 1, &all[i], &b->err) < 0;
    }
    out->targets = all;
    out->targets_n = b->failed ? 0 : n;
}

static void read_groups(struct config_builder *b, const struct yaml *list, struct scrape_job *job)
{
    struct target_group *groups;

    if (!list || list->kind != YAML_LIST)
        return;
    groups = builder_array(b, list->n, sizeof *groups);
    for (size_t i = 0; groups && i < list->n; i++)
        read_group(b, &list->items[i], i, &groups[i]);
    job->static_groups = groups;
    job->static_groups_n = groups ? list->n : 0;
}

/* --- a job --------------------------------------------------------------------------------------
 */

uint64_t job_hash_tree(uint64_t hash, const struct yaml *node)
{
    hash = hash_mix(hash, (uint64_t)node->kind);
    hash = hash_mix(hash, hash_str(node->text));
    hash = hash_mix(hash, node->n);
    for (size_t i = 0; i < node->n; i++) {
        if (node->kind == YAML_MAP) {
            hash = hash_mix(hash, hash_str(node->pairs[i].key.text));
            hash = job_hash_tree(hash, &node->pairs[i].value);
        } else {
            hash = job_hash_tree(hash, &node->items[i]);
        }
    }
    return hash;
}

/* Of the job as written, of what global adds to it, and of where its relative paths begin. */
static uint64_t fingerprint(const struct yaml *node, const struct job_defaults *d)
{
    const uint64_t defaults[] = {(uint64_t)d->interval_ms,   (uint64_t)d->timeout_ms,
                                 d->limits.samples,          d->limits.labels,
                                 d->limits.label_name_bytes, d->limits.label_value_bytes,
                                 d->limits.targets,          d->limits.body_bytes,
                                 d->keep_dropped_targets,    d->legacy_names};

    return job_hash_tree(
        hash_mix(hash_bytes(defaults, sizeof defaults), hash_str(builder_folder(node))), node);
}

static bool same_name(const void *item, const void *key)
{
    return str_eq(((const struct yaml *)item)->text, *(const struct str *)key);
}

/* A job's name must be unique. */
static void check_name(struct config_builder *b, const struct yaml *name)
{
    /* Of the jobs here, or of those behind one host. */
    uint64_t hash = hash_mix(hash_str(name->text), hash_str(str_c(b->host ? b->host : "")));
    const struct yaml *first = map_get(b->jobs, hash, &name->text, same_name);

    if (first && strcmp(first->file, name->file) == 0)
        yaml_error(&b->errors, name, "job_name \"%.*s\" is given twice, first in line %" PRIu32,
                   STR_ARGS(str_take(name->text, 60)), first->at.line);
    else if (first)
        yaml_error(&b->errors, name, "job_name \"%.*s\" is given twice, first in %.150s:%" PRIu32,
                   STR_ARGS(str_take(name->text, 60)), first->file, first->at.line);
    else
        map_put(b->jobs, hash, (void *)name);
}

static struct scrape_job *add_job(struct config_builder *b)
{
    struct config *c = b->config;

    if (arena_grow(b->arena, (void **)&c->jobs, &b->jobs_cap, c->jobs_n + 1, sizeof *c->jobs,
                   &b->err) < 0) {
        b->failed = true;
        return NULL;
    }
    c->jobs[c->jobs_n] = (struct scrape_job){.honor_timestamps = true};
    return &c->jobs[c->jobs_n++];
}

void job_read(struct config_builder *b, const struct yaml *node, const struct job_defaults *global)
{
    const struct yaml *name = yaml_get(node, "job_name");
    struct str path = schema_text(node, "metrics_path"), scheme = schema_text(node, "scheme");
    struct job_defaults d = *global;
    struct scrape_job *job;
    char what[100];

    if (node->kind != YAML_MAP)
        return;
    if (name && name->text.n > 0)
        check_name(b, name);
    job = add_job(b);
    if (!job)
        return;
    job->name = builder_copy(b, schema_text(node, "job_name"));
    job->host = b->host;
    (void)snprintf(what, sizeof what, "job \"%.60s\"", job->name);
    /* A timeout that global gave is cut to a shorter interval of the job's, as in Prometheus. */
    job_read_defaults(b, node, what, &d);
    job->interval_ms = d.interval_ms;
    job->timeout_ms = d.timeout_ms;
    job->limits = d.limits;
    job->keep_dropped_targets = d.keep_dropped_targets;
    job->legacy_names = d.legacy_names;
    yaml_read_bool(yaml_get(node, "honor_labels"), "", &job->honor_labels, &b->errors);
    yaml_read_bool(yaml_get(node, "honor_timestamps"), "", &job->honor_timestamps, &b->errors);
    job->scheme = scheme.n ? builder_copy(b, scheme) : "http";
    job->metrics_path = path.n ? builder_copy(b, path) : "/metrics";
    read_params(b, yaml_get(node, "params"), job);
    job_read_rules(b, yaml_get(node, "relabel_configs"), job->legacy_names, &job->relabel);
    job_read_rules(b, yaml_get(node, "metric_relabel_configs"), job->legacy_names,
                   &job->metric_relabel);
    read_groups(b, yaml_get(node, "static_configs"), job);
    discovery_read(b, node, job);
    job->client = client_read(b, node);
    job->fingerprint = fingerprint(node, global);
}
