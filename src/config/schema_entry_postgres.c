/* The keys of an entry of collect.postgres. */
#include "config/schema.h"
#include "model/labels.h"
#include "text/url.h"

static const struct key query_keys[] = {
    {.name = "name", .type = KEY_STR},          {.name = "sql", .type = KEY_STR},
    {.name = "interval", .type = KEY_DURATION}, {.name = "labels", .type = KEY_STRS},
    {.name = "values", .type = KEY_STR_MAP},
};

static bool lists(const struct yaml *labels, struct str column)
{
    for (size_t i = 0; labels && i < labels->n; i++)
        if (str_eq(labels->items[i].text, column))
            return true;
    return false;
}

static void check_labels(const struct yaml *labels, struct schema_check *c)
{
    for (size_t i = 0; labels && labels->kind == YAML_LIST && i < labels->n; i++) {
        struct str name = labels->items[i].text;

        if (!name_is_legacy_label(name) || str_starts(name, STR("__")))
            yaml_error(c->errors, &labels->items[i],
                       "queries: labels: \"%.*s\" is no name for a label; give the column another "
                       "one in the SQL (AS name)",
                       STR_ARGS(name));
    }
}

static void check_values(const struct yaml *map, struct schema_check *c)
{
    const struct yaml *values = yaml_get(map, "values"), *labels = yaml_get(map, "labels");

    if (!values || values->kind != YAML_MAP || values->n == 0) {
        yaml_error(c->errors, values ? values : map,
                   "queries: values is missing: name the columns that are numbers, like "
                   "values: {waiting: gauge, done: counter}");
        return;
    }
    for (size_t i = 0; i < values->n; i++) {
        const struct yaml *column = &values->pairs[i].key, *type = &values->pairs[i].value;

        if (!str_eq(type->text, STR("gauge")) && !str_eq(type->text, STR("counter")))
            yaml_error(c->errors, type, "queries: values: write gauge or counter");
        if (!name_is_legacy_label(column->text))
            yaml_error(c->errors, column,
                       "queries: values: \"%.*s\" is no name for a metric; give the column another "
                       "one in the SQL (AS name)",
                       STR_ARGS(column->text));
        if (lists(labels, column->text))
            yaml_error(c->errors, column, "queries: %.*s is both a label and a value",
                       STR_ARGS(column->text));
    }
}

static void check_query(const struct yaml *map, struct schema_check *c)
{
    const struct yaml *name = yaml_get(map, "name");

    if (!schema_gives(map, "name"))
        yaml_error(c->errors, map, "queries: name is missing: the metrics are pg_<name>_<column>");
    else if (!name_is_legacy_label(name->text))
        yaml_error(c->errors, name, "queries: name: letters, digits and _ only");
    if (!schema_gives(map, "sql"))
        yaml_error(c->errors, map, "queries: sql is missing");
    check_labels(yaml_get(map, "labels"), c);
    check_values(map, c);
}
SCHEMA(query, "queries of collect.postgres", .check = check_query);

static const struct key postgres_keys[] = {
    {.name = "url", .type = KEY_STR},
    {.name = "url_file", .type = KEY_STR},
    {.name = "password", .type = KEY_STR},
    {.name = "password_file", .type = KEY_STR},
    {.name = "databases", .type = KEY_ANY}, /* auto or names: check_databases */
    {.name = "user_tables", .type = KEY_BOOL},
    {.name = "max_tables", .type = KEY_INT},
    {.name = "statements", .type = KEY_BOOL},
    {.name = "statement_timeout", .type = KEY_DURATION},
    {.name = "queries", .type = KEY_MAPS, .sub = &query},
};

static void exclude(const struct yaml *map, const char *a, const char *b, struct schema_check *c)
{
    if (schema_gives(map, a) && schema_gives(map, b))
        yaml_error(c->errors, yaml_get(map, b), "collect.postgres: %s and %s; give one of them", a,
                   b);
}

static void check_databases(const struct yaml *node, struct schema_check *c)
{
    bool sound = !node || node->kind == YAML_NULL || node->kind == YAML_LIST ||
                 (node->kind == YAML_SCALAR && str_eq(node->text, STR("auto")));

    for (size_t i = 0; sound && node && node->kind == YAML_LIST && i < node->n; i++)
        sound = node->items[i].kind == YAML_SCALAR && node->items[i].text.n > 0;
    if (!sound)
        yaml_error(c->errors, node, "databases: write auto, or a list of names like [shop, mail]");
}

/* A password in the query would be shown with the configuration: only that before the '@' is known
 * as one. */
static void check_url(const struct yaml *map, struct schema_check *c)
{
    const struct yaml *node = yaml_get(map, "url");
    struct str key, value;
    struct err err;
    struct url u;

    if (!schema_gives(map, "url")) {
        if (!schema_gives(map, "url_file"))
            yaml_error(c->errors, map,
                       "collect.postgres: url is missing; write "
                       "url: 'postgresql://user@127.0.0.1:5432/postgres'");
        return;
    }
    if (url_split(node->text, &u, &err) < 0) {
        yaml_error(c->errors, node, "url: %s", err.text);
        return;
    }
    if (!str_eq(u.scheme, STR("postgresql")) && !str_eq(u.scheme, STR("postgres")))
        yaml_error(c->errors, node, "url: a URL of PostgreSQL begins with postgresql://");
    if (u.host.n && memchr(u.host.p, ',', u.host.n))
        yaml_error(c->errors, node, "url: more than one host; write an entry for each server");
    if (u.password.p && (schema_gives(map, "password") || schema_gives(map, "password_file")))
        yaml_error(c->errors, node, "url: it holds a password, and there is another one beside it");
    while (url_next_param(&u.query, &key, &value))
        if (str_eq(key, STR("password")) || str_eq(key, STR("sslpassword")))
            yaml_error(c->errors, node, "url: write the password in password or password_file");
}

static void check_times(const struct yaml *map, struct schema_check *c)
{
    const struct yaml *node = yaml_get(map, "statement_timeout");
    int64_t ms = 1;

    yaml_read_duration(node, "statement_timeout", &ms, c->errors);
    if (ms < 1)
        yaml_error(c->errors, node, "statement_timeout: at least 1ms");
}

static void check_names(const struct yaml *queries, struct schema_check *c)
{
    for (size_t i = 0; queries && queries->kind == YAML_LIST && i < queries->n; i++)
        for (size_t k = 0; k < i; k++)
            if (schema_gives(&queries->items[i], "name") &&
                str_eq(schema_text(&queries->items[i], "name"),
                       schema_text(&queries->items[k], "name")))
                yaml_error(c->errors, yaml_get(&queries->items[i], "name"),
                           "queries: two are called \"%.*s\"",
                           STR_ARGS(schema_text(&queries->items[i], "name")));
}

static void check_postgres(const struct yaml *map, struct schema_check *c)
{
    exclude(map, "url", "url_file", c);
    exclude(map, "password", "password_file", c);
    check_url(map, c);
    check_databases(yaml_get(map, "databases"), c);
    check_times(map, c);
    check_names(yaml_get(map, "queries"), c);
}

const struct schema schema_entry_postgres = {.what = "collect.postgres",
                                             .keys = postgres_keys,
                                             .n = ARRAY_LEN(postgres_keys),
                                             .also = &schema_entry,
                                             .check = check_postgres};
