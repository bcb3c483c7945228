/* The keys of collect.process. What spans several of them is told by entry_process.c. */
#include "config/schema.h"

static const struct key process_keys[] = {
    {.name = "match", .type = KEY_REGEX},   {.name = "exe", .type = KEY_STR},
    {.name = "unit", .type = KEY_STR},      {.name = "container", .type = KEY_STR},
    {.name = "user", .type = KEY_STR},      {.name = "pid_file", .type = KEY_STR},
    {.name = "children", .type = KEY_BOOL}, {.name = "expect", .type = KEY_INT},
};
const struct schema schema_entry_process = {.what = "collect.process",
                                            .keys = process_keys,
                                            .n = ARRAY_LEN(process_keys),
                                            .also = &schema_entry};
