/* The keys of an entry of collect.metrics. */
#include "config/schema.h"

static const struct key metrics_keys[] = {
    {.name = "url", .type = KEY_URL},
};

const struct schema schema_entry_metrics = {.what = "collect.metrics",
                                            .keys = metrics_keys,
                                            .n = ARRAY_LEN(metrics_keys),
                                            .also = &schema_http_entry};
