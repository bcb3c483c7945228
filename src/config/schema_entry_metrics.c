/* The keys of collect.metrics and collect.nginx, which have no more than a URL. */
#include "config/schema.h"

static const struct key url_keys[] = {
    {.name = "url", .type = KEY_URL},
};

const struct schema schema_entry_metrics = {.what = "collect.metrics",
                                            .keys = url_keys,
                                            .n = ARRAY_LEN(url_keys),
                                            .also = &schema_http_entry};
const struct schema schema_entry_nginx = {.what = "collect.nginx",
                                          .keys = url_keys,
                                          .n = ARRAY_LEN(url_keys),
                                          .also = &schema_http_entry};
