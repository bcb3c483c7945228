/* An entry of collect.postgres becomes struct postgres_settings. */
#include "base/err.h"
#include "collect/entry_settings.h"
#include "collect/postgres/postgres_settings.h"
#include "config/internal.h"
#include "config/schema.h"
#include "sys/whole_file.h"
#include "text/url.h"

#define PORT                 5432
#define URL_BYTES_MAX        2048
#define MAX_TABLES           500
#define STATEMENT_TIMEOUT_MS 5000

static struct client_secret read_secret(struct config_builder *b, const struct yaml *map,
                                        const char *key, const char *key_file)
{
    struct client_secret s = {builder_text(b, map, key, NULL), NULL};

    if (schema_gives(map, key_file))
        s.file = builder_path(b, yaml_get(map, key_file));
    return s;
}

/* The file of an address is read at each connect; here it only says who the entry is. */
static void read_place(struct config_builder *b, const struct yaml *node,
                       const struct client_secret *address, struct entry_settings *entry)
{
    SCOPED(buf_fini) struct buf file;
    struct str text;
    struct err err;
    struct url u;

    buf_init(&file, URL_BYTES_MAX);
    if (address->file && whole_file_read(address->file, &file, NULL, &err) < 0) {
        yaml_error(&b->errors, yaml_get(node, "url_file"), "url_file: %s", err.text);
        return;
    }
    text = address->file ? str_trim(buf_str(&file)) : str_c(address->text ? address->text : "");
    if (url_split(text, &u, &err) < 0) {
        if (address->file)
            yaml_error(&b->errors, yaml_get(node, "url_file"), "url_file: %s", err.text);
        return; /* of a text schema_check has told */
    }
    url_take_place(&u);
    entry->instance = url_place(b->arena, &u, "localhost", PORT, &b->err);
    b->failed |= !entry->instance;
    entry->name = entry->instance;
}

static const struct postgres_value *read_values(struct config_builder *b, const struct yaml *map,
                                                size_t *n)
{
    struct postgres_value *values = builder_array(b, map->n, sizeof *values);

    for (size_t i = 0; values && i < map->n; i++)
        values[(*n)++] = (struct postgres_value){builder_copy(b, map->pairs[i].key.text),
                                                 str_eq(map->pairs[i].value.text, STR("counter"))};
    return values;
}

static const struct postgres_query *read_queries(struct config_builder *b, const struct yaml *list,
                                                 size_t *n)
{
    struct postgres_query *queries;

    if (!list || list->kind != YAML_LIST)
        return NULL;
    queries = builder_array(b, list->n, sizeof *queries);
    for (size_t i = 0; queries && i < list->n; i++) {
        const struct yaml *from = &list->items[i];
        struct postgres_query *q = &queries[(*n)++];

        q->name = builder_text(b, from, "name", "");
        q->sql = builder_text(b, from, "sql", "");
        yaml_read_duration(yaml_get(from, "interval"), "", &q->interval_ms, &b->errors);
        q->labels = builder_texts(b, yaml_get(from, "labels"), builder_item, &q->labels_n);
        q->values = read_values(b, yaml_get(from, "values"), &q->values_n);
    }
    return queries;
}

const void *entry_read_postgres(struct config_builder *b, const struct yaml *node,
                                struct entry_settings *entry)
{
    struct postgres_settings *s = builder_array(b, 1, sizeof *s);
    int64_t max_tables = MAX_TABLES;

    if (!s)
        return NULL;
    s->url = read_secret(b, node, "url", "url_file");
    s->password = read_secret(b, node, "password", "password_file");
    s->databases = builder_texts(b, yaml_get(node, "databases"), builder_item, &s->databases_n);
    s->user_tables = true;
    yaml_read_bool(yaml_get(node, "user_tables"), "", &s->user_tables, &b->errors);
    yaml_read_bool(yaml_get(node, "statements"), "", &s->statements, &b->errors);
    yaml_read_i64(yaml_get(node, "max_tables"), "", 0, INT32_MAX, &max_tables, &b->errors);
    s->max_tables = (size_t)max_tables;
    s->statement_timeout_ms = STATEMENT_TIMEOUT_MS;
    yaml_read_duration(yaml_get(node, "statement_timeout"), "", &s->statement_timeout_ms,
                       &b->errors);
    s->queries = read_queries(b, yaml_get(node, "queries"), &s->queries_n);
    read_place(b, node, &s->url, entry);
    return s;
}
