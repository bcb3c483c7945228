/* The keys of collect.json. What spans several of them is told by entry_json.c. */
#include "config/schema.h"

static const struct key metric_keys[] = {
    {.name = "path", .type = KEY_STR},      {.name = "labels", .type = KEY_STR_MAP},
    {.name = "states", .type = KEY_STRS},   {.name = "label", .type = KEY_STR},
    {.name = "time", .type = KEY_STR},      {.name = "age", .type = KEY_BOOL},
    {.name = "unit", .type = KEY_STR},      {.name = "scale", .type = KEY_NUMBER},
    {.name = "where", .type = KEY_STR_MAP}, {.name = "where_not", .type = KEY_STR_MAP},
    {.name = "count_by", .type = KEY_STRS}, {.name = "first_seen", .type = KEY_STR},
    {.name = "once", .type = KEY_STR},      {.name = "present", .type = KEY_BOOL},
    {.name = "type", .type = KEY_STR},      {.name = "help", .type = KEY_STR},
    {.name = "leaves", .type = KEY_BOOL},   {.name = "ok", .type = KEY_BOOL},
};
SCHEMA(metric, "a metric of collect.json");

static const struct key expect_keys[] = {
    {.name = "path", .type = KEY_STR},
    {.name = "equals", .type = KEY_STR},
    {.name = "matches", .type = KEY_STR},
};
SCHEMA(expect, "expect");

static const struct key json_keys[] = {
    {.name = "url", .type = KEY_URL},
    {.name = "file", .type = KEY_STR},
    {.name = "follow", .type = KEY_BOOL},
    {.name = "time", .type = KEY_STR},
    {.name = "method", .type = KEY_STR},
    {.name = "body", .type = KEY_STR},
    {.name = "timezone", .type = KEY_STR},
    {.name = "metrics", .type = KEY_MAP},
    {.name = "expect", .type = KEY_MAPS, .sub = &expect},
};

static void check_json(const struct yaml *map, struct schema_check *c)
{
    const struct yaml *metrics = yaml_get(map, "metrics");

    for (size_t i = 0; metrics && metrics->kind == YAML_MAP && i < metrics->n; i++)
        if (metrics->pairs[i].value.kind == YAML_MAP)
            schema_check(&metric, &metrics->pairs[i].value, c);
}

const struct schema schema_entry_json = {.what = "collect.json",
                                         .keys = json_keys,
                                         .n = ARRAY_LEN(json_keys),
                                         .also = &schema_http_entry,
                                         .check = check_json};
