/* The packs that the program carries, as data. A mistake here is ours: test_pack loads them all. */
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "pack/files.h"
#include "pack/pack.h"
#include "text/yaml.h"

struct loader {
    struct arena *arena;
    struct err *err;
    bool failed;
    struct yaml_errors errors;
};

static void *array(struct loader *l, size_t n, size_t size)
{
    void *p = arena_zalloc_array(l->arena, n, size, l->err);

    l->failed |= !p;
    return p;
}

static const char *copy(struct loader *l, struct str s)
{
    const char *p = arena_cstr(l->arena, s, l->err);

    l->failed |= !p;
    return p;
}

/* NULL when it is not there. */
static const char *text_of(struct loader *l, const struct yaml *map, const char *key)
{
    struct str text = {NULL, 0};

    yaml_read_str(yaml_get(map, key), key, &text, &l->errors);
    return text.p ? copy(l, text) : NULL;
}

static void expect(struct loader *l, const struct yaml *node, enum yaml_kind kind, const char *what)
{
    if (node && node->kind != kind)
        yaml_error(&l->errors, node, "%s: of another kind than expected", what);
}

/* [*n] of what is a list, or nothing. */
static const struct yaml *list_of(struct loader *l, const struct yaml *map, const char *key,
                                  size_t *n)
{
    const struct yaml *list = yaml_get(map, key);

    expect(l, list, YAML_LIST, key);
    *n = list && list->kind == YAML_LIST ? list->n : 0;
    return *n ? list->items : NULL;
}

static const char *const *texts_of(struct loader *l, const struct yaml *map, const char *key,
                                   size_t *n)
{
    const struct yaml *items = list_of(l, map, key, n);
    const char **all = array(l, *n, sizeof *all);

    for (size_t i = 0; all && i < *n; i++)
        all[i] = copy(l, items[i].text);
    return all;
}

static uint16_t port_of(struct loader *l, const struct yaml *node)
{
    int64_t port = 0;

    yaml_read_i64(node, "port", 1, UINT16_MAX, &port, &l->errors);
    return (uint16_t)port;
}

/* ---- parameters ---- */

static const char *const type_names[] = {
    [PACK_TEXT] = "text",     [PACK_URL] = "url",     [PACK_SECRET] = "secret",
    [PACK_NUMBER] = "number", [PACK_SIZE] = "size",   [PACK_DURATION] = "duration",
    [PACK_BOOL] = "bool",     [PACK_PATH] = "path",   [PACK_LOG] = "log",
    [PACK_TEXTS] = "texts",   [PACK_LOGIN] = "login", [PACK_REGEX] = "regex",
    [PACK_ANY] = "any",
};

static enum pack_type type_of(struct loader *l, const struct yaml *node)
{
    for (size_t i = 0; node && i < ARRAY_LEN(type_names); i++)
        if (str_eq(node->text, str_c(type_names[i])))
            return (enum pack_type)i;
    yaml_error(&l->errors, node, "type: no such type");
    return PACK_TEXT;
}

static void read_parameter(struct loader *l, const struct yaml_pair *pair,
                           struct pack_parameter *out)
{
    static const char *const keys[] = {"type", "default", "off", "help", "tunes", "later"};

    (void)yaml_check_keys(&pair->value, "a parameter", keys, ARRAY_LEN(keys), &l->errors);
    out->name = copy(l, pair->key.text);
    out->type = type_of(l, yaml_get(&pair->value, "type"));
    out->value = yaml_get(&pair->value, "default");
    yaml_read_bool(yaml_get(&pair->value, "off"), "off", &out->may_be_off, &l->errors);
    out->help = text_of(l, &pair->value, "help");
    out->tunes = yaml_get(&pair->value, "tunes");
    out->later = text_of(l, &pair->value, "later");
    expect(l, out->tunes, YAML_MAP, "tunes");
    if (!out->help)
        yaml_error(&l->errors, &pair->key, "a parameter needs help");
}

/* Where the pack says ${NAME_file}. */
static bool has_file(struct loader *l, const char *name, struct str pack)
{
    const char *asked = arena_printf(l->arena, l->err, "${%s_file}", name);

    l->failed |= !asked;
    return asked && memmem(pack.p, pack.n, asked, strlen(asked));
}

static void read_parameters(struct loader *l, const struct pack_file *file, const struct yaml *root,
                            struct pack *out)
{
    const struct yaml *map = yaml_get(root, "parameters");
    const struct yaml *address = yaml_get(root, "address");
    size_t n = map && map->kind == YAML_MAP ? map->n : 0;
    struct pack_parameter *all = array(l, n, sizeof *all);

    for (size_t i = 0; all && i < n; i++) {
        read_parameter(l, &map->pairs[i], &all[i]);
        all[i].has_file = has_file(l, all[i].name, file->pack);
    }
    out->parameters = all;
    out->parameters_n = n;
    if (!address || l->failed)
        return;
    out->address = pack_parameter(out, address->text);
    if (!out->address || out->address->type != PACK_URL)
        yaml_error(&l->errors, address, "address: the name of a parameter that is a url");
}

/* ---- signs ---- */

static void read_http(struct loader *l, const struct yaml *node, struct pack_http *out)
{
    static const char *const keys[] = {"port", "path", "status", "match", "json"};
    int64_t status = 0;

    (void)yaml_check_keys(node, "http", keys, ARRAY_LEN(keys), &l->errors);
    out->port = port_of(l, yaml_get(node, "port"));
    out->path = text_of(l, node, "path");
    yaml_read_i64(yaml_get(node, "status"), "status", 100, 599, &status, &l->errors);
    out->status = (int)status;
    out->match = text_of(l, node, "match");
    out->json = text_of(l, node, "json");
    if (!out->path)
        yaml_error(&l->errors, node, "http: needs path");
}

static void read_recognise(struct loader *l, const struct yaml *node, struct pack_recognise *out)
{
    static const char *const keys[] = {"always", "process", "exe",  "port",
                                       "family", "http",    "path", "redis"};
    const struct yaml *items;
    struct pack_http *https;
    uint16_t *ports;

    if (!yaml_check_keys(node, "recognise", keys, ARRAY_LEN(keys), &l->errors))
        return;
    yaml_read_bool(yaml_get(node, "always"), "always", &out->always, &l->errors);
    out->processes = texts_of(l, node, "process", &out->processes_n);
    out->exes = texts_of(l, node, "exe", &out->exes_n);
    out->families = texts_of(l, node, "family", &out->families_n);
    out->paths = texts_of(l, node, "path", &out->paths_n);
    out->redis = texts_of(l, node, "redis", &out->redis_n);
    items = list_of(l, node, "port", &out->ports_n);
    out->ports = ports = array(l, out->ports_n, sizeof *ports);
    for (size_t i = 0; ports && i < out->ports_n; i++)
        ports[i] = port_of(l, &items[i]);
    items = list_of(l, node, "http", &out->http_n);
    out->http = https = array(l, out->http_n, sizeof *https);
    for (size_t i = 0; https && i < out->http_n; i++)
        read_http(l, &items[i], &https[i]);
}

/* ---- all of them ---- */

static int read_patterns(struct loader *l, const struct pack_file *file, struct pack *out)
{
    const char *name = arena_printf(l->arena, l->err, "packs/%s/patterns.yml", file->name);

    if (!name || yaml_parse(l->arena, name, file->patterns, &out->patterns, l->err) < 0)
        return -1;
    expect(l, out->patterns, YAML_MAP, "patterns");
    return 0;
}

static int read_pack(struct loader *l, const struct pack_file *file, struct pack *out)
{
    static const char *const keys[] = {"title",     "about",   "address", "parameters",
                                       "recognise", "collect", "behind"};
    const char *name = arena_printf(l->arena, l->err, "packs/%s/pack.yml", file->name);
    const struct yaml *root;

    if (!name || yaml_parse(l->arena, name, file->pack, &root, l->err) < 0)
        return -1;
    out->name = file->name;
    out->rules = file->rules;
    if (yaml_check_keys(root, "a pack", keys, ARRAY_LEN(keys), &l->errors)) {
        out->title = text_of(l, root, "title");
        out->about = text_of(l, root, "about");
        read_parameters(l, file, root, out);
        out->collect = yaml_get(root, "collect");
        out->behind = yaml_get(root, "behind");
        expect(l, out->collect, YAML_MAP, "collect");
        expect(l, out->behind, YAML_MAP, "behind");
        if (yaml_get(root, "recognise"))
            read_recognise(l, yaml_get(root, "recognise"), &out->recognise);
        if (!out->title || !out->about)
            yaml_error(&l->errors, root, "a pack needs title and about");
    }
    if (file->patterns.n && read_patterns(l, file, out) < 0)
        return -1;
    if (l->errors.n > 0 && l->err)
        *l->err = l->errors.items[0];
    return l->failed || l->errors.n > 0 ? -1 : 0;
}

int packs_load(struct arena *a, struct packs *out, struct err *err)
{
    struct loader l = {.arena = a, .err = err, .errors = {.arena = a}};
    struct pack *all = array(&l, pack_files_n, sizeof *all);

    for (size_t i = 0; all && i < pack_files_n; i++)
        if (read_pack(&l, &pack_files[i], &all[i]) < 0)
            return -1;
    if (!all)
        return -1;
    *out = (struct packs){all, pack_files_n};
    return 0;
}

const struct pack *packs_find(const struct packs *packs, struct str name)
{
    for (size_t i = 0; i < packs->n; i++)
        if (str_eq(name, str_c(packs->items[i].name)))
            return &packs->items[i];
    return NULL;
}

const struct pack_parameter *pack_parameter(const struct pack *pack, struct str name)
{
    for (size_t i = 0; i < pack->parameters_n; i++)
        if (str_eq(name, str_c(pack->parameters[i].name)))
            return &pack->parameters[i];
    return NULL;
}
