#include "collect/host/rows.h"

#include <stdlib.h>

struct row *rows_add(struct host_run *r, struct rows *rows)
{
    if (arena_grow(r->scratch, (void **)&rows->items, &rows->cap, rows->n + 1, sizeof *rows->items,
                   r->err) < 0) {
        r->stopped = true;
        return NULL;
    }
    rows->items[rows->n] = (struct row){.type = METRIC_GAUGE};
    return &rows->items[rows->n++];
}

struct str rows_name(struct host_run *r, const char *prefix, struct str name, const char *suffix)
{
    char *text = arena_printf(r->scratch, r->err, "%s%.*s%s", prefix, STR_ARGS(name), suffix);

    if (!text) {
        r->stopped = true;
        return STR("");
    }
    for (char *p = text; *p; p++) {
        bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z');

        if (!letter && !(*p >= '0' && *p <= '9') && *p != '_' && *p != ':')
            *p = '_';
    }
    return str_c(text);
}

struct place {
    const struct row *row;
};

static int by_family(const void *a, const void *b)
{
    const struct row *x = ((const struct place *)a)->row, *y = ((const struct place *)b)->row;
    int c = str_cmp(x->family, y->family);

    return c ? c : (x > y) - (x < y); /* stable */
}

void rows_emit(struct host_run *r, const struct rows *rows)
{
    struct place *order = rows->n ? host_new_array(r, struct place, rows->n) : NULL;

    if (!order)
        return;
    for (size_t i = 0; i < rows->n; i++)
        order[i].row = &rows->items[i];
    qsort(order, rows->n, sizeof *order, by_family);
    for (size_t i = 0; i < rows->n; i++) {
        const struct row *row = order[i].row;
        struct label labels[ROW_LABELS_MAX];

        if (i == 0 || !str_eq(row->family, order[i - 1].row->family))
            host_family(r, row->type, row->family.p, row->help.p);
        memcpy(labels, row->labels, sizeof labels);
        host_sample(r, row->value, labels, row->labels_n);
    }
}
