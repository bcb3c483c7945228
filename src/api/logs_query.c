#include "api/logs_query.h"

#include "collect/logs/severity.h"
#include "logstore/batch.h"

static int read_level(const struct api_params *p, uint8_t *out, struct err *err)
{
    struct str level = api_param(p, "level");

    *out = 0;
    if (!level.n)
        return 0;
    *out = (uint8_t)severity_of(level);
    if (*out != SEVERITY_NONE)
        return 0;
    return err_set(err, ERR_SYNTAX,
                   "invalid parameter \"level\": \"%.*s\"; there are debug, info, warning, error "
                   "(or err) and critical",
                   STR_ARGS(str_take(level, 60)));
}

static int read_where(const struct api_params *p, struct arena *a, struct logstore_query *out,
                      struct err *err)
{
    struct logstore_where *where = arena_new_array(a, struct logstore_where, p->n + 1, err);

    if (!where)
        return -1;
    for (size_t i = 0; i < p->n; i++) {
        struct str value = p->items[i].value, name;

        if (!str_eq(p->items[i].name, STR("where")))
            continue;
        name = str_split(&value, '=');
        if (!value.p || !name.n)
            return err_set(err, ERR_SYNTAX,
                           "invalid parameter \"where\": expected NAME=VALUE, not \"%.*s\"",
                           STR_ARGS(str_take(name, 60)));
        where[out->where_n++] = (struct logstore_where){str_trim(name), value};
    }
    out->where = where;
    return 0;
}

int logs_query_read(const struct api_params *p, struct arena *a, struct logstore_query *out,
                    struct err *err)
{
    struct str text = api_param(p, "search");

    *out = (struct logstore_query){.start_ms = 0,
                                   .end_ms = TS_MS_MAX,
                                   .source = api_param(p, "source"),
                                   .event = api_param(p, "event")};
    if (api_param_bound(p, "start", &out->start_ms, err) < 0 ||
        api_param_bound(p, "end", &out->end_ms, err) < 0 || read_level(p, &out->level_min, err) < 0)
        return -1;
    if (text.n && words_read(text, &out->words, err) < 0)
        return api_invalid_param(err, "search");
    return read_where(p, a, out, err);
}

static void write_fields(struct str packed, struct json_writer *w)
{
    struct cursor c = cursor_of(packed.p, packed.n);
    struct logstore_field field;

    json_begin_object(w);
    while (packed_field_next(&c, &field)) {
        json_key_str(w, field.name);
        if (field.plain)
            json_raw(w, field.value);
        else
            json_str(w, field.value);
    }
    json_end_object(w);
}

void logs_write_line(const struct logstore_row *row, struct json_writer *w)
{
    json_begin_object(w);
    json_key(w, "time");
    api_write_rfc3339(w, row->time_ms);
    json_key(w, "source");
    json_str(w, row->source);
    json_key(w, "level");
    json_cstr(w, row->level < SEVERITIES ? severity_name((enum severity)row->level) : "critical");
    json_key(w, "event");
    json_str(w, row->event);
    json_key(w, "message");
    json_str(w, row->message);
    json_key(w, "fields");
    write_fields(row->fields, w);
    json_end_object(w);
}
