#include "collect/discover/groups.h"

#include <jansson.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "text/json.h"
#include "text/yaml.h"

#define MEMORY_MAX (256u << 20)

struct target_groups *target_groups_new(struct budget *parent)
{
    struct target_groups *g = mem_new(struct target_groups);

    budget_init(&g->budget, "memory of a discovery", MEMORY_MAX, parent);
    arena_init(&g->arena, &g->budget);
    g->refs = 1;
    return g;
}

struct target_groups *target_groups_ref(struct target_groups *g)
{
    g->refs++;
    return g;
}

void target_groups_unref(struct target_groups *g)
{
    if (!g || --g->refs)
        return;
    arena_fini(&g->arena);
    mem_free(g);
}

/* ---- a group while it is read ---- */

static struct target_group *add_group(struct target_groups *g, const char *source, size_t targets_n,
                                      const struct labels ***targets, struct err *err)
{
    struct target_group *group;

    *targets = (const struct labels **)arena_zalloc_array(&g->arena, targets_n,
                                                          sizeof(const struct labels *), err);
    if (!*targets ||
        arena_grow(&g->arena, (void **)&g->items, &g->cap, g->n + 1, sizeof *g->items, err) < 0)
        return NULL;
    group = &g->items[g->n];
    *group = (struct target_group){.source = arena_printf(&g->arena, err, "%s:%zu", source, g->n),
                                   .targets = *targets,
                                   .targets_n = targets_n,
                                   .labels = &labels_empty};
    if (!group->source)
        return NULL;
    g->n++;
    return group;
}

static int build_address(struct target_groups *g, struct str address, const struct labels **out,
                         struct err *err)
{
    struct label pair = {STR("__address__"), address};

    if (!str_is_utf8(address))
        return err_set(err, ERR_SYNTAX, "a target is not UTF-8");
    return labels_build(&g->arena, &pair, 1, out, err);
}

static int check_label(struct str name, struct str value, struct err *err)
{
    if (name.n == 0 || !str_is_utf8(name))
        return err_set(err, ERR_SYNTAX, "a label's name is empty or not UTF-8");
    if (!str_is_utf8(value))
        return err_set(err, ERR_SYNTAX, "the value of label %.*s is not UTF-8",
                       STR_ARGS(str_take(name, 60)));
    return 0;
}

/* pairs[0..n) with room for one more. */
static int set_labels(struct target_groups *g, struct target_group *group, struct label pairs[],
                      size_t n, const struct target_groups_origin *origin, struct err *err)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++)
        if (!str_eq(pairs[i].name, origin->label.name))
            pairs[kept++] = pairs[i];
    pairs[kept++] = origin->label;
    return labels_build(&g->arena, pairs, kept, &group->labels, err);
}

/* ---- JSON ---- */

static struct str json_text(const json_t *value)
{
    return (struct str){json_string_value(value), json_string_length(value)};
}

static int read_json_targets(struct target_groups *g, const json_t *list,
                             const struct labels *targets[], struct err *err)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *target = json_array_get(list, i);

        if (!json_is_string(target))
            return err_set(err, ERR_TYPE, "targets: entry %zu is not a text", i + 1);
        if (build_address(g, json_text(target), &targets[i], err) < 0)
            return -1;
    }
    return 0;
}

static int read_json_labels(struct target_groups *g, struct target_group *group, json_t *labels,
                            const struct target_groups_origin *origin, struct err *err)
{
    struct label *pairs =
        arena_new_array(&g->arena, struct label, json_object_size(labels) + 1, err);
    size_t n = 0;
    const char *key;
    json_t *value;

    if (!pairs)
        return -1;
    json_object_foreach(labels, key, value)
    {
        if (!json_is_string(value))
            return err_set(err, ERR_TYPE, "labels: the value of %.60s is not a text", key);
        pairs[n] = (struct label){str_c(key), json_text(value)};
        if (check_label(pairs[n].name, pairs[n].value, err) < 0)
            return -1;
        n++;
    }
    return set_labels(g, group, pairs, n, origin, err);
}

static int read_json_group(struct target_groups *g, json_t *node,
                           const struct target_groups_origin *origin, struct err *err)
{
    json_t *targets = json_object_get(node, "targets"), *labels = json_object_get(node, "labels");
    const struct labels **items;
    struct target_group *group;
    const char *key;
    json_t *value;

    if (!json_is_object(node))
        return err_set(err, ERR_TYPE, "expected {\"targets\": [...], \"labels\": {...}}");
    json_object_foreach(node, key, value)
    {
        if (value != targets && value != labels)
            return err_set(err, ERR_TYPE, "unknown key \"%.60s\" (there are targets and labels)",
                           key);
    }
    if (targets && !json_is_null(targets) && !json_is_array(targets))
        return err_set(err, ERR_TYPE, "targets is not a list");
    if (labels && !json_is_null(labels) && !json_is_object(labels))
        return err_set(err, ERR_TYPE, "labels is not an object");
    group = add_group(g, origin->source, json_array_size(targets), &items, err);
    if (!group || read_json_targets(g, targets, items, err) < 0)
        return -1;
    return read_json_labels(g, group, labels, origin, err);
}

int target_groups_read_json(struct target_groups *g, struct str text,
                            const struct target_groups_origin *origin, struct err *err)
{
    json_t *root = NULL;
    int rc = 0;

    if (json_read(text, &root, err) < 0)
        return -1;
    if (!json_is_array(root))
        rc = err_set(err, ERR_TYPE, "expected a list of groups: [{\"targets\": [\"host:port\"]}]");
    for (size_t i = 0; rc == 0 && i < json_array_size(root); i++) {
        rc = read_json_group(g, json_array_get(root, i), origin, err);
        if (rc < 0)
            (void)err_context(err, "group %zu", i + 1);
    }
    json_decref(root);
    return rc;
}

/* ---- YAML ---- */

static int is_not(struct err *err, const struct yaml *at, const char *what)
{
    return err_at(err, ERR_TYPE, at->at, "%s", what);
}

static int read_yaml_targets(struct target_groups *g, const struct yaml *list,
                             const struct labels *targets[], struct err *err)
{
    for (size_t i = 0; list && i < list->n; i++) {
        const struct yaml *target = &list->items[i];

        if (target->kind != YAML_SCALAR)
            return is_not(err, target, "a target is a text like host:port");
        if (build_address(g, target->text, &targets[i], err) < 0)
            return -1;
    }
    return 0;
}

static int read_yaml_labels(struct target_groups *g, struct target_group *group,
                            const struct yaml *map, const struct target_groups_origin *origin,
                            struct err *err)
{
    size_t n = map ? map->n : 0;
    struct label *pairs = arena_new_array(&g->arena, struct label, n + 1, err);

    if (!pairs)
        return -1;
    for (size_t i = 0; i < n; i++) {
        const struct yaml *value = &map->pairs[i].value;

        if (value->kind != YAML_SCALAR && value->kind != YAML_NULL)
            return is_not(err, value, "the value of a label is a text");
        pairs[i] = (struct label){map->pairs[i].key.text,
                                  value->kind == YAML_SCALAR ? value->text : STR("")};
        if (check_label(pairs[i].name, pairs[i].value, err) < 0)
            return -1;
    }
    return set_labels(g, group, pairs, n, origin, err);
}

static const struct yaml *given(const struct yaml *node)
{
    return node && node->kind != YAML_NULL ? node : NULL;
}

static int read_yaml_group(struct target_groups *g, const struct yaml *node,
                           const struct target_groups_origin *origin, struct err *err)
{
    const struct yaml *targets = given(yaml_get(node, "targets")),
                      *labels = given(yaml_get(node, "labels"));
    const struct labels **items;
    struct target_group *group;

    if (node->kind != YAML_MAP)
        return is_not(err, node, "a group is a map of targets and labels");
    for (size_t i = 0; i < node->n; i++) {
        struct str key = node->pairs[i].key.text;

        if (!str_eq(key, STR("targets")) && !str_eq(key, STR("labels")))
            return is_not(err, &node->pairs[i].key, "unknown key (there are targets and labels)");
    }
    if (targets && targets->kind != YAML_LIST)
        return is_not(err, targets, "targets is not a list");
    if (labels && labels->kind != YAML_MAP)
        return is_not(err, labels, "labels is not a map");
    group = add_group(g, origin->source, targets ? targets->n : 0, &items, err);
    if (!group || read_yaml_targets(g, targets, items, err) < 0)
        return -1;
    return read_yaml_labels(g, group, labels, origin, err);
}

int target_groups_read_yaml(struct target_groups *g, struct str text, const char *file,
                            const struct target_groups_origin *origin, struct err *err)
{
    SCOPED(arena_fini) struct arena tree; /* all that is kept of it is copied */
    const struct yaml *root;

    arena_init(&tree, &g->budget);
    if (yaml_parse(&tree, file, text, &root, err) < 0)
        return -1;
    if (root->kind == YAML_NULL)
        return 0;
    if (root->kind != YAML_LIST)
        return is_not(err, root, "expected a list of groups: - targets: ['host:port']");
    for (size_t i = 0; i < root->n; i++)
        if (read_yaml_group(g, &root->items[i], origin, err) < 0)
            return -1;
    return 0;
}

/* ---- one target ---- */

int target_groups_add(struct target_groups *g, const char *source, struct label labels[], size_t n,
                      struct err *err)
{
    const struct labels **items;

    if (!add_group(g, source, 1, &items, err))
        return -1;
    return labels_build(&g->arena, labels, n, &items[0], err);
}
