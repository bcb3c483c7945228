/* The keys of an entry of collect.path. */
#include "config/schema.h"

static const struct key path_keys[] = {
    {.name = "path", .type = KEY_STR},
    {.name = "files", .type = KEY_BOOL},
};

const struct schema schema_entry_path = {
    .what = "collect.path", .keys = path_keys, .n = ARRAY_LEN(path_keys), .also = &schema_entry};
