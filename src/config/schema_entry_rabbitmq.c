/* The keys of an entry of collect.rabbitmq. */
#include "base/err.h"
#include "config/schema.h"
#include "text/regex.h"

static const struct key rabbitmq_keys[] = {
    {.name = "url", .type = KEY_URL},
    {.name = "queues", .type = KEY_STR},
    {.name = "vhost", .type = KEY_STR},
};

static void check_pattern(const struct yaml *map, const char *key, struct schema_check *c)
{
    const struct yaml *node = yaml_get(map, key);
    struct regex *regex;
    struct err err;

    if (!node || node->kind != YAML_SCALAR)
        return;
    if (regex_new(node->text, true, &regex, &err) < 0)
        yaml_error(c->errors, node, "%s: %s", key, err.text);
    else
        regex_free(regex);
}

static void check_rabbitmq(const struct yaml *map, struct schema_check *c)
{
    check_pattern(map, "queues", c);
    check_pattern(map, "vhost", c);
}

const struct schema schema_entry_rabbitmq = {.what = "collect.rabbitmq",
                                             .keys = rabbitmq_keys,
                                             .n = ARRAY_LEN(rabbitmq_keys),
                                             .also = &schema_http_entry,
                                             .check = check_rabbitmq};
