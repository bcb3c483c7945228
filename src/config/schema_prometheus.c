/* The keys of prometheus.yml, as Prometheus 3 knows them
 * (https://prometheus.io/docs/prometheus/latest/configuration/configuration/), and what becomes of
 * each here. What ignoring a key would change is said in its note. */
#include "config/relabel.h"
#include "config/schema.h"
#include "model/relabel.h"

#include <strings.h>

#define HIST_NOTE "native histograms are not collected"

/* --- relabelling --------------------------------------------------------------------------------
 */

static const struct key relabel_keys[] = {
    {.name = "source_labels", .type = KEY_STRS}, {.name = "separator", .type = KEY_STR},
    {.name = "target_label", .type = KEY_STR},   {.name = "regex", .type = KEY_STR},
    {.name = "modulus", .type = KEY_INT},        {.name = "replacement", .type = KEY_STR},
    {.name = "action", .type = KEY_STR},
};

static void check_relabel(const struct yaml *map, struct schema_check *c)
{
    struct relabel_rule rule;

    if (relabel_read(map, true, &rule, c->errors) == 0)
        relabel_fini(&rule);
}

const struct schema schema_relabel = {.what = "a relabel rule",
                                      .keys = relabel_keys,
                                      .n = ARRAY_LEN(relabel_keys),
                                      .check = check_relabel};

/* --- scrape jobs --------------------------------------------------------------------------------
 */

static const char *const protocols[] = {"PrometheusProto", "OpenMetricsText0.0.1",
                                        "OpenMetricsText1.0.0", "PrometheusText0.0.4",
                                        "PrometheusText1.0.0"};

static void check_protocol(const struct yaml *node, struct schema_check *c)
{
    if (!node || node->kind != YAML_SCALAR)
        return;
    for (size_t i = 0; i < ARRAY_LEN(protocols); i++) {
        if (str_eq(node->text, str_c(protocols[i])))
            return;
    }
    yaml_error(c->errors, node,
               "unknown scrape protocol \"%.*s\" (there are PrometheusText0.0.4, "
               "PrometheusText1.0.0, OpenMetricsText0.0.1, OpenMetricsText1.0.0, PrometheusProto)",
               STR_ARGS(str_take(node->text, 60)));
}

static void check_word(const struct yaml *map, const char *key, const char *const words[], size_t n,
                       struct schema_check *c)
{
    struct str text = schema_text(map, key);

    if (text.n == 0)
        return;
    for (size_t i = 0; i < n; i++) {
        if (str_eq(text, str_c(words[i])))
            return;
    }
    yaml_error(c->errors, yaml_get(map, key), "%s: unknown word \"%.*s\" (write %s or %s)", key,
               STR_ARGS(str_take(text, 60)), words[0], words[1]);
}

/* What global and each job may say about formats. */
static void check_formats(const struct yaml *map, struct schema_check *c)
{
    static const char *const schemes[] = {"utf8", "legacy"};
    static const char *const escapes[] = {"allow-utf-8", "underscores", "dots", "values"};
    const struct yaml *list = yaml_get(map, "scrape_protocols");

    for (size_t i = 0; list && list->kind == YAML_LIST && i < list->n; i++)
        check_protocol(&list->items[i], c);
    check_protocol(yaml_get(map, "fallback_scrape_protocol"), c);
    check_word(map, "metric_name_validation_scheme", schemes, ARRAY_LEN(schemes), c);
    check_word(map, "metric_name_escaping_scheme", escapes, ARRAY_LEN(escapes), c);
    if (str_eq(schema_text(map, "metric_name_validation_scheme"), STR("legacy")) &&
        str_eq(schema_text(map, "metric_name_escaping_scheme"), STR("allow-utf-8")))
        yaml_error(c->errors, yaml_get(map, "metric_name_escaping_scheme"),
                   "allow-utf-8 contradicts metric_name_validation_scheme: legacy");
}

/* Both in global and in a job. */
static const struct key scrape_common_keys[] = {
    {.name = "scrape_interval", .type = KEY_DURATION},
    {.name = "scrape_timeout", .type = KEY_DURATION},
    {.name = "body_size_limit", .type = KEY_SIZE},
    {.name = "scrape_protocols", .type = KEY_STRS, USE_SILENT},
    {.name = "sample_limit", .type = KEY_INT},
    {.name = "target_limit", .type = KEY_INT},
    {.name = "label_limit", .type = KEY_INT},
    {.name = "label_name_length_limit", .type = KEY_INT},
    {.name = "label_value_length_limit", .type = KEY_INT},
    {.name = "keep_dropped_targets", .type = KEY_INT},
    {.name = "metric_name_validation_scheme", .type = KEY_STR},
    {.name = "metric_name_escaping_scheme", .type = KEY_STR, USE_SILENT},
    {.name = "scrape_native_histograms", .type = KEY_BOOL, USE_WARNED, HIST_NOTE},
    {.name = "scrape_classic_histograms", .type = KEY_BOOL, USE_SILENT},
    {.name = "always_scrape_classic_histograms", .type = KEY_BOOL, USE_SILENT},
    {.name = "convert_classic_histograms_to_nhcb", .type = KEY_BOOL, USE_WARNED, HIST_NOTE},
    {.name = "extra_scrape_metrics", .type = KEY_BOOL, USE_WARNED, "these series are not written"},
    {.name = "scrape_failure_log_file",
     .type = KEY_STR,
     USE_WARNED,
     "failures are shown on the Targets page instead"},
};
static const struct schema scrape_common = {.what = "scraping",
                                            .keys = scrape_common_keys,
                                            .n = ARRAY_LEN(scrape_common_keys),
                                            .also = &schema_discovery,
                                            .check = check_formats};

static const struct key scrape_config_keys[] = {
    {.name = "job_name", .type = KEY_STR},
    {.name = "honor_labels", .type = KEY_BOOL},
    {.name = "honor_timestamps", .type = KEY_BOOL},
    {.name = "track_timestamps_staleness",
     .type = KEY_BOOL,
     USE_WARNED,
     "series with timestamps of their own end after the lookback"},
    {.name = "metrics_path", .type = KEY_STR},
    {.name = "scheme", .type = KEY_STR},
    {.name = "params", .type = KEY_STRS_MAP},
    {.name = "fallback_scrape_protocol", .type = KEY_STR, USE_SILENT},
    {.name = "enable_compression", .type = KEY_BOOL},
    {.name = "native_histogram_bucket_limit", .type = KEY_INT, USE_SILENT},
    {.name = "native_histogram_min_bucket_factor", .type = KEY_NUMBER, USE_SILENT},
    {.name = "relabel_configs", .type = KEY_MAPS, .sub = &schema_relabel},
    {.name = "metric_relabel_configs", .type = KEY_MAPS, .sub = &schema_relabel},
};

static void check_scrape_config(const struct yaml *map, struct schema_check *c)
{
    static const char *const schemes[] = {"http", "https"};

    if (schema_text(map, "job_name").n == 0)
        yaml_error(c->errors, schema_has(map, "job_name") ? yaml_get(map, "job_name") : map,
                   "job_name is missing or empty");
    check_word(map, "scheme", schemes, ARRAY_LEN(schemes), c);
    schema_check_addresses(map, c);
}

const struct schema schema_scrape_config = {.what = "a scrape job",
                                            .keys = scrape_config_keys,
                                            .n = ARRAY_LEN(scrape_config_keys),
                                            .also = &scrape_common,
                                            .check = check_scrape_config};

static const struct key global_own_keys[] = {
    {.name = "evaluation_interval", .type = KEY_DURATION},
    {.name = "rule_query_offset", .type = KEY_DURATION, USE_SILENT},
    {.name = "query_log_file", .type = KEY_STR, USE_WARNED, "queries are not logged"},
    {.name = "external_labels", .type = KEY_LABELS},
};

/* As scrape_common, without what only a job may have. */
static const struct schema global_common = {.what = "global",
                                            .keys = scrape_common_keys,
                                            .n = ARRAY_LEN(scrape_common_keys),
                                            .check = check_formats};
static const struct schema global = {.what = "global",
                                     .keys = global_own_keys,
                                     .n = ARRAY_LEN(global_own_keys),
                                     .also = &global_common};

/* --- remote storage, alerting, storage ----------------------------------------------------------
 */

static void check_has_url(const struct yaml *map, const char *what, struct schema_check *c)
{
    if (schema_text(map, "url").n == 0)
        yaml_error(c->errors, map, "%s: url is missing or empty", what);
}

static const struct key queue_config_keys[] = {
    {.name = "capacity", .type = KEY_INT},
    {.name = "max_shards", .type = KEY_INT},
    {.name = "min_shards", .type = KEY_INT},
    {.name = "max_samples_per_send", .type = KEY_INT},
    {.name = "batch_send_deadline", .type = KEY_DURATION},
    {.name = "min_backoff", .type = KEY_DURATION},
    {.name = "max_backoff", .type = KEY_DURATION},
    {.name = "retry_on_http_429", .type = KEY_BOOL},
    {.name = "sample_age_limit", .type = KEY_DURATION},
};

static void check_queue_config(const struct yaml *map, struct schema_check *c)
{
    static const char *const positive[] = {"capacity", "max_shards", "max_samples_per_send"};

    for (size_t i = 0; i < ARRAY_LEN(positive); i++) {
        if (str_eq(schema_text(map, positive[i]), STR("0")))
            yaml_error(c->errors, yaml_get(map, positive[i]), "%s must be above 0", positive[i]);
    }
}

SCHEMA(queue_config, "queue_config", .check = check_queue_config);

static const struct key remote_write_keys[] = {
    {.name = "url", .type = KEY_STR},
    {.name = "name", .type = KEY_STR},
    {.name = "remote_timeout", .type = KEY_DURATION},
    {.name = "protobuf_message", .type = KEY_STR},
    {.name = "headers", .type = KEY_STR_MAP},
    {.name = "write_relabel_configs", .type = KEY_MAPS, .sub = &schema_relabel},
    {.name = "send_exemplars", .type = KEY_BOOL},
    {.name = "send_native_histograms", .type = KEY_BOOL},
    {.name = "round_robin_dns", .type = KEY_BOOL},
    {.name = "sigv4", .type = KEY_MAP},
    {.name = "azuread", .type = KEY_MAP},
    {.name = "google_iam", .type = KEY_MAP},
    {.name = "queue_config", .type = KEY_MAP, .sub = &queue_config},
    {.name = "metadata_config", .type = KEY_MAP},
};

static void check_remote_write(const struct yaml *map, struct schema_check *c)
{
    check_has_url(map, "remote_write", c);
    schema_check_headers(yaml_get(map, "headers"), c);
}

SCHEMA(remote_write, "remote_write", .also = &schema_http_client, .check = check_remote_write);

static const struct key remote_read_keys[] = {
    {.name = "url", .type = KEY_STR},
    {.name = "name", .type = KEY_STR},
    {.name = "required_matchers", .type = KEY_STR_MAP},
    {.name = "remote_timeout", .type = KEY_DURATION},
    {.name = "headers", .type = KEY_STR_MAP},
    {.name = "read_recent", .type = KEY_BOOL},
    {.name = "filter_external_labels", .type = KEY_BOOL},
    {.name = "chunked_read_limit", .type = KEY_SIZE},
};

static void check_remote_read(const struct yaml *map, struct schema_check *c)
{
    check_has_url(map, "remote_read", c);
    schema_check_headers(yaml_get(map, "headers"), c);
}

SCHEMA(remote_read, "remote_read", .also = &schema_http_client, .check = check_remote_read);

static const struct key alertmanager_keys[] = {
    {.name = "scheme", .type = KEY_STR},
    {.name = "path_prefix", .type = KEY_STR},
    {.name = "timeout", .type = KEY_DURATION},
    {.name = "api_version", .type = KEY_STR},
    {.name = "sigv4", .type = KEY_MAP},
    {.name = "relabel_configs", .type = KEY_MAPS, .sub = &schema_relabel},
    {.name = "alert_relabel_configs", .type = KEY_MAPS, .sub = &schema_relabel},
};

/* Here a target with a scheme is wrong even when it is relabelled: Prometheus checks it after. */
static void check_alertmanager(const struct yaml *map, struct schema_check *c)
{
    struct yaml_pair pairs[1];
    struct yaml only = {.kind = YAML_MAP, .pairs = pairs, .n = 1};

    for (size_t i = 0; i < map->n; i++) {
        if (str_eq(map->pairs[i].key.text, STR("static_configs"))) {
            pairs[0] = map->pairs[i];
            schema_check_addresses(&only, c);
        }
    }
}

SCHEMA(alertmanager, "alertmanagers", .also = &schema_discovery, .check = check_alertmanager);

static const struct key alerting_keys[] = {
    {.name = "alert_relabel_configs", .type = KEY_MAPS, .sub = &schema_relabel},
    {.name = "alertmanagers", .type = KEY_MAPS, .sub = &alertmanager},
};
SCHEMA(alerting, "alerting");

static const struct key tsdb_retention_keys[] = {
    {.name = "time", .type = KEY_DURATION},
    {.name = "size", .type = KEY_SIZE},
    {.name = "percentage", .type = KEY_NUMBER},
};

static void check_tsdb_retention(const struct yaml *map, struct schema_check *c)
{
    double percentage = 0;

    yaml_read_double(yaml_get(map, "percentage"), "percentage", &percentage, c->errors);
    if (percentage < 0 || percentage > 100)
        yaml_error(c->errors, yaml_get(map, "percentage"), "percentage: 0 to 100");
}

SCHEMA(tsdb_retention, "retention", .check = check_tsdb_retention);

static const struct key chunk_encoding_keys[] = {{.name = "floats", .type = KEY_STR}};

static void check_chunk_encoding(const struct yaml *map, struct schema_check *c)
{
    static const char *const words[] = {"xor", "xor2"};

    check_word(map, "floats", words, ARRAY_LEN(words), c);
}

SCHEMA(chunk_encoding, "chunk_encoding", .check = check_chunk_encoding);

#define STORE_NOTE "earshot's own store decides; see retention and --late-window"

static const struct key tsdb_keys[] = {
    {.name = "out_of_order_time_window",
     .type = KEY_DURATION,
     USE_WARNED,
     "late samples are taken within --late-window instead"},
    {.name = "stale_series_compaction_threshold", .type = KEY_NUMBER, USE_SILENT},
    {.name = "chunk_encoding", .type = KEY_MAP, USE_SILENT, .sub = &chunk_encoding},
    {.name = "retention", .type = KEY_MAP, USE_WARNED, STORE_NOTE, &tsdb_retention},
};
SCHEMA(tsdb, "storage.tsdb");

static const struct key exemplars_keys[] = {{.name = "max_exemplars", .type = KEY_INT}};
SCHEMA(exemplars, "storage.exemplars");

static const struct key storage_keys[] = {
    {.name = "tsdb", .type = KEY_MAP, .sub = &tsdb},
    {.name = "exemplars", .type = KEY_MAP, .sub = &exemplars},
};
SCHEMA(storage, "storage");

static const struct key runtime_keys[] = {{.name = "gogc", .type = KEY_INT}};
SCHEMA(runtime, "runtime");

/* --- the file -----------------------------------------------------------------------------------
 */

static const struct key prometheus_keys[] = {
    {.name = "global", .type = KEY_MAP, .sub = &global},
    {.name = "scrape_configs", .type = KEY_MAPS, .sub = &schema_scrape_config},
    {.name = "storage", .type = KEY_MAP, .sub = &storage},
    {.name = "runtime", .type = KEY_MAP, USE_SILENT, .sub = &runtime},
    {.name = "rule_files", .type = KEY_STRS, USE_WARNED, "no rule is evaluated, no alert fires"},
    {.name = "alerting", .type = KEY_MAP, USE_WARNED, "nobody is told of alerts", &alerting},
    {.name = "scrape_config_files", .type = KEY_STRS},
    {.name = "remote_write", .type = KEY_MAPS, USE_WARNED, "no sample is sent on", &remote_write},
    {.name = "remote_read",
     .type = KEY_MAPS,
     USE_WARNED,
     "queries see what is stored here only",
     &remote_read},
    {.name = "otlp", .type = KEY_MAP, USE_WARNED, "OTLP is not received"},
    {.name = "tracing", .type = KEY_MAP, USE_WARNED, "no trace is sent"},
};

/* A '*' only in the last part, and no bracket left open. */
static void check_globs(const struct yaml *files, const char *what, struct schema_check *c)
{
    for (size_t i = 0; files && files->kind == YAML_LIST && i < files->n; i++) {
        struct str path = files->items[i].text;
        const char *star = path.n ? memchr(path.p, '*', path.n) : NULL;
        const char *open = path.n ? memrchr(path.p, '[', path.n) : NULL;
        const char *end = path.n ? path.p + path.n : NULL;

        if (path.n == 0 || (star && memchr(star, '/', (size_t)(end - star))) ||
            (open && !memchr(open, ']', (size_t)(end - open))))
            yaml_error(c->errors, &files->items[i],
                       "invalid %s path \"%.*s\" (a * may stand in the last part only)", what,
                       STR_ARGS(str_take(path, 100)));
    }
}

static void check_unique(const struct yaml *list, const char *what, struct schema_check *c)
{
    for (size_t i = 0; list && list->kind == YAML_LIST && i < list->n; i++) {
        struct str name = schema_text(&list->items[i], "name");

        for (size_t k = 0; name.n > 0 && k < i; k++) {
            if (str_eq(name, schema_text(&list->items[k], "name")))
                yaml_error(c->errors, yaml_get(&list->items[i], "name"),
                           "%s: the name \"%.*s\" is given twice", what,
                           STR_ARGS(str_take(name, 60)));
        }
    }
}

static void check_prometheus(const struct yaml *map, struct schema_check *c)
{
    check_globs(yaml_get(map, "rule_files"), "rule file", c);
    check_globs(yaml_get(map, "scrape_config_files"), "scrape config file", c);
    check_unique(yaml_get(map, "remote_write"), "remote_write", c);
    check_unique(yaml_get(map, "remote_read"), "remote_read", c);
}

const struct schema schema_prometheus = {.what = "a Prometheus configuration",
                                         .keys = prometheus_keys,
                                         .n = ARRAY_LEN(prometheus_keys),
                                         .check = check_prometheus};

static const struct key scrape_file_keys[] = {
    {.name = "scrape_configs", .type = KEY_MAPS, .sub = &schema_scrape_config},
};
const struct schema schema_scrape_file = {.what = "a file of scrape_config_files",
                                          .keys = scrape_file_keys,
                                          .n = ARRAY_LEN(scrape_file_keys)};
