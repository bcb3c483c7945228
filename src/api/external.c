/* The labels that this server adds where its series leave the house. */
#include <stdlib.h>

#include "api/internal.h"
#include "base/arena.h"
#include "config/config.h"

static int by_name(const void *a, const void *b)
{
    return str_cmp(((const struct label *)a)->name, ((const struct label *)b)->name);
}

int api_external_labels(struct api *api, struct arena *a, size_t more, struct label **out,
                        size_t *n, struct err *err)
{
    const struct config *config = api->c.config;
    struct label *labels =
        arena_zalloc_array(a, config->external_labels_n + more, sizeof *labels, err);

    if (!labels)
        return -1;
    for (size_t i = 0; i < config->external_labels_n; i++) {
        labels[i].name = arena_str(a, str_c(config->external_labels[i].name), err);
        labels[i].value = arena_str(a, str_c(config->external_labels[i].value), err);
        if (!labels[i].name.p || !labels[i].value.p)
            return -1;
    }
    if (config->external_labels_n)
        qsort(labels, config->external_labels_n, sizeof *labels, by_name);
    *out = labels;
    *n = config->external_labels_n;
    return 0;
}
