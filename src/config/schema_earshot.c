/* The keys of earshot.yml. What this version does not serve is refused where a person would
 * otherwise believe to be watched or protected, and only warned of where nothing is lost. */
#include <stdio.h>
#include <string.h>

#include "config/schema.h"

#define SCHEMA(name_, what_, ...)                                                                  \
    static const struct schema name_ = {                                                           \
        .what = (what_), .keys = name_##_keys, .n = ARRAY_LEN(name_##_keys), __VA_ARGS__}

#define REMOVE_NOTE "remove it, or use another tool for it meanwhile"

static const struct key host_keys[] = {
    {.name = "enabled", .type = KEY_BOOL},
    {.name = "job", .type = KEY_STR},
    {.name = "interval", .type = KEY_DURATION},
    {.name = "top", .type = KEY_INT},
    {.name = "psi", .type = KEY_BOOL},
    {.name = "proc", .type = KEY_STR},
    {.name = "sys", .type = KEY_STR},
    {.name = "mounts_exclude", .type = KEY_REGEX},
    {.name = "fs_exclude", .type = KEY_REGEX},
    {.name = "disks_exclude", .type = KEY_REGEX},
    {.name = "nets_exclude", .type = KEY_REGEX},
    {.name = "textfile_dir", .type = KEY_STR},
    {.name = "units", .type = KEY_ANY}, /* a word or names: config.c */
    {.name = "timeout", .type = KEY_ANY, USE_REFUSED, "a reading never waits longer than interval"},
    {.name = "instance", .type = KEY_ANY, USE_REFUSED, "it is this machine's host name"},
    {.name = "labels", .type = KEY_ANY, USE_REFUSED, REMOVE_NOTE},
    {.name = "metric_relabel_configs", .type = KEY_ANY, USE_REFUSED, REMOVE_NOTE},
};
SCHEMA(host, "collect.host");

static const struct key ping_keys[] = {
    {.name = "name", .type = KEY_STR},
    {.name = "every", .type = KEY_DURATION},
    {.name = "cron", .type = KEY_STR},
    {.name = "grace", .type = KEY_DURATION},
};
SCHEMA(ping, "collect.push.ping");

static const struct key push_keys[] = {
    {.name = "pushgateway", .type = KEY_BOOL},
    {.name = "ttl", .type = KEY_DURATION},
    {.name = "statsd", .type = KEY_ANY, USE_REFUSED, "run a statsd_exporter and scrape it"},
    {.name = "statsd_mappings",
     .type = KEY_ANY,
     USE_REFUSED,
     "run a statsd_exporter and scrape it"},
    {.name = "otlp", .type = KEY_ANY, USE_REFUSED, "let the collector send by remote write"},
    {.name = "ping", .type = KEY_MAPS, .sub = &ping},
    {.name = "sources", .type = KEY_STRS},
};
SCHEMA(push, "collect.push");

static const struct key collect_keys[] = {
    {.name = "host", .type = KEY_MAP, .sub = &host},
    {.name = "scrape", .type = KEY_MAPS, .sub = &schema_scrape_config},
    {.name = "process", .type = KEY_MAPS, .sub = &schema_entry_process},
    {.name = "gpu", .type = KEY_MAP, .sub = &schema_entry_gpu},
    {.name = "redis", .type = KEY_MAPS, .sub = &schema_entry_redis},
    {.name = "postgres", .type = KEY_MAPS, .sub = &schema_entry_postgres},
    {.name = "celery", .type = KEY_MAPS, .sub = &schema_entry_celery},
    {.name = "rabbitmq", .type = KEY_MAPS, .sub = &schema_entry_rabbitmq},
    {.name = "json", .type = KEY_MAPS, .sub = &schema_entry_json},
    {.name = "logs", .type = KEY_MAPS, .sub = &schema_entry_logs},
    {.name = "nginx", .type = KEY_MAPS, .sub = &schema_entry_nginx},
    {.name = "docker", .type = KEY_MAPS, .sub = &schema_entry_docker},
    {.name = "path", .type = KEY_MAPS, .sub = &schema_entry_path},
    {.name = "metrics", .type = KEY_MAPS, .sub = &schema_entry_metrics},
    {.name = "probe", .type = KEY_MAPS, .sub = &schema_entry_probe},
    {.name = "audio", .type = KEY_ANY, USE_REFUSED, REMOVE_NOTE},
    {.name = "push", .type = KEY_MAP, .sub = &push},
};
const struct schema schema_collect = {
    .what = "collect", .keys = collect_keys, .n = ARRAY_LEN(collect_keys)};

static const struct key retention_part_keys[] = {
    {.name = "time", .type = KEY_STR},
    {.name = "size", .type = KEY_STR},
};
SCHEMA(retention_part, "retention.logs");
static const struct schema retention_events = {
    .what = "retention.events", .keys = retention_part_keys, .n = ARRAY_LEN(retention_part_keys)};

static const struct key beacon_keys[] = {
    {.name = "allowed_origins", .type = KEY_STRS},
    {.name = "sessions_max", .type = KEY_INT},
};
SCHEMA(beacon, "beacon");

static const struct key retention_keys[] = {
    {.name = "time", .type = KEY_STR},
    {.name = "size", .type = KEY_STR},
    {.name = "logs", .type = KEY_MAP, .sub = &retention_part},
    {.name = "events", .type = KEY_MAP, .sub = &retention_events},
};
SCHEMA(retention, "retention");

static const struct key earshot_keys[] = {
    {.name = "listen", .type = KEY_STR},
    {.name = "data", .type = KEY_STR},
    {.name = "external_url", .type = KEY_URL},
    {.name = "allowed_hosts", .type = KEY_STRS},
    {.name = "insecure", .type = KEY_BOOL},
    {.name = "retention", .type = KEY_MAP, .sub = &retention},
    {.name = "collect", .type = KEY_MAP, .sub = &schema_collect},
    {.name = "packs", .type = KEY_ANY}, /* names and maps: used_packs.c */
    {.name = "trusted_proxies",
     .type = KEY_STRS,
     USE_WARNED,
     "X-Forwarded headers are never believed"},
    {.name = "beacon", .type = KEY_MAP, .sub = &beacon},
    {.name = "users",
     .type = KEY_ANY,
     USE_REFUSED,
     "there is no log-in; stay on loopback, or put a proxy with a log-in in front"},
    {.name = "tls", .type = KEY_ANY, USE_REFUSED, "put a proxy with TLS in front"},
    {.name = "hosts", .type = KEY_MAPS, .sub = &schema_hosts},
    {.name = "rules", .type = KEY_ANY, USE_REFUSED, "no alert would fire"},
    {.name = "alerting", .type = KEY_ANY, USE_REFUSED, "nobody would be told"},
    {.name = "compat", .type = KEY_ANY, USE_REFUSED, "point clients at the address of listen"},
    {.name = "remote", .type = KEY_ANY, USE_REFUSED, REMOVE_NOTE},
};

/* `time` and `size` of a map, which is called `what`. */
static void check_retention(const struct yaml *map, const char *what, struct schema_check *c)
{
    const struct yaml *time = yaml_get(map, "time"), *size = yaml_get(map, "size");
    int64_t ms = INT64_MAX;
    uint64_t bytes;
    char name[40];

    (void)snprintf(name, sizeof name, "%s.time", what);
    if (time && !str_eq(time->text, STR("unlimited")))
        yaml_read_duration(time, name, &ms, c->errors);
    if (ms < INT64_C(7200000))
        yaml_error(c->errors, time, "%s: at least 2h", name);
    (void)snprintf(name, sizeof name, "%s.size", what);
    if (size && !str_eq(size->text, STR("unlimited")))
        yaml_read_size(size, name, &bytes, c->errors);
}

/* "A:P" with a port, A maybe in brackets. */
static void check_listen(const struct yaml *map, struct schema_check *c)
{
    const struct yaml *node = yaml_get(map, "listen");
    const char *colon;
    size_t digits;

    if (!node || node->kind != YAML_SCALAR)
        return;
    colon = node->text.n ? memrchr(node->text.p, ':', node->text.n) : NULL;
    digits = colon ? (size_t)(node->text.p + node->text.n - colon) - 1 : 0;
    if (digits == 0 || digits > 5 || strspn(colon + 1, "0123456789") < digits)
        yaml_error(c->errors, node, "listen: expected address:port like 127.0.0.1:3277");
}

static void check_names(const struct yaml *map, struct schema_check *c)
{
    const struct yaml *hosts = yaml_get(map, "allowed_hosts");

    for (size_t i = 0; hosts && hosts->kind == YAML_LIST && i < hosts->n; i++) {
        struct str name = hosts->items[i].text;

        if (name.n && (memchr(name.p, '/', name.n) || memchr(name.p, ' ', name.n)))
            yaml_error(c->errors, &hosts->items[i],
                       "allowed_hosts: write names only, like watch.example");
    }
}

static void check_earshot(const struct yaml *map, struct schema_check *c)
{
    check_retention(yaml_get(map, "retention"), "retention", c);
    check_retention(yaml_get(yaml_get(map, "retention"), "logs"), "retention.logs", c);
    check_retention(yaml_get(yaml_get(map, "retention"), "events"), "retention.events", c);
    check_listen(map, c);
    check_names(map, c);
}

const struct schema schema_earshot = {.what = "earshot.yml",
                                      .keys = earshot_keys,
                                      .n = ARRAY_LEN(earshot_keys),
                                      .check = check_earshot};
