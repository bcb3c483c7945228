/* The keys of prometheus.yml, as Prometheus 3 knows them
 * (https://prometheus.io/docs/prometheus/latest/configuration/configuration/), and what becomes of
 * each here. What ignoring a key would change is said in its note. */
#include "config/relabel.h"
#include "config/schema.h"
#include "model/relabel.h"

#include <strings.h>

#define SCHEMA(name_, what_, ...)                                                                  \
    static const struct schema name_ = {                                                           \
        .what = (what_), .keys = name_##_keys, .n = ARRAY_LEN(name_##_keys), __VA_ARGS__}

#define AUTH_NOTE "targets are asked without it, and answer 401 if they want it"
#define TLS_NOTE  "https targets are checked against the system's certificates"
#define SD_NOTE   "no target is found this way; write them in static_configs"
#define HIST_NOTE "native histograms are not collected"

/* --- HTTP clients: scrape jobs, remote storage, Alertmanagers and discovery share these ---------
 */

static void exclude(const struct yaml *map, const char *a, const char *b, struct schema_check *c)
{
    if (schema_has(map, a) && schema_has(map, b))
        yaml_error(c->errors, yaml_get(map, b), "give %s or %s, not both", a, b);
}

static const struct key basic_auth_keys[] = {
    {.name = "username", .type = KEY_STR},      {.name = "username_file", .type = KEY_STR},
    {.name = "username_ref", .type = KEY_STR},  {.name = "password", .type = KEY_STR},
    {.name = "password_file", .type = KEY_STR}, {.name = "password_ref", .type = KEY_STR},
};

static void check_basic_auth(const struct yaml *map, struct schema_check *c)
{
    exclude(map, "username", "username_file", c);
    exclude(map, "username", "username_ref", c);
    exclude(map, "password", "password_file", c);
    exclude(map, "password", "password_ref", c);
}

SCHEMA(basic_auth, "basic_auth", .check = check_basic_auth);

static const struct key authorization_keys[] = {
    {.name = "type", .type = KEY_STR},
    {.name = "credentials", .type = KEY_STR},
    {.name = "credentials_file", .type = KEY_STR},
    {.name = "credentials_ref", .type = KEY_STR},
};

static void check_authorization(const struct yaml *map, struct schema_check *c)
{
    struct str type = str_trim(schema_text(map, "type"));

    exclude(map, "credentials", "credentials_file", c);
    exclude(map, "credentials", "credentials_ref", c);
    if (type.n == 5 && strncasecmp(type.p, "basic", 5) == 0)
        yaml_error(c->errors, yaml_get(map, "type"),
                   "authorization: type cannot be \"basic\"; use basic_auth");
}

SCHEMA(authorization, "authorization", .check = check_authorization);

static const struct key tls_config_keys[] = {
    {.name = "ca", .type = KEY_STR},
    {.name = "cert", .type = KEY_STR},
    {.name = "key", .type = KEY_STR},
    {.name = "ca_ref", .type = KEY_STR},
    {.name = "cert_ref", .type = KEY_STR},
    {.name = "key_ref", .type = KEY_STR},
    {.name = "ca_file", .type = KEY_STR},
    {.name = "cert_file", .type = KEY_STR},
    {.name = "key_file", .type = KEY_STR},
    {.name = "server_name", .type = KEY_STR},
    {.name = "min_version", .type = KEY_STR},
    {.name = "max_version", .type = KEY_STR},
    {.name = "insecure_skip_verify", .type = KEY_BOOL},
};

static void check_tls_config(const struct yaml *map, struct schema_check *c)
{
    exclude(map, "ca", "ca_file", c);
    exclude(map, "cert", "cert_file", c);
    exclude(map, "key", "key_file", c);
}

SCHEMA(tls_config, "tls_config", .check = check_tls_config);

static const struct key oauth2_keys[] = {
    {.name = "client_id", .type = KEY_STR},
    {.name = "client_secret", .type = KEY_STR},
    {.name = "client_secret_file", .type = KEY_STR},
    {.name = "client_secret_ref", .type = KEY_STR},
    {.name = "client_certificate_key_id", .type = KEY_STR},
    {.name = "client_certificate_key", .type = KEY_STR},
    {.name = "client_certificate_key_file", .type = KEY_STR},
    {.name = "client_certificate_key_ref", .type = KEY_STR},
    {.name = "grant_type", .type = KEY_STR},
    {.name = "signature_algorithm", .type = KEY_STR},
    {.name = "iss", .type = KEY_STR},
    {.name = "audience", .type = KEY_STR},
    {.name = "claims", .type = KEY_ANY},
    {.name = "scopes", .type = KEY_STRS},
    {.name = "token_url", .type = KEY_STR},
    {.name = "endpoint_params", .type = KEY_STR_MAP},
    {.name = "tls_config", .type = KEY_MAP, .sub = &tls_config},
    {.name = "proxy_url", .type = KEY_STR},
    {.name = "no_proxy", .type = KEY_STR},
    {.name = "proxy_from_environment", .type = KEY_BOOL},
    {.name = "proxy_connect_header", .type = KEY_STRS_MAP},
};

static void check_oauth2(const struct yaml *map, struct schema_check *c)
{
    exclude(map, "client_secret", "client_secret_file", c);
    if (schema_text(map, "client_id").n == 0)
        yaml_error(c->errors, map, "oauth2: client_id is missing");
    if (schema_text(map, "token_url").n == 0)
        yaml_error(c->errors, map, "oauth2: token_url is missing");
}

SCHEMA(oauth2, "oauth2", .check = check_oauth2);

static const struct key http_client_keys[] = {
    {.name = "basic_auth", .type = KEY_MAP, USE_WARNED, AUTH_NOTE, &basic_auth},
    {.name = "authorization", .type = KEY_MAP, USE_WARNED, AUTH_NOTE, &authorization},
    {.name = "oauth2", .type = KEY_MAP, USE_WARNED, AUTH_NOTE, &oauth2},
    {.name = "bearer_token", .type = KEY_STR, USE_WARNED, AUTH_NOTE},
    {.name = "bearer_token_file", .type = KEY_STR, USE_WARNED, AUTH_NOTE},
    {.name = "tls_config", .type = KEY_MAP, USE_WARNED, TLS_NOTE, &tls_config},
    {.name = "http_headers", .type = KEY_MAP, USE_WARNED, "requests go without these headers"},
    {.name = "proxy_url", .type = KEY_STR, USE_WARNED, "targets are asked directly"},
    {.name = "no_proxy", .type = KEY_STR, USE_SILENT},
    {.name = "proxy_from_environment", .type = KEY_BOOL, USE_SILENT},
    {.name = "proxy_connect_header", .type = KEY_STRS_MAP, USE_SILENT},
    {.name = "follow_redirects", .type = KEY_BOOL},
    {.name = "enable_http2", .type = KEY_BOOL, USE_SILENT},
};

static void check_http_client(const struct yaml *map, struct schema_check *c)
{
    static const char *const ways[] = {"basic_auth", "authorization", "oauth2", "bearer_token",
                                       "bearer_token_file"};
    const char *first = NULL;
    bool from_environment = false;

    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        if (schema_has(map, ways[i]) && first)
            yaml_error(c->errors, yaml_get(map, ways[i]), "give %s or %s, not both", first,
                       ways[i]);
        else if (schema_has(map, ways[i]))
            first = ways[i];
    }
    yaml_read_bool(yaml_get(map, "proxy_from_environment"), "", &from_environment, c->errors);
    if (from_environment)
        exclude(map, "proxy_from_environment", "proxy_url", c);
    if (from_environment)
        exclude(map, "proxy_from_environment", "no_proxy", c);
    if (schema_has(map, "no_proxy") && !from_environment && !schema_has(map, "proxy_url"))
        yaml_error(c->errors, yaml_get(map, "no_proxy"),
                   "no_proxy means nothing without proxy_url");
}

SCHEMA(http_client, "http client", .check = check_http_client);

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

SCHEMA(relabel, "a relabel rule", .check = check_relabel);

/* --- targets ------------------------------------------------------------------------------------
 */

static const struct key static_config_keys[] = {
    {.name = "targets", .type = KEY_STRS},
    {.name = "labels", .type = KEY_LABELS},
};

/* "host:port" and no more. With relabelling an address may be anything at first. */
static void check_addresses(const struct yaml *job, struct schema_check *c)
{
    const struct yaml *groups = yaml_get(job, "static_configs");

    for (size_t i = 0; groups && groups->kind == YAML_LIST && i < groups->n; i++) {
        const struct yaml *targets = yaml_get(&groups->items[i], "targets");

        for (size_t k = 0; targets && targets->kind == YAML_LIST && k < targets->n; k++) {
            const struct yaml *t = &targets->items[k];
            bool odd = false, slash = false;

            for (size_t b = 0; b < t->text.n; b++) {
                odd |= (unsigned char)t->text.p[b] <= ' ' || t->text.p[b] == 0x7f;
                slash |= t->text.p[b] == '/';
            }
            if (odd || t->kind != YAML_SCALAR || t->text.n == 0)
                yaml_error(c->errors, t, "a target must be host:port, without blanks");
            else if (slash && !schema_has(job, "relabel_configs"))
                yaml_error(c->errors, t,
                           "\"%.*s\" is not a valid hostname: write host:port here, the scheme "
                           "as scheme: https and the path as metrics_path: /path",
                           STR_ARGS(str_take(t->text, 100)));
        }
    }
}

SCHEMA(static_config, "static_configs");

static const struct key http_sd_keys[] = {
    {.name = "url", .type = KEY_URL},
    {.name = "refresh_interval", .type = KEY_DURATION},
};
SCHEMA(http_sd, "http_sd_configs", .also = &http_client);

static const struct key file_sd_keys[] = {
    {.name = "files", .type = KEY_STRS},
    {.name = "refresh_interval", .type = KEY_DURATION},
};
SCHEMA(file_sd, "file_sd_configs");

static const struct key dns_sd_keys[] = {
    {.name = "names", .type = KEY_STRS},
    {.name = "type", .type = KEY_STR},
    {.name = "port", .type = KEY_INT},
    {.name = "refresh_interval", .type = KEY_DURATION},
};
SCHEMA(dns_sd, "dns_sd_configs");

#define SD(name_)                                                                                  \
    {                                                                                              \
        .name = name_ "_sd_configs", .type = KEY_MAPS, USE_WARNED, SD_NOTE                         \
    }

static const struct key discovery_keys[] = {
    {.name = "static_configs", .type = KEY_MAPS, .sub = &static_config},
    {.name = "http_sd_configs", .type = KEY_MAPS, USE_WARNED, SD_NOTE, &http_sd},
    {.name = "file_sd_configs", .type = KEY_MAPS, USE_WARNED, SD_NOTE, &file_sd},
    {.name = "dns_sd_configs", .type = KEY_MAPS, USE_WARNED, SD_NOTE, &dns_sd},
    SD("aws"),
    SD("azure"),
    SD("consul"),
    SD("digitalocean"),
    SD("docker"),
    SD("dockerswarm"),
    SD("ec2"),
    SD("eureka"),
    SD("gce"),
    SD("hetzner"),
    SD("ionos"),
    SD("kubernetes"),
    SD("kuma"),
    SD("lightsail"),
    SD("linode"),
    SD("marathon"),
    SD("nerve"),
    SD("nomad"),
    SD("oci"),
    SD("openstack"),
    SD("outscale"),
    SD("ovhcloud"),
    SD("puppetdb"),
    SD("scaleway"),
    SD("serverset"),
    SD("stackit"),
    SD("triton"),
    SD("uyuni"),
    SD("vultr"),
};
static const struct schema discovery = {.what = "discovery",
                                        .keys = discovery_keys,
                                        .n = ARRAY_LEN(discovery_keys),
                                        .also = &http_client};

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
                                            .also = &discovery,
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
    {.name = "relabel_configs", .type = KEY_MAPS, .sub = &relabel},
    {.name = "metric_relabel_configs", .type = KEY_MAPS, .sub = &relabel},
};

static void check_scrape_config(const struct yaml *map, struct schema_check *c)
{
    static const char *const schemes[] = {"http", "https"};

    if (schema_text(map, "job_name").n == 0)
        yaml_error(c->errors, schema_has(map, "job_name") ? yaml_get(map, "job_name") : map,
                   "job_name is missing or empty");
    check_word(map, "scheme", schemes, ARRAY_LEN(schemes), c);
    check_addresses(map, c);
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

static void check_headers(const struct yaml *map, struct schema_check *c)
{
    static const char *const reserved[] = {"authorization",
                                           "host",
                                           "content-encoding",
                                           "content-length",
                                           "content-type",
                                           "user-agent",
                                           "connection",
                                           "keep-alive",
                                           "proxy-authenticate",
                                           "proxy-authorization",
                                           "www-authenticate",
                                           "accept-encoding",
                                           "x-prometheus-remote-write-version",
                                           "x-prometheus-remote-read-version"};
    const struct yaml *headers = yaml_get(map, "headers");

    for (size_t i = 0; headers && headers->kind == YAML_MAP && i < headers->n; i++) {
        struct str name = headers->pairs[i].key.text;

        for (size_t k = 0; k < ARRAY_LEN(reserved); k++) {
            if (name.n == strlen(reserved[k]) && strncasecmp(name.p, reserved[k], name.n) == 0)
                yaml_error(c->errors, &headers->pairs[i].key, "%s is a reserved header",
                           reserved[k]);
        }
    }
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
    {.name = "write_relabel_configs", .type = KEY_MAPS, .sub = &relabel},
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
    check_headers(map, c);
}

SCHEMA(remote_write, "remote_write", .also = &http_client, .check = check_remote_write);

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
    check_headers(map, c);
}

SCHEMA(remote_read, "remote_read", .also = &http_client, .check = check_remote_read);

static const struct key alertmanager_keys[] = {
    {.name = "scheme", .type = KEY_STR},
    {.name = "path_prefix", .type = KEY_STR},
    {.name = "timeout", .type = KEY_DURATION},
    {.name = "api_version", .type = KEY_STR},
    {.name = "sigv4", .type = KEY_MAP},
    {.name = "relabel_configs", .type = KEY_MAPS, .sub = &relabel},
    {.name = "alert_relabel_configs", .type = KEY_MAPS, .sub = &relabel},
};

/* Here a target with a scheme is wrong even when it is relabelled: Prometheus checks it after. */
static void check_alertmanager(const struct yaml *map, struct schema_check *c)
{
    struct yaml_pair pairs[1];
    struct yaml only = {.kind = YAML_MAP, .pairs = pairs, .n = 1};

    for (size_t i = 0; i < map->n; i++) {
        if (str_eq(map->pairs[i].key.text, STR("static_configs"))) {
            pairs[0] = map->pairs[i];
            check_addresses(&only, c);
        }
    }
}

SCHEMA(alertmanager, "alertmanagers", .also = &discovery, .check = check_alertmanager);

static const struct key alerting_keys[] = {
    {.name = "alert_relabel_configs", .type = KEY_MAPS, .sub = &relabel},
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
    {.name = "exemplars", .type = KEY_MAP, USE_WARNED, "exemplars are not kept", &exemplars},
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
    {.name = "scrape_config_files",
     .type = KEY_STRS,
     USE_WARNED,
     "the jobs in these files are not scraped"},
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
static void check_rule_files(const struct yaml *map, struct schema_check *c)
{
    const struct yaml *files = yaml_get(map, "rule_files");

    for (size_t i = 0; files && files->kind == YAML_LIST && i < files->n; i++) {
        struct str path = files->items[i].text;
        const char *star = path.n ? memchr(path.p, '*', path.n) : NULL;
        const char *open = path.n ? memrchr(path.p, '[', path.n) : NULL;
        const char *end = path.p + path.n;

        if (path.n == 0 || (star && memchr(star, '/', (size_t)(end - star))) ||
            (open && !memchr(open, ']', (size_t)(end - open))))
            yaml_error(c->errors, &files->items[i],
                       "invalid rule file path \"%.*s\" (a * may stand in the last part only)",
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
    check_rule_files(map, c);
    check_unique(yaml_get(map, "remote_write"), "remote_write", c);
    check_unique(yaml_get(map, "remote_read"), "remote_read", c);
}

const struct schema schema_prometheus = {.what = "a Prometheus configuration",
                                         .keys = prometheus_keys,
                                         .n = ARRAY_LEN(prometheus_keys),
                                         .check = check_prometheus};
