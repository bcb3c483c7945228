/* The entries of `packs`: what a person gave is checked, then put into the packs. */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "pack/options.h"
#include "pack/pack.h"
#include "pack/substitute.h"
#include "text/url.h"
#include "text/yaml.h"

#define NAMES_MAX 128

struct expansion {
    struct arena *arena;
    struct packs packs;
    struct yaml_errors *errors, *warnings;
    struct err *err;
};

/* One entry while it is made. */
struct making {
    struct expansion *x;
    const struct pack *pack;
    const struct yaml *at;    /* of its name */
    const struct yaml *given; /* a map; NULL: nothing */
    struct bindings bindings;
    const char *instance;
};

static int keep_text(struct expansion *x, const struct yaml *at, const char *text, struct yaml *out)
{
    *out = (struct yaml){.kind = YAML_SCALAR, .at = at->at, .file = at->file, .quoted = true};
    out->text = arena_str(x->arena, str_c(text), x->err);
    return out->text.p ? 0 : -1;
}

/* ---- what was given ---- */

static void unknown_pack(struct expansion *x, const struct yaml *name)
{
    const char *names[NAMES_MAX];
    SCOPED(buf_fini) struct buf list;
    const char *near;
    size_t n = 0;

    buf_init(&list, 0);
    for (; n < x->packs.n && n < NAMES_MAX; n++) {
        names[n] = x->packs.items[n].name;
        buf_addf(&list, "%s%s", n ? ", " : "", names[n]);
    }
    near = str_nearest(name->text, names, n);
    yaml_error(x->errors, name, "no pack is called \"%.*s\"%s%s%s; there are: %s",
               STR_ARGS(str_take(name->text, 60)), near ? " (did you mean \"" : "",
               near ? near : "", near ? "\"?)" : "", list.p);
}

/* Keys that the pack does not have. */
static void check_keys(const struct making *m)
{
    const char *names[NAMES_MAX];
    size_t n = options_names(m->pack, m->x->arena, names, NAMES_MAX);
    char what[80];

    (void)snprintf(what, sizeof what, "the pack %s", m->pack->name);
    (void)yaml_check_keys(m->given, what, names, n, m->x->errors);
}

static int bind_default(struct making *m, const struct yaml *value, struct yaml *out)
{
    /* A mistake that follows from it is told where the pack is asked for, and a path begins there.
     */
    *out = *value;
    out->at = m->at->at;
    out->file = m->at->file;
    return 0;
}

static int add_member(struct making *m, struct yaml *map, const char *key, struct str text)
{
    struct yaml_pair *pair = &map->pairs[map->n];

    if (keep_text(m->x, map, key, &pair->key) < 0)
        return -1;
    pair->value = (struct yaml){
        .kind = YAML_SCALAR, .at = map->at, .file = map->file, .quoted = true, .text = text};
    map->n++;
    return 0;
}

/* A log that is given as a text is a path. */
static int make_log(struct making *m, struct yaml *value)
{
    struct str text = value->text;

    if (value->kind != YAML_SCALAR)
        return 0;
    value->kind = YAML_MAP;
    value->n = 0;
    value->pairs = arena_new(m->x->arena, struct yaml_pair, m->x->err);
    return value->pairs ? add_member(m, value, "path", text) : -1;
}

static void bind(struct making *m, const char *name, const struct yaml *value)
{
    m->bindings.items[m->bindings.n++] = (struct binding){name, value};
}

static bool is_off(const struct yaml *value)
{
    return value->kind == YAML_SCALAR && !value->quoted && str_eq(value->text, STR("off"));
}

static int bind_parameter(struct making *m, const struct pack_parameter *p)
{
    struct expansion *x = m->x;
    const struct yaml *given = yaml_get(m->given, p->name), *in_file = NULL;
    struct yaml *value = arena_new(x->arena, struct yaml, x->err);

    if (!value)
        return -1;
    if (p->has_file) {
        const char *file = arena_printf(x->arena, x->err, "%s_file", p->name);

        if (!file)
            return -1;
        in_file = yaml_get(m->given, file);
        if (in_file && given)
            yaml_error(x->errors, in_file, "give %s or %s, not both", p->name, file);
        bind(m, file, in_file);
    }
    if (given && given->kind != YAML_NULL) {
        if (p->later)
            yaml_error(x->warnings, given,
                       "%s of the pack %s has no effect: it is for %s, which this "
                       "version does not have",
                       p->name, m->pack->name, p->later);
        *value = *given;
        if (p->may_be_off && is_off(given))
            value = NULL;
        else
            options_check(p, given, x->errors);
    } else if (p->value && !in_file) {
        if (bind_default(m, p->value, value) < 0)
            return -1;
    } else {
        value = NULL;
    }
    if (value && p->type == PACK_LOG && make_log(m, value) < 0)
        return -1;
    bind(m, p->name, value);
    return 0;
}

static int bind_all(struct making *m)
{
    size_t patterns = m->pack->patterns ? m->pack->patterns->n : 0;
    size_t most = 2 * m->pack->parameters_n + options_common_n + patterns;

    m->bindings.items = arena_new_array(m->x->arena, struct binding, most, m->x->err);
    if (!m->bindings.items)
        return -1;
    for (size_t i = 0; i < m->pack->parameters_n; i++)
        if (bind_parameter(m, &m->pack->parameters[i]) < 0)
            return -1;
    for (size_t i = 0; i < options_common_n; i++)
        bind(m, options_common[i], yaml_get(m->given, options_common[i]));
    for (size_t i = 0; i < patterns; i++) {
        const struct yaml_pair *pair = &m->pack->patterns->pairs[i];
        const char *name =
            arena_printf(m->x->arena, m->x->err, "patterns.%.*s", STR_ARGS(pair->key.text));

        if (!name)
            return -1;
        bind(m, name, &pair->value);
    }
    return 0;
}

/* ---- the instance ---- */

static uint16_t usual_port(struct str scheme)
{
    static const struct {
        const char *scheme;
        uint16_t port;
    } ports[] = {{"http", 80},     {"https", 443},       {"redis", 6379},
                 {"rediss", 6379}, {"postgresql", 5432}, {"postgres", 5432}};

    for (size_t i = 0; i < ARRAY_LEN(ports); i++)
        if (str_eq(scheme, str_c(ports[i].scheme)))
            return ports[i].port;
    return 0;
}

/* That which was given, else host:port of the address; none when that is in a file. */
static int find_instance(struct making *m)
{
    const struct yaml *given = yaml_get(m->given, "instance"), *address;
    struct url url;

    if (given && given->kind == YAML_SCALAR && given->text.n) {
        m->instance = arena_cstr(m->x->arena, given->text, m->x->err);
        return m->instance ? 0 : -1;
    }
    address = m->pack->address ? bindings_get(&m->bindings, str_c(m->pack->address->name)) : NULL;
    if (!address || address->kind != YAML_SCALAR || url_split(address->text, &url, NULL) < 0 ||
        !url.host.n)
        return 0; /* what asks there tells what is wrong with it */
    m->instance = url_place(m->x->arena, &url, "127.0.0.1", usual_port(url.scheme), m->x->err);
    return m->instance ? 0 : -1;
}

/* ---- what all series of a pack have in common ---- */

static void add_pair(struct yaml *map, const struct yaml *key, const struct yaml *value)
{
    map->pairs[map->n].key = *key;
    map->pairs[map->n++].value = *value;
}

static int add_text(struct making *m, struct yaml *map, const char *key, const char *value)
{
    struct yaml k, v;

    if (yaml_get(map, key) || !value)
        return 0;
    if (keep_text(m->x, m->at, key, &k) < 0 || keep_text(m->x, m->at, value, &v) < 0)
        return -1;
    add_pair(map, &k, &v);
    return 0;
}

static int add_given(struct making *m, struct yaml *map, const char *key)
{
    const struct yaml *value = yaml_get(m->given, key);
    struct yaml k;

    if (!value || yaml_get(map, key))
        return 0;
    if (keep_text(m->x, value, key, &k) < 0)
        return -1;
    add_pair(map, &k, value);
    return 0;
}

/* Those of the person win over those of the pack. */
static int add_labels(struct making *m, struct yaml *map)
{
    const struct yaml *given = yaml_get(m->given, "labels"), *own = yaml_get(map, "labels");
    struct yaml *labels;

    if (!own || !given || given->kind != YAML_MAP)
        return add_given(m, map, "labels");
    labels = (struct yaml *)own; /* of the tree that was just made */
    labels->pairs = arena_new_array(m->x->arena, struct yaml_pair, own->n + given->n, m->x->err);
    if (!labels->pairs)
        return -1;
    memcpy(labels->pairs, own->pairs, own->n * sizeof *own->pairs);
    for (size_t i = 0; i < given->n; i++)
        add_pair(labels, &given->pairs[i].key, &given->pairs[i].value);
    return 0;
}

static int finish_entry(struct making *m, const char *endpoint, struct yaml *entry)
{
    struct yaml_pair *pairs =
        arena_new_array(m->x->arena, struct yaml_pair, entry->n + 7, m->x->err);

    if (!pairs)
        return -1;
    memcpy(pairs, entry->pairs, entry->n * sizeof *pairs);
    entry->pairs = pairs;
    if (add_text(m, entry, "job", m->pack->name) < 0 ||
        add_text(m, entry, "endpoint", endpoint) < 0 ||
        add_text(m, entry, "instance", m->instance) < 0 || add_given(m, entry, "interval") < 0 ||
        add_given(m, entry, "timeout") < 0 || add_labels(m, entry) < 0)
        return -1;
    return 0;
}

/* What tells the targets of one service apart where nothing else does: all groups of processes are
 * one target, and a log has the name of its file, unit or container. */
static const char *endpoint_of(const struct making *m, const struct yaml *kind,
                               const struct yaml *entry)
{
    static const char *const names[] = {"unit", "container"};
    const struct yaml *path = yaml_get(entry, "path");
    const char *slash;

    if (!m->instance)
        return NULL;
    if (str_eq(kind->text, STR("process")))
        return "processes";
    if (!str_eq(kind->text, STR("logs")))
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (yaml_get(entry, names[i]))
            return yaml_get(entry, names[i])->text.p; /* texts of YAML end in a NUL */
    if (!path || path->kind != YAML_SCALAR || !path->text.n)
        return NULL;
    slash = memrchr(path->text.p, '/', path->text.n);
    return slash ? slash + 1 : path->text.p;
}

/* What is a map (host, gpu) is the machine's, and shared by all who want it. A list of which
 * nothing is left goes away. */
static int finish_collect(struct making *m, struct yaml *collect)
{
    size_t kept = 0;

    for (size_t i = 0; i < collect->n; i++) {
        struct yaml_pair *kind = &collect->pairs[i];
        struct yaml *list = &kind->value;

        for (size_t k = 0; list->kind == YAML_LIST && k < list->n; k++) {
            struct yaml *entry = &list->items[k];

            if (entry->kind == YAML_MAP &&
                finish_entry(m, endpoint_of(m, &kind->key, entry), entry) < 0)
                return -1;
        }
        if (list->kind != YAML_LIST || list->n > 0)
            collect->pairs[kept++] = *kind;
    }
    collect->n = kept;
    return 0;
}

/* ---- one entry ---- */

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* What has no address is told apart by `name`. */
static bool is_same_name(const struct yaml *a, const struct yaml *b)
{
    const struct yaml *x = yaml_get(a, "name"), *y = yaml_get(b, "name");

    return x && y ? str_eq(x->text, y->text) : x == y;
}

static void check_twice(const struct making *m, const struct pack_uses *before)
{
    for (size_t i = 0; i < before->n; i++) {
        const struct pack_use *use = &before->items[i];

        if (strcmp(use->name, m->pack->name) == 0 && same_text(use->instance, m->instance) &&
            is_same_name(use->options, m->given))
            yaml_error(m->x->errors, m->at,
                       "the pack %s stands in line %u too, for the same %s; leave one out, or give "
                       "it another instance",
                       use->name, use->at->at.line, use->instance ? use->instance : "service");
    }
}

/* With all of it collected there. */
static int find_host(struct making *m, const struct yaml *collect, struct yaml **out)
{
    struct expansion *x = m->x;
    struct yaml_pair *pairs;
    struct yaml *host = NULL, key;

    if (!m->pack->behind || !collect)
        return 0;
    if (substitute(x->arena, &m->bindings, m->pack->behind, &host, x->err) < 0)
        return -1;
    if (!host)
        return 0;
    pairs = arena_new_array(x->arena, struct yaml_pair, host->n + 1, x->err);
    if (!pairs || keep_text(x, m->at, "collect", &key) < 0)
        return -1;
    memcpy(pairs, host->pairs, host->n * sizeof *pairs);
    host->pairs = pairs;
    host->at = m->at->at;
    host->file = m->at->file;
    add_pair(host, &key, collect);
    *out = host;
    return 0;
}

static const char *name_of(struct expansion *x, const struct yaml *given)
{
    const struct yaml *name = yaml_get(given, "name");

    return name && name->kind == YAML_SCALAR ? arena_cstr(x->arena, name->text, x->err) : "";
}

/* What says how something is collected, of a pack that collects nothing. */
static void tell_what_is_idle(const struct making *m)
{
    static const char *const keys[] = {"instance", "interval", "timeout", "labels"};

    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (yaml_get(m->given, keys[i]))
            yaml_error(m->x->warnings, yaml_get(m->given, keys[i]),
                       "%s of the pack %s has no effect: it collects nothing itself", keys[i],
                       m->pack->name);
}

static int use_pack(struct expansion *x, const struct pack *pack, const struct yaml *at,
                    const struct yaml *given, struct pack_uses *out)
{
    struct making m = {.x = x, .pack = pack, .at = at, .given = given};
    struct yaml *collect = NULL, *host = NULL;
    size_t errors_before = x->errors->n;
    struct bindings *values = arena_new(x->arena, struct bindings, x->err);
    const char *id;

    if (given)
        check_keys(&m);
    options_check_common(pack, given, x->errors, x->warnings);
    if (!pack->collect)
        tell_what_is_idle(&m);
    if (!values || bind_all(&m) < 0 || find_instance(&m) < 0)
        return -1;
    *values = m.bindings;
    check_twice(&m, out);
    if (x->errors->n > errors_before)
        return 0; /* it would be told twice */
    if (pack->collect && substitute(x->arena, &m.bindings, pack->collect, &collect, x->err) < 0)
        return -1;
    if ((collect && finish_collect(&m, collect) < 0) || find_host(&m, collect, &host) < 0)
        return -1;
    id = arena_printf(x->arena, x->err, "%s %s", pack->name,
                      m.instance ? m.instance : name_of(x, given));
    if (!id)
        return -1;
    out->items[out->n++] = (struct pack_use){.name = pack->name,
                                             .instance = m.instance,
                                             .id = id,
                                             .at = at,
                                             .collect = host ? NULL : collect,
                                             .host = host,
                                             .options = given,
                                             .values = values};
    return 0;
}

static int read_entry(struct expansion *x, const struct yaml *entry, struct pack_uses *out)
{
    const struct yaml *name = entry, *given = NULL;
    const struct pack *pack;

    if (entry->kind == YAML_MAP && entry->n == 1) {
        name = &entry->pairs[0].key;
        given = &entry->pairs[0].value;
    }
    if (name->kind != YAML_SCALAR) {
        yaml_error(x->errors, entry,
                   "packs: expected a name, or one name with its parameters like "
                   "{redis: {url: 'redis://127.0.0.1:6379'}}");
        return 0;
    }
    pack = packs_find(&x->packs, name->text);
    if (!pack) {
        unknown_pack(x, name);
        return 0;
    }
    if (given && given->kind == YAML_NULL)
        given = NULL;
    if (given && given->kind != YAML_MAP) {
        yaml_error(x->errors, given, "the pack %s: expected its parameters, like {instance: a}",
                   pack->name);
        return 0;
    }
    return use_pack(x, pack, name, given, out);
}

int packs_expand(struct arena *a, const struct yaml *packs, struct yaml_errors *errors,
                 struct yaml_errors *warnings, struct pack_uses *out, struct err *err)
{
    struct expansion x = {.arena = a, .errors = errors, .warnings = warnings, .err = err};

    *out = (struct pack_uses){.items = NULL};
    if (!packs || packs->kind == YAML_NULL)
        return 0;
    if (packs->kind != YAML_LIST) {
        yaml_error(errors, packs, "packs: expected a list like [host, redis]");
        return 0;
    }
    out->items = arena_new_array(a, struct pack_use, packs->n, err);
    if (!out->items || packs_load(a, &x.packs, err) < 0)
        return -1;
    for (size_t i = 0; i < packs->n; i++)
        if (read_entry(&x, &packs->items[i], out) < 0)
            return -1;
    return 0;
}

const struct pack_reader packs_reader = {packs_expand, packs_rules};
