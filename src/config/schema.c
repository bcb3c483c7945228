#include "config/schema.h"

#include "text/regex.h"

/* All key names of a schema and those it shares, for "did you mean". */
#define NAMES_MAX 128

static size_t names_of(const struct schema *schema, const char *names[NAMES_MAX])
{
    size_t n = 0;

    for (; schema; schema = schema->also) {
        for (size_t i = 0; i < schema->n && n < NAMES_MAX; i++)
            names[n++] = schema->keys[i].name;
    }
    return n;
}

static const struct key *find_key(const struct schema *schema, struct str name)
{
    for (; schema; schema = schema->also) {
        for (size_t i = 0; i < schema->n; i++) {
            if (str_eq(name, str_c(schema->keys[i].name)))
                return &schema->keys[i];
        }
    }
    return NULL;
}

static void expected(const struct yaml *node, const char *name, const char *what,
                     struct schema_check *c)
{
    static const char *const kinds[] = {[YAML_NULL] = "nothing",
                                        [YAML_SCALAR] = "one text",
                                        [YAML_LIST] = "a list",
                                        [YAML_MAP] = "a map"};

    yaml_error(c->errors, node, "%s: expected %s, found %s", name, what, kinds[node->kind]);
}

static void check_strs(const struct yaml *node, const char *name, struct schema_check *c)
{
    if (node->kind != YAML_LIST) {
        expected(node, name, "a list like [a, b]", c);
        return;
    }
    for (size_t i = 0; i < node->n; i++) {
        if (node->items[i].kind != YAML_SCALAR)
            expected(&node->items[i], name, "a list of texts", c);
    }
}

static void check_map_of(const struct yaml *node, const char *name, bool lists,
                         struct schema_check *c)
{
    if (node->kind != YAML_MAP) {
        expected(node, name, "a map like {key: value}", c);
        return;
    }
    for (size_t i = 0; i < node->n; i++) {
        const struct yaml *value = &node->pairs[i].value;

        if (lists && value->kind != YAML_NULL)
            check_strs(value, name, c);
        else if (value->kind == YAML_LIST || value->kind == YAML_MAP)
            expected(value, name, "one text", c);
    }
}

static void check_labels(const struct yaml *node, const char *name, struct schema_check *c)
{
    check_map_of(node, name, false, c);
    for (size_t i = 0; node->kind == YAML_MAP && i < node->n; i++) {
        const struct yaml *label = &node->pairs[i].key;

        if (str_eq(label->text, STR("__name__")))
            yaml_error(c->errors, label, "%s: __name__ is no label of a target", name);
    }
}

static void check_regex(const struct yaml *node, const char *name, struct schema_check *c)
{
    struct regex *regex;
    struct err err;

    if (node->kind != YAML_SCALAR) {
        expected(node, name, "a regular expression", c);
        return;
    }
    if (regex_new(node->text, true, &regex, &err) < 0)
        yaml_error(c->errors, node, "%s: %s", name, err.text);
    else
        regex_free(regex);
}

static void check_url(const struct yaml *node, const char *name, struct schema_check *c)
{
    struct str host;

    if (node->kind != YAML_SCALAR || node->text.n == 0) {
        expected(node, name, "a URL like http://host:9090/path", c);
        return;
    }
    if (str_starts(node->text, STR("http://")))
        host = str_skip(node->text, 7);
    else if (str_starts(node->text, STR("https://")))
        host = str_skip(node->text, 8);
    else
        host = (struct str){NULL, 0};
    if (host.n == 0 || host.p[0] == '/')
        yaml_error(c->errors, node, "%s: expected a URL with scheme http or https, found \"%.*s\"",
                   name,
                   STR_ARGS(memchr(node->text.p, '@', node->text.n)
                                ? STR("...") /* there may be a password in it */
                                : str_take(node->text, 100)));
}

static void check_maps(const struct yaml *node, const struct key *key, struct schema_check *c)
{
    if (node->kind != YAML_LIST) {
        expected(node, key->name, "a list of maps", c);
        return;
    }
    for (size_t i = 0; i < node->n; i++) {
        if (node->items[i].kind == YAML_NULL)
            yaml_error(c->errors, &node->items[i], "empty entry in %s", key->name);
        else if (key->sub)
            schema_check(key->sub, &node->items[i], c);
        else if (node->items[i].kind != YAML_MAP)
            expected(&node->items[i], key->name, "a list of maps", c);
    }
}

static void check_value(const struct yaml *node, const struct key *key, struct schema_check *c)
{
    struct str text;
    bool flag;
    int64_t number;
    double real;
    uint64_t bytes;

    if (node->kind == YAML_NULL && key->type != KEY_MAP)
        return;
    switch (key->type) {
    case KEY_ANY:
        return;
    case KEY_STR:
        yaml_read_str(node, key->name, &text, c->errors);
        return;
    case KEY_BOOL:
        yaml_read_bool(node, key->name, &flag, c->errors);
        return;
    case KEY_INT:
        yaml_read_i64(node, key->name, 0, INT64_MAX, &number, c->errors);
        return;
    case KEY_NUMBER:
        yaml_read_double(node, key->name, &real, c->errors);
        return;
    case KEY_DURATION:
        yaml_read_duration(node, key->name, &number, c->errors);
        return;
    case KEY_SIZE:
        yaml_read_size(node, key->name, &bytes, c->errors);
        return;
    case KEY_REGEX:
        check_regex(node, key->name, c);
        return;
    case KEY_URL:
        check_url(node, key->name, c);
        return;
    case KEY_STRS:
        check_strs(node, key->name, c);
        return;
    case KEY_STR_MAP:
        check_map_of(node, key->name, false, c);
        return;
    case KEY_STRS_MAP:
        check_map_of(node, key->name, true, c);
        return;
    case KEY_LABELS:
        check_labels(node, key->name, c);
        return;
    case KEY_MAP:
        if (key->sub)
            schema_check(key->sub, node, c);
        else if (node->kind != YAML_MAP && node->kind != YAML_NULL)
            expected(node, key->name, "a map", c);
        return;
    case KEY_MAPS:
        check_maps(node, key, c);
        return;
    }
}

/* Written down though it is the standard: nothing is asked for. */
static bool is_off(const struct yaml *node)
{
    return node->kind == YAML_SCALAR &&
           (str_eq(node->text, STR("false")) || str_eq(node->text, STR("off")));
}

static void check_pair(const struct schema *schema, const struct yaml_pair *pair,
                       struct schema_check *c)
{
    const struct key *key = find_key(schema, pair->key.text);
    struct schema_check below = *c;

    if (!key)
        return; /* told by yaml_check_keys */
    if (key->use == USE_REFUSED) {
        if (is_off(&pair->value))
            return;
        yaml_error(c->errors, &pair->key, "%s is not served by this version%s%s", key->name,
                   key->note ? ": " : "", key->note ? key->note : "");
        return;
    }
    if (key->use == USE_WARNED && !c->quiet && pair->value.kind != YAML_NULL) {
        yaml_error(c->warnings, &pair->key, "%s is not served by this version: %s", key->name,
                   key->note);
        below.quiet = true;
    }
    check_value(&pair->value, key, &below);
}

bool schema_is_refused(const struct schema *schema, struct str key)
{
    for (size_t i = 0; i < schema->n; i++)
        if (str_eq(key, str_c(schema->keys[i].name)))
            return schema->keys[i].use == USE_REFUSED;
    return false;
}

void schema_check(const struct schema *schema, const struct yaml *node, struct schema_check *c)
{
    const char *names[NAMES_MAX];
    size_t n = names_of(schema, names);

    if (node->kind == YAML_NULL)
        return;
    if (!yaml_check_keys(node, schema->what, names, n, c->errors))
        return;
    for (size_t i = 0; i < node->n; i++)
        check_pair(schema, &node->pairs[i], c);
    for (; schema; schema = schema->also) {
        if (schema->check)
            schema->check(node, c);
    }
}

bool schema_has(const struct yaml *map, const char *key)
{
    const struct yaml *node = yaml_get(map, key);

    return node && node->kind != YAML_NULL;
}

bool schema_gives(const struct yaml *map, const char *key)
{
    return schema_has(map, key) &&
           (yaml_get(map, key)->kind != YAML_SCALAR || yaml_get(map, key)->text.n > 0);
}

struct str schema_text(const struct yaml *map, const char *key)
{
    const struct yaml *node = yaml_get(map, key);

    return node && node->kind == YAML_SCALAR ? node->text : (struct str){"", 0};
}
