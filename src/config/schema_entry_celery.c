/* The keys of an entry of collect.celery. */
#include "base/arena.h"
#include "base/err.h"
#include "config/schema.h"
#include "text/redis_url.h"
#include "text/url.h"

static const struct key celery_keys[] = {
    {.name = "broker", .type = KEY_STR},
    {.name = "broker_file", .type = KEY_STR},
    {.name = "tls_config", .type = KEY_MAP, .sub = &schema_tls_config},
    {.name = "queues", .type = KEY_STRS},
    {.name = "events", .type = KEY_BOOL},
    {.name = "flower", .type = KEY_STR},
    {.name = "flower_auth", .type = KEY_STR},
    {.name = "flower_auth_file", .type = KEY_STR},
    {.name = "stuck_after", .type = KEY_DURATION},
    {.name = "results", .type = KEY_STR},
    {.name = "results_file", .type = KEY_STR},
};

static bool is_of(struct str url, const char *scheme)
{
    return str_starts(url, str_c(scheme));
}

/* A RabbitMQ: its queues are told, and no more. */
static void check_management(const struct yaml *map, const struct yaml *broker,
                             struct schema_check *c)
{
    bool events = false;
    struct url url;
    struct err err;

    if (url_split(broker->text, &url, &err) < 0)
        yaml_error(c->errors, broker, "broker: %s", err.text);
    yaml_read_bool(yaml_get(map, "events"), "", &events, c->errors);
    if (events)
        yaml_error(c->errors, yaml_get(map, "events"),
                   "events: true: workers are heard in a Redis only; give flower");
}

static void check_broker(const struct yaml *map, struct schema_check *c)
{
    const struct yaml *node = yaml_get(map, "broker");
    struct redis_url url = {.host = NULL};
    struct err err;

    if (!node || node->kind != YAML_SCALAR)
        return;
    if (is_of(node->text, "http://") || is_of(node->text, "https://"))
        check_management(map, node, c);
    else if (is_of(node->text, "amqp") || is_of(node->text, "pyamqp"))
        yaml_error(c->errors, node,
                   "broker: a RabbitMQ is asked by its management API: write "
                   "http://USER:PASSWORD@HOST:15672/VHOST");
    else if (is_of(node->text, "redis+socket://"))
        yaml_error(c->errors, node, "broker: a Unix socket is written unix:///PATH?db=0");
    else if (is_of(node->text, "sentinel://"))
        yaml_error(c->errors, node,
                   "broker: a Sentinel is not asked where its master is; write the master's "
                   "redis:// here");
    else if (redis_url_parse(c->errors->arena, node->text, &url, &err) < 0)
        yaml_error(c->errors, node, "broker: %s", err.text);
    else if (schema_has(map, "tls_config") && !url.tls)
        yaml_error(c->errors, yaml_get(map, "tls_config"),
                   "tls_config means nothing without TLS: write rediss:// in broker");
}

static void check_results(const struct yaml *map, struct schema_check *c)
{
    const struct yaml *node = yaml_get(map, "results");
    struct redis_url url;
    struct err err;

    if (node && redis_url_parse(c->errors->arena, node->text, &url, &err) < 0)
        yaml_error(c->errors, node, "results: %s", err.text);
}

static void check_celery(const struct yaml *map, struct schema_check *c)
{
    const struct yaml *queues = yaml_get(map, "queues");
    const struct yaml *flower = yaml_get(map, "flower");

    if (!schema_gives(map, "broker") && !schema_gives(map, "broker_file"))
        yaml_error(c->errors, map,
                   "collect.celery: broker is missing; write redis://127.0.0.1:6379/0");
    if (schema_gives(map, "results") && schema_gives(map, "results_file"))
        yaml_error(c->errors, yaml_get(map, "results_file"),
                   "give results or results_file, not both");
    check_results(map, c);
    if (schema_gives(map, "broker") && schema_gives(map, "broker_file"))
        yaml_error(c->errors, yaml_get(map, "broker_file"), "give broker or broker_file, not both");
    check_broker(map, c);
    if (schema_gives(map, "flower_auth") && schema_gives(map, "flower_auth_file"))
        yaml_error(c->errors, yaml_get(map, "flower_auth_file"),
                   "give flower_auth or flower_auth_file, not both");
    if (flower && !is_of(flower->text, "http://") && !is_of(flower->text, "https://"))
        yaml_error(c->errors, flower,
                   "flower: a URL, such as http://127.0.0.1:5555 (its /metrics is scraped)");
    for (size_t i = 0; queues && queues->kind == YAML_LIST && i < queues->n; i++)
        if (queues->items[i].text.n == 0)
            yaml_error(c->errors, &queues->items[i], "a queue without a name");
}

const struct schema schema_entry_celery = {.what = "collect.celery",
                                           .keys = celery_keys,
                                           .n = ARRAY_LEN(celery_keys),
                                           .also = &schema_entry,
                                           .check = check_celery};
