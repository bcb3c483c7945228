/* collect.push: what comes in by itself. */
#include "collect/push/push_settings.h"

#include "config/internal.h"

void push_read(struct config_builder *b, const struct yaml *push)
{
    struct push_settings *s = &b->config->push;

    yaml_read_bool(yaml_get(push, "pushgateway"), "", &s->pushgateway, &b->errors);
    yaml_read_duration(yaml_get(push, "ttl"), "", &s->ttl_ms, &b->errors);
}
