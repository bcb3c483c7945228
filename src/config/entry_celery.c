/* An entry of collect.celery, which schema_check has seen. */
#include <string.h>

#include "base/arena.h"
#include "collect/celery/celery_settings.h"
#include "collect/entry_settings.h"
#include "config/internal.h"
#include "config/schema.h"
#include "text/redis_url.h"

#define STUCK_AFTER_MS 900000

static const char *const default_queues[] = {"celery"};

const void *entry_read_celery(struct config_builder *b, const struct yaml *node,
                              struct entry_settings *entry)
{
    struct celery_settings *s = builder_array(b, 1, sizeof *s);
    struct redis_url url = {.host = NULL};

    if (!s)
        return NULL;
    s->queues = builder_texts(b, yaml_get(node, "queues"), builder_item, &s->queues_n);
    if (s->queues_n == 0) {
        s->queues = default_queues;
        s->queues_n = ARRAY_LEN(default_queues);
    }
    if (yaml_get(node, "broker") && str_starts(yaml_get(node, "broker")->text, STR("http"))) {
        s->amqp =
            entry_celery_amqp(b, yaml_get(node, "broker")->text, s->queues, s->queues_n, entry);
        return s;
    }
    s->broker.url = client_read_secret_of(b, node, "broker", "broker_file");
    s->broker.tls = client_read_tls(b, yaml_get(node, "tls_config"));
    if (entry_read_redis_url(b, node, "broker_file", &s->broker.url, &url)) {
        entry->name = entry->instance = redis_url_place(b->arena, &url, &b->err);
        b->failed |= !entry->name;
    }
    yaml_read_bool(yaml_get(node, "events"), "", &s->events, &b->errors);
    s->flower = schema_has(node, "flower");
    s->stuck_after_ms = STUCK_AFTER_MS;
    yaml_read_duration(yaml_get(node, "stuck_after"), "", &s->stuck_after_ms, &b->errors);
    return s;
}

const void *entry_celery_results(struct config_builder *b, const struct yaml *node,
                                 const char **place)
{
    struct redis_settings *s = builder_array(b, 1, sizeof *s);
    struct redis_key *pattern = builder_array(b, 1, sizeof *pattern);
    struct redis_url url = {.host = NULL};

    if (!s || !pattern || (!schema_has(node, "results") && !schema_has(node, "results_file")))
        return NULL;
    s->access.url = client_read_secret_of(b, node, "results", "results_file");
    s->access.tls = client_read_tls(b, yaml_get(node, "tls_config"));
    if (!entry_read_redis_url(b, node, "results_file", &s->access.url, &url))
        return NULL;
    *place = redis_url_place(b->arena, &url, &b->err);
    b->failed |= !*place;
    *pattern = (struct redis_key){.db = url.db, .name = "celery-task-meta-*"};
    s->patterns = pattern;
    s->patterns_n = 1;
    return s;
}

const char *entry_flower_url(struct config_builder *b, const struct yaml *node)
{
    const char *given = builder_text(b, node, "flower", NULL);

    return given ? entry_exposition_url(b, given) : NULL;
}
