/* The keys of collect.metrics and collect.nginx, which have little more than a URL. */
#include "config/schema.h"

static const struct key url_keys[] = {
    {.name = "url", .type = KEY_URL},
};

static const struct key metrics_keys[] = {
    {.name = "url", .type = KEY_URL},
    {.name = "aliases", .type = KEY_STR_MAP},
};

const struct schema schema_entry_metrics = {.what = "collect.metrics",
                                            .keys = metrics_keys,
                                            .n = ARRAY_LEN(metrics_keys),
                                            .also = &schema_http_entry};
const struct schema schema_entry_nginx = {.what = "collect.nginx",
                                          .keys = url_keys,
                                          .n = ARRAY_LEN(url_keys),
                                          .also = &schema_http_entry};
