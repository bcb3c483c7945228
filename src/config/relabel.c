#include "config/relabel.h"

#include "base/arena.h"
#include "base/err.h"
#include "config/schema.h"
#include "model/labels.h"
#include "model/relabel.h"
#include "text/yaml.h"

/* A key without a value is an empty text, as in Prometheus; p NULL: there is no such key. */
static struct str text_of(const struct yaml *map, const char *key)
{
    const struct yaml *node = yaml_get(map, key);

    if (!node)
        return (struct str){NULL, 0};
    return node->kind == YAML_SCALAR && node->text.p ? node->text : STR("");
}

static int read_action(const struct yaml *map, enum relabel_action *out, struct yaml_errors *errors)
{
    struct str word = schema_text(map, "action");
    const char *nearest;

    *out = RELABEL_REPLACE;
    if (!schema_has(map, "action") || relabel_action_parse(word, out) == 0)
        return 0;
    nearest = str_nearest(word, relabel_action_names, RELABEL_ACTIONS);
    yaml_error(errors, yaml_get(map, "action"), "unknown relabel action \"%.*s\"%s%s%s",
               STR_ARGS(str_take(word, 60)), nearest ? " (did you mean \"" : "",
               nearest ? nearest : "", nearest ? "\"?)" : "");
    return -1;
}

static int read_source(const struct yaml *list, struct relabel_given *g, struct yaml_errors *errors)
{
    struct err err = {0};
    struct str *names;

    if (!list || list->kind != YAML_LIST)
        return 0;
    names = arena_new_array(errors->arena, struct str, list->n, &err);
    if (!names) {
        yaml_error(errors, list, "%s", err.text);
        return -1;
    }
    for (size_t i = 0; i < list->n; i++) {
        names[i] = list->items[i].text;
        if (names[i].n == 0) {
            yaml_error(errors, &list->items[i], "source_labels: a label's name is not empty");
            return -1;
        }
    }
    g->has_source = true;
    g->source = names;
    g->source_n = list->n;
    return 0;
}

int relabel_read(const struct yaml *map, bool utf8_names, struct relabel_rule *out,
                 struct yaml_errors *errors)
{
    struct relabel_given g = {.separator = text_of(map, "separator"),
                              .target = text_of(map, "target_label"),
                              .replacement = text_of(map, "replacement"),
                              .regex = text_of(map, "regex"),
                              .utf8_names = utf8_names};
    const struct yaml *blamed;
    const char *key = NULL;
    int64_t modulus = 0;
    struct err err = {0};

    if (read_action(map, &g.action, errors) < 0 ||
        read_source(yaml_get(map, "source_labels"), &g, errors) < 0)
        return -1;
    yaml_read_i64(yaml_get(map, "modulus"), "modulus", 0, INT64_MAX, &modulus, errors);
    g.modulus = (uint64_t)modulus;
    if (relabel_init(out, &g, &key, &err) == 0)
        return 0;
    blamed = key ? yaml_get(map, key) : NULL;
    yaml_error(errors, blamed ? blamed : map, "%s", err.text);
    return -1;
}
