/* An entry of collect.redis, which schema_check has seen. */
#include "base/err.h"
#include "collect/entry_settings.h"
#include "collect/redis/redis_settings.h"
#include "config/internal.h"
#include "config/schema.h"
#include "sys/whole_file.h"
#include "text/number.h"
#include "text/redis_url.h"

#define URL_BYTES_MAX (16u << 20) /* as any file of a configuration */

bool entry_read_redis_url(struct config_builder *b, const struct yaml *node, const char *key_file,
                          const struct client_secret *from, struct redis_url *out)
{
    SCOPED(buf_fini) struct buf text;
    struct err err = {.kind = ERR_NONE};

    buf_init(&text, URL_BYTES_MAX);
    if (from->text)
        buf_adds(&text, from->text);
    else if (!from->file)
        return false; /* it was told that url is missing */
    else if (whole_file_read(from->file, &text, NULL, &err) < 0) {
        yaml_error(&b->errors, yaml_get(node, key_file), "%s: %s", key_file, err.text);
        return false;
    }
    if (redis_url_parse(b->arena, str_trim(buf_str(&text)), out, &err) == 0)
        return true;
    if (from->file)
        yaml_error(&b->errors, yaml_get(node, key_file), "%s: %s", key_file, err.text);
    return false; /* of a text, the schema has told it */
}

/* "name" in the URL's database, "db3=name" in another. */
static struct redis_key read_key(struct config_builder *b, struct str text, unsigned db)
{
    struct str rest = text, before = str_split(&rest, '=');
    struct redis_key key = {.db = db};

    if (rest.p && str_starts(before, STR("db")) && redis_url_parse_db(str_skip(before, 2), &key.db))
        key.name = builder_copy(b, rest);
    else
        key.name = builder_copy(b, text);
    return key;
}

static const struct redis_key *read_keys(struct config_builder *b, const struct yaml *list,
                                         unsigned db, size_t *n)
{
    struct redis_key *keys;

    *n = 0;
    if (!list || list->kind != YAML_LIST)
        return NULL;
    keys = builder_array(b, list->n, sizeof *keys);
    for (size_t i = 0; keys && i < list->n; i++)
        keys[(*n)++] = read_key(b, list->items[i].text, db);
    return keys;
}

static void read_first(struct config_builder *b, const struct yaml *map, unsigned db,
                       struct redis_settings *s)
{
    struct redis_first *first;

    if (!map || map->kind != YAML_MAP)
        return;
    s->first = first = builder_array(b, map->n, sizeof *first);
    for (size_t i = 0; first && i < map->n; i++) {
        int64_t n = 1;

        if (number_parse_i64(map->pairs[i].value.text, &n) && n > 0 && n <= REDIS_FIRST_MAX)
            first[s->first_n++] =
                (struct redis_first){read_key(b, map->pairs[i].key.text, db), (unsigned)n};
    }
}

const void *entry_read_redis(struct config_builder *b, const struct yaml *node,
                             struct entry_settings *entry)
{
    struct redis_settings *s = builder_array(b, 1, sizeof *s);
    struct redis_url url = {.host = NULL};

    if (!s)
        return NULL;
    s->access.url = client_read_secret_of(b, node, "url", "url_file");
    s->access.username.text = builder_text(b, node, "username", NULL);
    s->access.password = client_read_secret_of(b, node, "password", "password_file");
    s->access.tls = client_read_tls(b, yaml_get(node, "tls_config"));
    s->commandstats = s->latency = true;
    yaml_read_bool(yaml_get(node, "commandstats"), "", &s->commandstats, &b->errors);
    yaml_read_bool(yaml_get(node, "latency"), "", &s->latency, &b->errors);
    if (entry_read_redis_url(b, node, "url_file", &s->access.url, &url)) {
        entry->name = entry->instance = redis_url_place(b->arena, &url, &b->err);
        b->failed |= !entry->name;
    }
    s->keys = read_keys(b, yaml_get(node, "keys"), url.db, &s->keys_n);
    s->patterns = read_keys(b, yaml_get(node, "key_patterns"), url.db, &s->patterns_n);
    read_first(b, yaml_get(node, "first"), url.db, s);
    return s;
}
