/* Any bytes as a file of target groups: the first byte says in which of the two languages. What was
 * read is a list whose label sets hold. */
#include <stdlib.h>

#include "base/err.h"
#include "collect/discover/groups.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct labels *ls)
{
    if (!labels_check(ls, labels_size(ls)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct target_groups_origin origin = {"f", {STR("__meta_url"), STR("f")}};
    struct str text = {(const char *)data + 1, size - 1};
    struct target_groups *g;
    struct err err;
    int rc;

    if (size == 0)
        return 0;
    g = target_groups_new(NULL);
    rc = data[0] & 1 ? target_groups_read_json(g, text, &origin, &err)
                     : target_groups_read_yaml(g, text, "f", &origin, &err);
    for (size_t i = 0; rc == 0 && i < g->n; i++) {
        check(g->items[i].labels);
        if (!str_eq(labels_get(g->items[i].labels, STR("__meta_url")), STR("f")))
            abort();
        for (size_t k = 0; k < g->items[i].targets_n; k++)
            check(g->items[i].targets[k]);
    }
    target_groups_unref(g);
    return 0;
}
