/* The keys of an entry of collect.docker. */
#include "config/schema.h"

static const struct key docker_keys[] = {
    {.name = "socket", .type = KEY_STR},
};

const struct schema schema_entry_docker = {.what = "collect.docker",
                                           .keys = docker_keys,
                                           .n = ARRAY_LEN(docker_keys),
                                           .also = &schema_entry};
