/* An entry of collect.json: which values of an answer become which series. */
#include <stdlib.h>
#include <string.h>

#include "collect/json/json_settings.h"
#include "config/internal.h"
#include "config/schema.h"
#include "model/labels.h"
#include "text/regex.h"

/* One metric while it is read. */
struct reader {
    struct config_builder *b;
    const struct yaml *node; /* of the metric: a text or a map */
    struct json_metric *metric;
};

static bool read_path(struct config_builder *b, const struct yaml *node, struct json_path *out)
{
    struct err err;

    if (json_path_parse(b->arena, node->text, out, &err) == 0)
        return true;
    yaml_error_from(&b->errors, node, &err);
    return false;
}

/* From the element on, with its leading dot or without; to one value. */
static bool read_field(struct config_builder *b, const struct yaml *node, struct json_path *out)
{
    if (!read_path(b, node, out))
        return false;
    if (!out->stars)
        return true;
    yaml_error(&b->errors, node, "\"%.*s\" leads to many values; a field has no *",
               STR_ARGS(str_take(node->text, 100)));
    return false;
}

/* ---- labels ---- */

static bool is_label_name(const struct reader *r, const struct yaml *at, struct str name)
{
    if (name_is_legacy_label(name) && !str_starts(name, STR("__")))
        return true;
    yaml_error(&r->b->errors, at,
               "\"%.*s\" is no name of a label: letters, digits and _, no digit or __ in front",
               STR_ARGS(str_take(name, 100)));
    return false;
}

/* $1, $2 ...: which * of the path; SIZE_MAX: it is no such text. */
static size_t star_of(struct str text)
{
    return text.n == 2 && text.p[0] == '$' && text.p[1] >= '1' && text.p[1] <= '9'
               ? (size_t)(text.p[1] - '1')
               : SIZE_MAX;
}

static void read_label(const struct reader *r, const struct yaml_pair *pair, struct json_label *out)
{
    struct str text = pair->value.text;
    size_t stars = r->metric->path.stars;

    *out = (struct json_label){.name = pair->key.text, .took = star_of(text)};
    if (!is_label_name(r, &pair->key, pair->key.text))
        return;
    if (out->took != SIZE_MAX) {
        out->from = JSON_LABEL_TOOK;
        if (out->took >= stars)
            yaml_error(&r->b->errors, &pair->value,
                       "%.*s is what * number %zu of the path took; \"%.*s\" has %zu",
                       STR_ARGS(text), out->took + 1, STR_ARGS(str_take(r->metric->path.text, 100)),
                       stars);
    } else if (str_starts(text, STR("."))) {
        out->from = JSON_LABEL_FIELD;
        (void)read_field(r->b, &pair->value, &out->field);
    } else if (str_starts(text, STR("$"))) {
        yaml_error(&r->b->errors, &pair->value,
                   "expected $1 to $9, .field or a text, found \"%.*s\"",
                   STR_ARGS(str_take(text, 100)));
    } else {
        out->text = text;
    }
}

/* What the last member of a field is called. */
static struct str last_name(const struct json_path *field)
{
    for (size_t i = field->n; i > 0; i--)
        if (field->steps[i - 1].kind == JSON_STEP_MEMBER)
            return field->steps[i - 1].name;
    return STR("");
}

static void read_count_field(const struct reader *r, const struct yaml *node,
                             struct json_label *out)
{
    *out = (struct json_label){.from = JSON_LABEL_FIELD};
    if (!read_field(r->b, node, &out->field))
        return;
    out->name = last_name(&out->field);
    (void)is_label_name(r, node, out->name);
}

static bool is_label_taken(const struct json_metric *m, size_t n, struct str name)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(m->labels[i].name, name))
            return true;
    return m->take == JSON_TAKE_STATES && str_eq(name, STR("state"));
}

static void check_labels(const struct reader *r)
{
    const struct json_metric *m = r->metric;

    for (size_t i = 0; i < m->labels_n; i++)
        if (is_label_taken(m, i, m->labels[i].name))
            yaml_error(&r->b->errors, r->node, "%.*s: the label \"%.*s\" is given twice",
                       STR_ARGS(m->name), STR_ARGS(str_take(m->labels[i].name, 60)));
    if (m->take == JSON_TAKE_LABEL && is_label_taken(m, m->labels_n, m->label))
        yaml_error(&r->b->errors, r->node, "%.*s: the label \"%.*s\" is given twice",
                   STR_ARGS(m->name), STR_ARGS(str_take(m->label, 60)));
}

static void read_labels(const struct reader *r)
{
    const struct yaml *map = yaml_get(r->node, "labels"), *fields = yaml_get(r->node, "count_by");
    size_t map_n = map && map->kind == YAML_MAP ? map->n : 0;
    size_t fields_n = fields && fields->kind == YAML_LIST ? fields->n : 0;
    struct json_label *labels;

    if (map_n + fields_n > JSON_LABELS_MAX) {
        yaml_error(&r->b->errors, r->node, "%.*s: more than %d labels", STR_ARGS(r->metric->name),
                   JSON_LABELS_MAX);
        return;
    }
    labels = builder_array(r->b, map_n + fields_n, sizeof *labels);
    if (!labels)
        return;
    for (size_t i = 0; i < map_n; i++)
        read_label(r, &map->pairs[i], &labels[i]);
    for (size_t i = 0; i < fields_n; i++)
        read_count_field(r, &fields->items[i], &labels[map_n + i]);
    r->metric->labels = labels;
    r->metric->labels_n = map_n + fields_n;
    check_labels(r);
}

/* ---- which elements ---- */

static bool read_pattern(struct config_builder *b, const struct yaml *node, struct str *out)
{
    struct regex *regex;
    struct err err;

    if (regex_new(node->text, true, &regex, &err) < 0) {
        yaml_error(&b->errors, node, "%s", err.text);
        return false;
    }
    regex_free(regex);
    *out = node->text;
    return true;
}

static size_t pairs_of(const struct yaml *map)
{
    return map && map->kind == YAML_MAP ? map->n : 0;
}

static void add_matches(const struct reader *r, const struct yaml *map, bool excludes,
                        struct json_match *out)
{
    for (size_t i = 0; i < pairs_of(map); i++) {
        struct json_match *m = &out[r->metric->where_n];

        m->excludes = excludes;
        r->metric->where_n += read_field(r->b, &map->pairs[i].key, &m->field) &&
                              read_pattern(r->b, &map->pairs[i].value, &m->pattern);
    }
}

static void read_where(const struct reader *r)
{
    const struct yaml *where = yaml_get(r->node, "where");
    const struct yaml *where_not = yaml_get(r->node, "where_not");
    struct json_match *matches =
        builder_array(r->b, pairs_of(where) + pairs_of(where_not), sizeof *matches);

    if (!matches)
        return;
    r->metric->where = matches;
    add_matches(r, where, false, matches);
    add_matches(r, where_not, true, matches);
}

/* ---- what becomes of them ---- */

/* Keys of which one alone may say what a value becomes. */
static const struct {
    const char *key;
    enum json_take take;
} takes[] = {{"states", JSON_TAKE_STATES},  {"label", JSON_TAKE_LABEL},
             {"time", JSON_TAKE_TIME},      {"present", JSON_TAKE_PRESENT},
             {"count_by", JSON_TAKE_COUNT}, {"first_seen", JSON_TAKE_FIRST_SEEN},
             {"once", JSON_TAKE_ONCE},      {"unit", JSON_TAKE_NUMBER},
             {"scale", JSON_TAKE_NUMBER},   {"leaves", JSON_TAKE_LEAVES}};

static void read_take(const struct reader *r)
{
    const char *first = NULL;

    r->metric->take = JSON_TAKE_NUMBER;
    for (size_t i = 0; i < ARRAY_LEN(takes); i++) {
        const struct yaml *given = yaml_get(r->node, takes[i].key);

        if (!given || given->kind == YAML_NULL)
            continue;
        if (first)
            yaml_error(&r->b->errors, given, "%.*s: %s and %s exclude one another",
                       STR_ARGS(r->metric->name), first, takes[i].key);
        else
            r->metric->take = takes[i].take;
        first = takes[i].key;
    }
}

static void read_states(const struct reader *r)
{
    const struct yaml *list = yaml_get(r->node, "states");
    struct str *states;

    if (!list || list->kind != YAML_LIST)
        return;
    states = builder_array(r->b, list->n, sizeof *states);
    if (!states)
        return;
    for (size_t i = 0; i < list->n; i++) {
        states[i] = list->items[i].text;
        for (size_t k = 0; k < i; k++)
            if (str_eq(states[i], states[k]))
                yaml_error(&r->b->errors, &list->items[i], "the state \"%.*s\" is given twice",
                           STR_ARGS(str_take(states[i], 60)));
        if (str_eq(states[i], STR("unknown")) || states[i].n == 0)
            yaml_error(&r->b->errors, &list->items[i],
                       "write the states that are known; any other is \"unknown\"");
    }
    r->metric->states = states;
    r->metric->states_n = list->n;
    if (list->n == 0)
        yaml_error(&r->b->errors, list, "states: expected a list like [ready, loading, error]");
}

static void read_time(const struct reader *r)
{
    static const char *const words[] = {
        [JSON_TIME_ISO] = "iso", [JSON_TIME_UNIX] = "unix", [JSON_TIME_UNIX_MS] = "unix_ms"};
    const struct yaml *time = yaml_get(r->node, "time"), *age = yaml_get(r->node, "age");
    bool known = false;

    yaml_read_bool(age, "", &r->metric->age, &r->b->errors);
    if (r->metric->take != JSON_TAKE_TIME) {
        if (r->metric->age)
            yaml_error(&r->b->errors, age, "age needs time: iso, unix or unix_ms");
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (str_eq(time->text, str_c(words[i]))) {
            r->metric->time = (enum json_time)i;
            known = true;
        }
    }
    if (!known)
        yaml_error(&r->b->errors, time, "time: expected iso, unix or unix_ms, found \"%.*s\"",
                   STR_ARGS(str_take(time->text, 60)));
}

static void read_scale(const struct reader *r)
{
    static const struct {
        const char *word;
        double scale, per;
    } units[] = {{"KB", 1024, 1}, {"MB", 1048576, 1}, {"GB", 1073741824, 1}, {"ms", 1, 1e3},
                 {"us", 1, 1e6},  {"ns", 1, 1e9},     {"percent", 1, 1}};
    const struct yaml *unit = yaml_get(r->node, "unit");
    bool known = false;

    r->metric->scale = r->metric->per = 1;
    yaml_read_double(yaml_get(r->node, "scale"), "", &r->metric->scale, &r->b->errors);
    if (!unit || unit->kind != YAML_SCALAR)
        return;
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (str_eq(unit->text, str_c(units[i].word))) {
            r->metric->scale = units[i].scale;
            r->metric->per = units[i].per;
            known = true;
        }
    }
    if (!known)
        yaml_error(&r->b->errors, unit,
                   "unit: expected KB, MB, GB, ms, us, ns or percent, found \"%.*s\"; for others "
                   "there is scale: a number to multiply with",
                   STR_ARGS(str_take(unit->text, 60)));
}

static void read_id(const struct reader *r)
{
    const struct yaml *id =
        yaml_get(r->node, r->metric->take == JSON_TAKE_ONCE ? "once" : "first_seen");

    if (r->metric->take != JSON_TAKE_ONCE && r->metric->take != JSON_TAKE_FIRST_SEEN)
        return;
    if (!str_starts(id->text, STR(".")))
        yaml_error(&r->b->errors, id, "expected a field of the element like .id, found \"%.*s\"",
                   STR_ARGS(str_take(id->text, 60)));
    else
        (void)read_field(r->b, id, &r->metric->id);
}

static void read_type(const struct reader *r)
{
    struct str word = schema_text(r->node, "type");
    struct json_metric *m = r->metric;

    m->type = m->take == JSON_TAKE_ONCE ? METRIC_COUNTER : METRIC_GAUGE;
    if (word.n == 0)
        return;
    if (!str_eq(word, STR("gauge")) && !str_eq(word, STR("counter")))
        yaml_error(&r->b->errors, yaml_get(r->node, "type"),
                   "type: expected gauge or counter, found \"%.*s\"", STR_ARGS(str_take(word, 60)));
    else if (m->take == JSON_TAKE_ONCE && word.p[0] == 'g')
        yaml_error(&r->b->errors, yaml_get(r->node, "type"), "once makes a counter");
    else
        m->type = word.p[0] == 'g' ? METRIC_GAUGE : METRIC_COUNTER;
}

static void read_options(const struct reader *r)
{
    bool present = true;

    read_take(r);
    yaml_read_bool(yaml_get(r->node, "present"), "", &present, &r->b->errors);
    if (!present && r->metric->take == JSON_TAKE_PRESENT)
        r->metric->take = JSON_TAKE_NUMBER;
    read_states(r);
    r->metric->label = schema_text(r->node, "label");
    if (r->metric->take == JSON_TAKE_LABEL)
        (void)is_label_name(r, yaml_get(r->node, "label"), r->metric->label);
    read_labels(r);
    read_where(r);
    read_time(r);
    read_id(r);
    r->metric->help = schema_text(r->node, "help");
}

static void read_metric(struct config_builder *b, const struct yaml_pair *pair,
                        struct json_metric *out)
{
    struct reader r = {b, &pair->value, out};
    const struct yaml *path =
        pair->value.kind == YAML_MAP ? yaml_get(&pair->value, "path") : &pair->value;

    *out = (struct json_metric){.name = pair->key.text};
    if (!name_is_legacy_metric(out->name))
        yaml_error(&b->errors, &pair->key,
                   "\"%.*s\" is no name of a metric: letters, digits, _ and :, no digit in front",
                   STR_ARGS(str_take(out->name, 100)));
    if (!path || path->kind != YAML_SCALAR) {
        yaml_error(&b->errors, path ? path : &pair->key,
                   "%.*s: expected a path like a.b, or {path: a.b, ...}",
                   STR_ARGS(str_take(out->name, 100)));
        return;
    }
    if (!read_path(b, path, &out->path))
        return;
    if (out->path.relative)
        yaml_error(&b->errors, path, "the path of a metric begins at the top, without a dot");
    read_options(&r);
    read_scale(&r);
    read_type(&r);
}

/* ---- the entry ---- */

/* {ok: true}: it is of the status, and has no path. */
static bool is_ok(struct config_builder *b, const struct yaml *node)
{
    bool ok = false;

    yaml_read_bool(yaml_get(node, "ok"), "", &ok, &b->errors);
    for (size_t i = 0; ok && i < node->n; i++)
        if (!str_eq(node->pairs[i].key.text, STR("ok")) &&
            !str_eq(node->pairs[i].key.text, STR("help")))
            yaml_error(&b->errors, &node->pairs[i].key,
                       "ok: true is of the HTTP status; %.*s "
                       "does not go with it",
                       STR_ARGS(str_take(node->pairs[i].key.text, 60)));
    return ok;
}

static void read_metrics(struct config_builder *b, const struct yaml *node,
                         struct json_settings *out)
{
    const struct yaml *map = yaml_get(node, "metrics");
    struct json_metric *metrics;
    struct json_ok *oks;

    if (!map || map->kind != YAML_MAP)
        return;
    metrics = builder_array(b, map->n, sizeof *metrics);
    oks = builder_array(b, map->n, sizeof *oks);
    if (!metrics || !oks)
        return;
    out->metrics = metrics;
    out->oks = oks;
    for (size_t i = 0; i < map->n; i++) {
        const struct yaml_pair *pair = &map->pairs[i];

        if (is_ok(b, &pair->value))
            oks[out->oks_n++] = (struct json_ok){pair->key.text, schema_text(&pair->value, "help")};
        else
            read_metric(b, pair, &metrics[out->metrics_n++]);
    }
}

static void read_expect(struct config_builder *b, const struct yaml *node,
                        struct json_settings *out)
{
    const struct yaml *list = yaml_get(node, "expect");
    size_t n = list && list->kind == YAML_LIST ? list->n : 0;
    struct json_expect *all = builder_array(b, n, sizeof *all);

    if (!all)
        return;
    out->expect = all;
    for (size_t i = 0; i < n; i++) {
        const struct yaml *path = yaml_get(&list->items[i], "path");
        const struct yaml *equals = yaml_get(&list->items[i], "equals");
        const struct yaml *matches = yaml_get(&list->items[i], "matches");
        struct json_expect *e = &all[out->expect_n];

        if (!path || !equals == !matches) {
            yaml_error(&b->errors, &list->items[i],
                       "expect: needs path, and one of equals and matches");
            continue;
        }
        e->is_pattern = matches;
        e->text = schema_text(&list->items[i], matches ? "matches" : "equals");
        out->expect_n +=
            read_field(b, path, &e->path) && (!matches || read_pattern(b, matches, &e->text));
    }
}

/* What belongs to a URL makes no sense for a file, and the other way round. */
static void check_source(struct config_builder *b, const struct yaml *node)
{
    static const char *const of_url[] = {"method", "body", "headers"};
    static const char *const of_file[] = {"follow", "time"};
    bool url = schema_gives(node, "url"), file = schema_gives(node, "file");

    if (url == file)
        yaml_error(&b->errors, url ? yaml_get(node, "file") : node,
                   "collect.json: needs either url or file%s", url ? ", not both" : "");
    for (size_t i = 0; !url && file && i < ARRAY_LEN(of_url); i++)
        if (schema_has(node, of_url[i]))
            yaml_error(&b->errors, yaml_get(node, of_url[i]), "%s belongs to url, not to file",
                       of_url[i]);
    for (size_t i = 0; url && !file && i < ARRAY_LEN(of_file); i++)
        if (schema_has(node, of_file[i]))
            yaml_error(&b->errors, yaml_get(node, of_file[i]), "%s belongs to file, not to url",
                       of_file[i]);
    if (!schema_has(node, "metrics") && !schema_has(node, "expect"))
        yaml_error(&b->errors, node, "collect.json: needs metrics, or expect");
}

static void read_file(struct config_builder *b, const struct yaml *node, struct json_settings *out)
{
    const struct yaml *time = yaml_get(node, "time");

    out->file = schema_gives(node, "file") ? builder_path(b, yaml_get(node, "file")) : NULL;
    out->follow = true;
    yaml_read_bool(yaml_get(node, "follow"), "", &out->follow, &b->errors);
    if (time && time->kind == YAML_SCALAR)
        out->has_time = read_field(b, time, &out->time);
    if (out->file && out->follow && schema_has(node, "expect"))
        yaml_error(&b->errors, yaml_get(node, "expect"),
                   "expect belongs to url, or to a file with follow: false");
}

const void *entry_read_json(struct config_builder *b, const struct yaml *node,
                            struct entry_settings *entry)
{
    struct json_settings *s = builder_array(b, 1, sizeof *s);

    if (!s)
        return NULL;
    check_source(b, node);
    entry->url = builder_text(b, node, "url", NULL);
    entry->method = builder_method(b, node, NULL);
    entry->body = builder_text(b, node, "body", NULL);
    entry->instance = entry->url ? entry_instance_of(b, str_c(entry->url)) : NULL;
    entry->endpoint_on_samples = true;
    entry->name = entry->url ? entry->instance : builder_text(b, node, "file", "");
    s->name = builder_text(b, node, "name", entry->name);
    read_file(b, node, s);
    read_metrics(b, node, s);
    read_expect(b, node, s);
    s->zone = builder_zone(b, yaml_get(node, "timezone"));
    return s;
}
