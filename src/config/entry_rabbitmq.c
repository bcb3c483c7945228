/* An entry of collect.rabbitmq, or a broker of collect.celery that is one: which URL is asked. */
#include "collect/rabbitmq/rabbitmq_settings.h"

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "collect/entry_settings.h"
#include "config/internal.h"
#include "text/url.h"

#define MANAGEMENT_PORT 15672
#define QUEUES          "/api/queues?columns=name,vhost,messages_ready,messages_unacknowledged,consumers"

/* scheme://host:port of a URL. */
static struct str base_of(struct str url)
{
    const char *host = url.n ? memmem(url.p, url.n, "://", 3) : NULL;
    size_t n = host ? (size_t)(host - url.p) + 3 : 0;

    while (n < url.n && !strchr("/?#", url.p[n]))
        n++;
    return str_take(url, n);
}

static const char *join(struct config_builder *b, struct str base, const char *path)
{
    const char *p = arena_printf(b->arena, &b->err, "%.*s%s", STR_ARGS(base), path);

    b->failed |= !p;
    return p;
}

static bool is_management(struct str url)
{
    struct url parts;
    struct err err;

    return url_split(url, &parts, &err) == 0 &&
           (parts.port == MANAGEMENT_PORT || str_starts(parts.path, STR("api")));
}

static struct str text_or_all(struct config_builder *b, const struct yaml *node, const char *key)
{
    return str_c(builder_text(b, node, key, ".*"));
}

const void *entry_read_rabbitmq(struct config_builder *b, const struct yaml *node,
                                struct entry_settings *entry)
{
    struct rabbitmq_settings *s = builder_array(b, 1, sizeof *s);
    struct str url = str_c(builder_text(b, node, "url", "http://127.0.0.1:15692"));
    struct str base = base_of(url);

    if (!s)
        return NULL;
    s->queues = text_or_all(b, node, "queues");
    s->vhost = text_or_all(b, node, "vhost");
    s->part = is_management(url) ? RABBITMQ_QUEUES : RABBITMQ_PLUGIN;
    entry->name = entry->instance = entry_instance_of(b, url);
    if (s->part == RABBITMQ_QUEUES) {
        entry->url = join(b, base, QUEUES);
        entry->endpoint = "/api/queues";
    } else {
        entry->url = url.n > base.n + 1 ? url.p : join(b, base, "/metrics/per-object");
    }
    return s;
}

const void *entry_rabbitmq_beside(struct config_builder *b, const struct yaml *node,
                                  const struct entry_settings *entry, size_t i, const char **url)
{
    const struct rabbitmq_settings *from = entry->own;
    struct str base = base_of(str_c(builder_text(b, node, "url", "")));
    struct rabbitmq_settings *s;

    if (!from || from->part != RABBITMQ_QUEUES || i > 1)
        return NULL;
    s = builder_array(b, 1, sizeof *s);
    if (!s)
        return NULL;
    *s = *from;
    s->part = i == 0 ? RABBITMQ_NODES : RABBITMQ_OVERVIEW;
    *url = join(b, base,
                i == 0 ? "/api/nodes?columns=name,mem_alarm,disk_free_alarm"
                       : "/api/overview?columns=object_totals");
    return s;
}

/* The path of the URL is the vhost; without one, queues of all vhosts are meant. /api is where the
 * management API itself is, and how others have it written. */
static struct str vhost_of(struct config_builder *b, struct str url)
{
    SCOPED(buf_fini) struct buf quoted;
    const char *vhost;
    struct url parts;
    struct err err;

    buf_init(&quoted, 0);
    if (url_split(url, &parts, &err) < 0 || parts.path.n == 0 || str_eq(parts.path, STR("api")) ||
        str_eq(parts.path, STR("api/")) || url_decode(b->arena, parts.path, &vhost, &err) < 0)
        return STR(".*");
    buf_addf(&quoted, "\\Q%s\\E", vhost);
    return str_c(builder_copy(b, buf_str(&quoted)));
}

const struct rabbitmq_settings *entry_celery_amqp(struct config_builder *b, struct str broker,
                                                  const char *const *queues, size_t queues_n,
                                                  struct entry_settings *entry)
{
    struct rabbitmq_settings *s = builder_array(b, 1, sizeof *s);

    if (!s)
        return NULL;
    *s = (struct rabbitmq_settings){.part = RABBITMQ_CELERY,
                                    .queues = STR(".*"),
                                    .vhost = vhost_of(b, broker),
                                    .celery = queues,
                                    .celery_n = queues_n};
    entry->url = join(b, base_of(broker), QUEUES);
    entry->name = entry->instance = entry_instance_of(b, broker);
    return s;
}
