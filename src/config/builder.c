/* What the readers of this folder share: copies that live as long as the config. */
#include <string.h>

#include "base/err.h"
#include "config/internal.h"
#include "config/schema.h"

const char *builder_copy(struct config_builder *b, struct str s)
{
    const char *p = arena_cstr(b->arena, s, &b->err);

    b->failed |= !p;
    return p ? p : "";
}

void *builder_array(struct config_builder *b, size_t n, size_t size)
{
    void *p = arena_zalloc_array(b->arena, n, size, &b->err);

    b->failed |= !p;
    return p;
}

const char *builder_text(struct config_builder *b, const struct yaml *map, const char *key,
                         const char *otherwise)
{
    struct str text = schema_text(map, key);

    return text.n > 0 ? builder_copy(b, text) : otherwise;
}

const char *builder_method(struct config_builder *b, const struct yaml *map, const char *otherwise)
{
    const char *method = builder_text(b, map, "method", otherwise);

    for (const char *p = method ? method : ""; *p; p++)
        if (*p < 'A' || *p > 'Z') {
            yaml_error(&b->errors, yaml_get(map, "method"), "method: expected GET, HEAD, POST ...");
            break;
        }
    return method;
}

struct str builder_folder(const struct yaml *at)
{
    const char *slash = at->file ? strrchr(at->file, '/') : NULL;

    return slash ? (struct str){at->file, (size_t)(slash + 1 - at->file)} : STR("");
}

const char *builder_path(struct config_builder *b, const struct yaml *node)
{
    struct str folder = builder_folder(node), path = node->text;
    const char *p;

    if (str_starts(path, STR("/")))
        return builder_copy(b, path);
    while (str_starts(path, STR("./")))
        path = str_skip(path, 2);
    p = arena_printf(b->arena, &b->err, "%.*s%.*s", STR_ARGS(folder), STR_ARGS(path));
    b->failed |= !p;
    return p ? p : "";
}

const char *const *builder_texts(struct config_builder *b, const struct yaml *list,
                                 const char *(*copy)(struct config_builder *b,
                                                     const struct yaml *node),
                                 size_t *n)
{
    const char **all;

    *n = 0;
    if (!list || list->kind != YAML_LIST)
        return NULL;
    all = builder_array(b, list->n, sizeof *all);
    for (size_t i = 0; all && i < list->n; i++)
        all[(*n)++] = copy(b, &list->items[i]);
    return all;
}

const char *builder_item(struct config_builder *b, const struct yaml *node)
{
    return builder_copy(b, node->text);
}
