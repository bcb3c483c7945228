/* The keys of the entries under `collect`: those that all have, and those of each kind. */
#include "config/schema.h"

static const struct key entry_keys[] = {
    {.name = "name", .type = KEY_STR},
    {.name = "job", .type = KEY_STR},
    {.name = "instance", .type = KEY_STR},
    {.name = "labels", .type = KEY_LABELS},
    {.name = "endpoint", .type = KEY_STR},
    {.name = "interval", .type = KEY_DURATION},
    {.name = "timeout", .type = KEY_DURATION},
    {.name = "enabled", .type = KEY_BOOL},
    {.name = "metric_relabel_configs", .type = KEY_MAPS, .sub = &schema_relabel},
};

static const struct key http_entry_keys[] = {
    {.name = "headers", .type = KEY_STR_MAP}, {.name = "optional", .type = KEY_BOOL},
    {.name = "url_file", .type = KEY_STR},    {.name = "login", .type = KEY_STR},
    {.name = "login_file", .type = KEY_STR},
};

static void check_http_entry(const struct yaml *map, struct schema_check *c)
{
    const struct yaml *headers = yaml_get(map, "headers");

    if (headers && headers->kind == YAML_MAP)
        schema_check_headers(headers, c);
    if (schema_gives(map, "url") && schema_gives(map, "url_file"))
        yaml_error(c->errors, yaml_get(map, "url_file"), "give url or url_file, not both");
    if (schema_gives(map, "login") && schema_gives(map, "login_file"))
        yaml_error(c->errors, yaml_get(map, "login_file"), "give login or login_file, not both");
    if ((schema_gives(map, "login") || schema_gives(map, "login_file")) &&
        schema_has(map, "basic_auth"))
        yaml_error(c->errors, yaml_get(map, "basic_auth"),
                   "login and basic_auth are one thing; give one of them");
}

/* `also` of a kind that asks for itself. */
const struct schema schema_entry = {
    .what = "an entry of collect", .keys = entry_keys, .n = ARRAY_LEN(entry_keys)};

static const struct schema asked_entry = {.what = "an entry of collect",
                                          .keys = entry_keys,
                                          .n = ARRAY_LEN(entry_keys),
                                          .also = &schema_http_client};

/* `also` of a kind that is asked over HTTP. */
const struct schema schema_http_entry = {.what = "an entry of collect",
                                         .keys = http_entry_keys,
                                         .n = ARRAY_LEN(http_entry_keys),
                                         .also = &asked_entry,
                                         .check = check_http_entry};
