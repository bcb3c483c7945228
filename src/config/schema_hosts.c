/* The keys of the entries of `hosts`: machines that are reached over SSH. */
#include "config/schema.h"

static const struct key keepalive_keys[] = {
    {.name = "interval", .type = KEY_DURATION},
    {.name = "count", .type = KEY_INT},
};
SCHEMA(keepalive, "keepalive");

#define THERE_NOTE "it is not read over SSH; run earshot there, or leave it out"

/* As collect.host, but for what belongs to this machine alone. */
static const struct key far_host_keys[] = {
    {.name = "enabled", .type = KEY_BOOL},       {.name = "job", .type = KEY_STR},
    {.name = "interval", .type = KEY_DURATION},  {.name = "top", .type = KEY_INT},
    {.name = "psi", .type = KEY_BOOL},           {.name = "mounts_exclude", .type = KEY_REGEX},
    {.name = "fs_exclude", .type = KEY_REGEX},   {.name = "disks_exclude", .type = KEY_REGEX},
    {.name = "nets_exclude", .type = KEY_REGEX},
};
SCHEMA(far_host, "hosts.collect.host");

/* As `collect` at the top, as far as it can be done through a tunnel. */
static const struct key hosts_collect_keys[] = {
    {.name = "scrape", .type = KEY_MAPS, .sub = &schema_scrape_config},
    {.name = "json", .type = KEY_MAPS, .sub = &schema_entry_json},
    {.name = "metrics", .type = KEY_MAPS, .sub = &schema_entry_metrics},
    {.name = "nginx", .type = KEY_MAPS, .sub = &schema_entry_nginx},
    {.name = "path", .type = KEY_ANY, USE_REFUSED, THERE_NOTE},
    {.name = "redis", .type = KEY_MAPS, .sub = &schema_entry_redis},
    {.name = "postgres", .type = KEY_MAPS, .sub = &schema_entry_postgres},
    {.name = "celery", .type = KEY_MAPS, .sub = &schema_entry_celery},
    {.name = "host", .type = KEY_MAP, .sub = &far_host},
    {.name = "process", .type = KEY_MAPS, .sub = &schema_entry_process},
    {.name = "gpu", .type = KEY_ANY, USE_REFUSED, "run a DCGM exporter there and scrape it"},
    {.name = "logs", .type = KEY_ANY, USE_REFUSED, THERE_NOTE},
    {.name = "probe", .type = KEY_ANY, USE_REFUSED, "run a blackbox_exporter there and scrape it"},
    {.name = "rabbitmq", .type = KEY_MAPS, .sub = &schema_entry_rabbitmq},
    {.name = "docker", .type = KEY_ANY, USE_REFUSED, THERE_NOTE},
    {.name = "audio", .type = KEY_ANY, USE_REFUSED, THERE_NOTE},
    {.name = "push", .type = KEY_ANY, USE_REFUSED, "what is pushed comes here by itself"},
};
const struct schema schema_hosts_collect = {
    .what = "hosts.collect", .keys = hosts_collect_keys, .n = ARRAY_LEN(hosts_collect_keys)};

static const struct key hosts_keys[] = {
    {.name = "ssh", .type = KEY_STR},
    {.name = "name", .type = KEY_STR},
    {.name = "identity_file", .type = KEY_STR},
    {.name = "known_hosts", .type = KEY_STR},
    {.name = "keepalive", .type = KEY_MAP, .sub = &keepalive},
    {.name = "jump", .type = KEY_STR},
    {.name = "os", .type = KEY_STR},
    {.name = "forward", .type = KEY_STRS},
    {.name = "collect", .type = KEY_MAP, .sub = &schema_hosts_collect},
    {.name = "packs", .type = KEY_ANY}, /* names and maps: hosts.c */
};
const struct schema schema_hosts = {
    .what = "hosts", .keys = hosts_keys, .n = ARRAY_LEN(hosts_keys)};
