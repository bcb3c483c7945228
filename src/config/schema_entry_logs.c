/* The keys of collect.logs. What spans several of them is told by entry_logs.c. */
#include "config/schema.h"

static const struct key histogram_keys[] = {
    {.name = "metric", .type = KEY_STR},  {.name = "field", .type = KEY_STR},
    {.name = "unit", .type = KEY_STR},    {.name = "buckets", .type = KEY_ANY},
    {.name = "labels", .type = KEY_STRS},
};
SCHEMA(histogram, "a histogram of collect.logs");

static const struct key counter_keys[] = {
    {.name = "metric", .type = KEY_STR},
    {.name = "labels", .type = KEY_STRS},
};
SCHEMA(counter, "a counter of collect.logs");

static const struct key job_keys[] = {
    {.name = "took", .type = KEY_STR},
    {.name = "unit", .type = KEY_STR},
    {.name = "id", .type = KEY_STR},
    {.name = "model", .type = KEY_STR},
};
SCHEMA(job, "a job of collect.logs");

static const struct key pattern_keys[] = {
    {.name = "event", .type = KEY_STR},
    {.name = "match", .type = KEY_ANY},
    {.name = "severity", .type = KEY_STR},
    {.name = "value", .type = KEY_ANY},
    {.name = "histogram", .type = KEY_MAP, .sub = &histogram},
    {.name = "counter", .type = KEY_MAP, .sub = &counter},
    {.name = "job", .type = KEY_MAP, .sub = &job},
    {.name = "all", .type = KEY_BOOL},
    {.name = "continue", .type = KEY_BOOL},
};
SCHEMA(pattern, "a pattern of collect.logs");

static const struct key logs_keys[] = {
    {.name = "path", .type = KEY_STR},
    {.name = "unit", .type = KEY_STR},
    {.name = "container", .type = KEY_STR},
    {.name = "syslog", .type = KEY_STR},
    {.name = "format", .type = KEY_STR},
    {.name = "time", .type = KEY_STR},
    {.name = "timezone", .type = KEY_STR},
    {.name = "store", .type = KEY_BOOL},
    {.name = "multiline", .type = KEY_REGEX},
    {.name = "start", .type = KEY_STR},
    {.name = "exclude", .type = KEY_REGEX},
    {.name = "patterns", .type = KEY_MAPS, .sub = &pattern},
    {.name = "levels", .type = KEY_STR_MAP},
    {.name = "max_line", .type = KEY_SIZE},
};

const struct schema schema_entry_logs = {
    .what = "collect.logs", .keys = logs_keys, .n = ARRAY_LEN(logs_keys), .also = &schema_entry};
