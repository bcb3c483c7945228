/* The keys of collect.gpu. */
#include "config/schema.h"

static const struct key gpu_keys[] = {
    {.name = "source", .type = KEY_STR},       {.name = "nvidia_smi", .type = KEY_STR},
    {.name = "per_process", .type = KEY_BOOL}, {.name = "exclude", .type = KEY_STRS},
    {.name = "reserves", .type = KEY_STRS},
};

const struct schema schema_entry_gpu = {
    .what = "collect.gpu", .keys = gpu_keys, .n = ARRAY_LEN(gpu_keys), .also = &schema_entry};
