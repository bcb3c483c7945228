/* An entry of collect.path. */
#include "collect/entry_settings.h"
#include "collect/path/path_settings.h"
#include "config/internal.h"
#include "config/schema.h"

const void *entry_read_path(struct config_builder *b, const struct yaml *node,
                            struct entry_settings *entry)
{
    struct path_settings *s = builder_array(b, 1, sizeof *s);

    if (!s)
        return NULL;
    if (schema_gives(node, "path"))
        s->path = builder_path(b, yaml_get(node, "path"));
    else
        yaml_error(&b->errors, node, "collect.path: path is missing: a folder");
    yaml_read_bool(yaml_get(node, "files"), "", &s->files, &b->errors);
    entry->name = entry->endpoint = s->path;
    return s;
}
