/* collect.push and beacon: what comes in by itself. */
#include <string.h>

#include "base/err.h"
#include "collect/push/push_settings.h"
#include "config/internal.h"
#include "config/schema.h"

#define GRACE_MS      300000
#define NAME_MAX_     100
#define SESSIONS_MOST 100000 /* some 20 MB */

/* Letters, digits, '.', '_' and '-'. */
static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '.' || c == '_' || c == '-';

        if (!fits)
            return false;
    }
    return s.n > 0 && s.n <= NAME_MAX_;
}

/* ---- pings ---- */

static void read_rhythm(struct config_builder *b, const struct yaml *map, struct ping_settings *out)
{
    const struct yaml *every = yaml_get(map, "every"), *cron = yaml_get(map, "cron");
    struct err err;

    if (schema_gives(map, "every") == schema_gives(map, "cron")) {
        yaml_error(&b->errors, map, "ping: needs one of every and cron, like every: 1d");
        return;
    }
    yaml_read_duration(every, "", &out->every_ms, &b->errors);
    if (schema_gives(map, "every") && out->every_ms < 1000)
        yaml_error(&b->errors, every, "every: at least 1s");
    else if (schema_gives(map, "cron") && cron_parse(cron->text, &out->cron, &err) < 0)
        yaml_error(&b->errors, cron, "cron: %s", err.text);
}

static void read_ping(struct config_builder *b, const struct yaml *map, struct ping_settings *out)
{
    struct str name = schema_text(map, "name");

    out->name = builder_copy(b, name);
    out->grace_ms = GRACE_MS;
    if (!is_name(name))
        yaml_error(&b->errors, yaml_get(map, "name") ? yaml_get(map, "name") : map,
                   "ping: name: letters, digits, '.', '_' and '-', at most %d of them", NAME_MAX_);
    read_rhythm(b, map, out);
    yaml_read_duration(yaml_get(map, "grace"), "", &out->grace_ms, &b->errors);
}

static void read_pings(struct config_builder *b, const struct yaml *list, struct push_settings *s)
{
    size_t n = list && list->kind == YAML_LIST ? list->n : 0;
    struct ping_settings *all = builder_array(b, n, sizeof *all);

    if (!all)
        return;
    for (size_t i = 0; i < n; i++) {
        if (list->items[i].kind != YAML_MAP)
            continue;
        read_ping(b, &list->items[i], &all[s->pings_n]);
        for (size_t k = 0; k < s->pings_n; k++)
            if (strcmp(all[k].name, all[s->pings_n].name) == 0)
                yaml_error(&b->errors, &list->items[i], "ping: \"%s\" is there twice", all[k].name);
        s->pings_n++;
    }
    s->pings = all;
}

/* ---- beacons ---- */

static struct beacon_source *find_source(struct beacon_source *all, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(all[i].name, name) == 0)
            return &all[i];
    return NULL;
}

/* Of a pack its own instance, else the place that tells it from others of its kind. */
static const char *instance_of(const struct pack_use *use)
{
    const char *blank = use->id ? strchr(use->id, ' ') : NULL;

    return use->instance ? use->instance : blank ? blank + 1 : NULL;
}

/* The first of its name counts. One that stands in `sources` too is the pack all the same. */
static void add_pack(struct config_builder *b, const struct pack_use *use,
                     struct beacon_source *all, struct push_settings *s)
{
    struct beacon_source *source = find_source(all, s->sources_n, use->name);

    if (source && source->labels)
        return;
    if (!source)
        source = &all[s->sources_n++];
    source->name = use->name;
    source->instance = instance_of(use);
    source->labels = job_read_labels(b, yaml_get(use->options, "labels"));
}

static void read_sources(struct config_builder *b, const struct yaml *list, struct push_settings *s)
{
    const struct pack_uses *uses = &b->config->packs;
    size_t n = list && list->kind == YAML_LIST ? list->n : 0;
    struct beacon_source *all = builder_array(b, n + uses->n, sizeof *all);

    if (!all)
        return;
    for (size_t i = 0; i < n; i++) {
        const char *name = builder_item(b, &list->items[i]);
        bool begins = (name[0] | 32) >= 'a' && (name[0] | 32) <= 'z';

        if (!begins || !is_name(list->items[i].text))
            yaml_error(&b->errors, &list->items[i],
                       "sources: a name begins with a letter and has letters, digits, '.', '_' and "
                       "'-', at most %d of them",
                       NAME_MAX_);
        else if (!find_source(all, s->sources_n, name))
            all[s->sources_n++] = (struct beacon_source){.name = name, .named = true};
    }
    for (size_t i = 0; i < uses->n; i++)
        add_pack(b, &uses->items[i], all, s);
    s->sources = all;
}

/* "https://app.example:8443", as browsers write it. */
static bool is_origin(struct str s)
{
    struct str host = str_starts(s, STR("https://"))  ? str_skip(s, 8)
                      : str_starts(s, STR("http://")) ? str_skip(s, 7)
                                                      : STR("");

    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || (s.p[i] >= 'A' && s.p[i] <= 'Z'))
            return false;
    return host.n > 0 && !memchr(host.p, '/', host.n) && !memchr(host.p, '*', host.n) &&
           !memchr(host.p, '@', host.n);
}

static void read_beacon(struct config_builder *b, const struct yaml *map, struct push_settings *s)
{
    const struct yaml *list = yaml_get(map, "allowed_origins");
    int64_t sessions_max = (int64_t)s->sessions_max;

    s->origins = builder_texts(b, list, builder_item, &s->origins_n);
    for (size_t i = 0; i < s->origins_n; i++)
        if (strcmp(s->origins[i], "*") != 0 && !is_origin(list->items[i].text))
            yaml_error(&b->errors, &list->items[i],
                       "allowed_origins: expected * or an origin like https://app.example, in "
                       "lower case and without a path");
    yaml_read_i64(yaml_get(map, "sessions_max"), "sessions_max", 1, SESSIONS_MOST, &sessions_max,
                  &b->errors);
    s->sessions_max = (size_t)sessions_max;
}

void push_read(struct config_builder *b, const struct yaml *push, const struct yaml *beacon)
{
    struct push_settings *s = &b->config->push;

    yaml_read_bool(yaml_get(push, "pushgateway"), "", &s->pushgateway, &b->errors);
    yaml_read_duration(yaml_get(push, "ttl"), "", &s->ttl_ms, &b->errors);
    read_pings(b, yaml_get(push, "ping"), s);
    read_sources(b, yaml_get(push, "sources"), s);
    read_beacon(b, beacon, s);
}
