#include "collect/target_labels.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/emit.h"

#define EXPORTED "exported_"

struct pairs {
    struct label *items;
    size_t n;
    size_t own; /* of the sample; what follows was added */
};

static ptrdiff_t find(const struct pairs *p, size_t n, struct str name)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(p->items[i].name, name))
            return (ptrdiff_t)i;
    return -1;
}

static bool is_taken(const struct pairs *p, struct str name)
{
    ptrdiff_t at = find(p, p->n, name);

    return at >= 0 && p->items[at].value.n;
}

/* exported_NAME, or with as many more exported_ as it takes to be free. */
static int free_name(struct arena *a, const struct pairs *p, struct str name, struct str *out,
                     struct err *err)
{
    do {
        char *longer = arena_alloc(a, sizeof EXPORTED - 1 + name.n, err);

        if (!longer)
            return -1;
        memcpy(longer, EXPORTED, sizeof EXPORTED - 1);
        memcpy(longer + sizeof EXPORTED - 1, name.p, name.n);
        name = (struct str){longer, sizeof EXPORTED - 1 + name.n};
    } while (is_taken(p, name));
    *out = name;
    return 0;
}

static int by_length_of_name(const void *a, const void *b)
{
    const struct label *x = a, *y = b;

    return x->name.n != y->name.n ? (x->name.n < y->name.n ? -1 : 1) : str_cmp(x->name, y->name);
}

/* The target's labels win: those of the sample that they hide get a name that is free. */
static int add_over(struct arena *a, const struct labels *target, struct pairs *p, struct err *err)
{
    struct label *hidden = arena_alloc(a, target->n * sizeof *hidden, err);
    size_t hidden_n = 0;

    if (!hidden)
        return -1;
    for (size_t i = 0; i < target->n; i++) {
        struct label label = labels_at(target, i);
        ptrdiff_t at = find(p, p->own, label.name);

        if (at < 0) {
            p->items[p->n++] = label;
            continue;
        }
        if (p->items[at].value.n)
            hidden[hidden_n++] = p->items[at];
        p->items[at].value = label.value;
    }
    qsort(hidden, hidden_n, sizeof *hidden, by_length_of_name);
    for (size_t i = 0; i < hidden_n; i++) {
        struct str name;
        ptrdiff_t at;

        if (free_name(a, p, hidden[i].name, &name, err) < 0)
            return -1;
        at = find(p, p->n, name); /* there, but empty: filled */
        if (at < 0)
            at = (ptrdiff_t)p->n++;
        p->items[at] = (struct label){name, hidden[i].value};
    }
    return 0;
}

static void add_under(const struct labels *target, struct pairs *p)
{
    for (size_t i = 0; i < target->n; i++) {
        struct label label = labels_at(target, i);

        if (find(p, p->own, label.name) < 0)
            p->items[p->n++] = label;
    }
}

int target_labels_build(struct arena *a, const struct labels *target, bool honor_labels,
                        const struct emit_sample *sample, const struct labels **out,
                        struct err *err)
{
    size_t most = sample->labels_n + 1 + 2 * (size_t)target->n;
    struct pairs p = {.items = arena_alloc(a, most * sizeof *p.items, err)};

    if (!p.items)
        return -1;
    if (sample->labels_n)
        memcpy(p.items, sample->labels, sample->labels_n * sizeof *p.items);
    p.items[sample->labels_n] = (struct label){STR(LABEL_NAME), sample->name};
    p.own = p.n = sample->labels_n + 1;
    if (honor_labels)
        add_under(target, &p);
    else if (add_over(a, target, &p, err) < 0)
        return -1;
    return labels_build(a, p.items, p.n, out, err);
}
