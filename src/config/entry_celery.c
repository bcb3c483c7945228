/* An entry of collect.celery, which schema_check has seen. */
#include "collect/celery/celery_settings.h"
#include "collect/entry_settings.h"
#include "config/internal.h"
#include "text/redis_url.h"

static const char *const default_queues[] = {"celery"};

const void *entry_read_celery(struct config_builder *b, const struct yaml *node,
                              struct entry_settings *entry)
{
    struct celery_settings *s = builder_array(b, 1, sizeof *s);
    struct redis_url url = {.host = NULL};

    if (!s)
        return NULL;
    s->broker.url = client_read_secret_of(b, node, "broker", "broker_file");
    s->broker.tls = client_read_tls(b, yaml_get(node, "tls_config"));
    if (entry_read_redis_url(b, node, "broker_file", &s->broker.url, &url)) {
        entry->name = entry->instance = redis_url_place(b->arena, &url, &b->err);
        b->failed |= !entry->name;
    }
    s->queues = builder_texts(b, yaml_get(node, "queues"), builder_item, &s->queues_n);
    if (s->queues_n == 0) {
        s->queues = default_queues;
        s->queues_n = ARRAY_LEN(default_queues);
    }
    return s;
}
