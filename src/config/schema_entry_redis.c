/* The keys of an entry of collect.redis. */
#include "base/arena.h"
#include "base/err.h"
#include "collect/redis/redis_settings.h"
#include "config/schema.h"
#include "text/number.h"
#include "text/redis_url.h"

static const struct key redis_keys[] = {
    {.name = "url", .type = KEY_STR},
    {.name = "url_file", .type = KEY_STR},
    {.name = "username", .type = KEY_STR},
    {.name = "password", .type = KEY_STR},
    {.name = "password_file", .type = KEY_STR},
    {.name = "tls_config", .type = KEY_MAP, .sub = &schema_tls_config},
    {.name = "keys", .type = KEY_STRS},
    {.name = "key_patterns", .type = KEY_STRS},
    {.name = "first", .type = KEY_ANY},
    {.name = "commandstats", .type = KEY_BOOL},
    {.name = "latency", .type = KEY_BOOL},
};

static void check_url(const struct yaml *map, struct schema_check *c)
{
    const struct yaml *node = yaml_get(map, "url");
    struct redis_url url = {.host = NULL};
    struct err err;

    if (!node || node->kind != YAML_SCALAR)
        return;
    if (redis_url_parse(c->errors->arena, node->text, &url, &err) < 0)
        yaml_error(c->errors, node, "url: %s", err.text);
    else if (url.password && (schema_gives(map, "password") || schema_gives(map, "password_file")))
        yaml_error(c->errors, node, "a password is given twice: in url and beside it");
    else if (schema_has(map, "tls_config") && !url.tls)
        yaml_error(c->errors, yaml_get(map, "tls_config"),
                   "tls_config means nothing without TLS: write rediss:// in url");
}

/* "db3=name" with a number that no database has. */
static void check_key(const struct yaml *node, struct schema_check *c)
{
    struct str rest = node->text, db = str_split(&rest, '=');
    size_t digits = 0;
    unsigned number;

    while (digits + 2 < db.n && db.p[digits + 2] >= '0' && db.p[digits + 2] <= '9')
        digits++;
    if (node->text.n == 0)
        yaml_error(c->errors, node, "a key without a name");
    else if (rest.p && str_starts(db, STR("db")) && digits > 0 && digits + 2 == db.n &&
             (rest.n == 0 || !redis_url_parse_db(str_skip(db, 2), &number)))
        yaml_error(c->errors, node, "a key in a database is written db3=name, up to db%u",
                   REDIS_URL_DB_MAX);
}

static void check_keys(const struct yaml *list, struct schema_check *c)
{
    for (size_t i = 0; list && list->kind == YAML_LIST && i < list->n; i++)
        check_key(&list->items[i], c);
}

static void check_first(const struct yaml *map, struct schema_check *c)
{
    int64_t n;

    if (map && map->kind != YAML_MAP && map->kind != YAML_NULL)
        yaml_error(c->errors, map, "first: want a map of a key to how many, as {llm_tasks: 10}");
    for (size_t i = 0; map && map->kind == YAML_MAP && i < map->n; i++) {
        const struct yaml *value = &map->pairs[i].value;

        check_key(&map->pairs[i].key, c);
        if (value->kind != YAML_SCALAR || !number_parse_i64(value->text, &n) || n < 1 ||
            n > REDIS_FIRST_MAX)
            yaml_error(c->errors, value, "first: want how many entries, from 1 to %d",
                       REDIS_FIRST_MAX);
    }
}

static void check_redis(const struct yaml *map, struct schema_check *c)
{
    if (!schema_gives(map, "url") && !schema_gives(map, "url_file"))
        yaml_error(c->errors, map, "collect.redis: url is missing; write redis://127.0.0.1:6379");
    if (schema_gives(map, "url") && schema_gives(map, "url_file"))
        yaml_error(c->errors, yaml_get(map, "url_file"), "give url or url_file, not both");
    if (schema_gives(map, "password") && schema_gives(map, "password_file"))
        yaml_error(c->errors, yaml_get(map, "password_file"),
                   "give password or password_file, not both");
    check_url(map, c);
    check_keys(yaml_get(map, "keys"), c);
    check_keys(yaml_get(map, "key_patterns"), c);
    check_first(yaml_get(map, "first"), c);
}

const struct schema schema_entry_redis = {.what = "collect.redis",
                                          .keys = redis_keys,
                                          .n = ARRAY_LEN(redis_keys),
                                          .also = &schema_entry,
                                          .check = check_redis};
