/* How the targets of a job are asked: the keys that all HTTP clients of a prometheus.yml share. */
#include "base/err.h"
#include "config/internal.h"
#include "http/client_settings.h"

const struct client_settings *client_read(struct config_builder *b, const struct yaml *map)
{
    struct client_settings *c = arena_new(b->arena, struct client_settings, &b->err);

    if (!c) {
        b->failed = true;
        return NULL;
    }
    c->follow_redirects = c->compression = true;
    yaml_read_bool(yaml_get(map, "follow_redirects"), "", &c->follow_redirects, &b->errors);
    yaml_read_bool(yaml_get(map, "enable_compression"), "", &c->compression, &b->errors);
    return c;
}
