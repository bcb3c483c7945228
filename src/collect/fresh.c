#include "collect/fresh.h"

#include "base/hash.h"
#include "base/mem.h"
#include "model/labels.h"

/* What a series takes in the store beside its labels: its places in the lists of series and slots
 * and its first stream; in the list of a label's value; and that list, when the value is new. */
#define STORE_BYTES       160u
#define STORE_LABEL_BYTES 8u
#define STORE_VALUE_BYTES 96u
#define RECENT_VALUES     4096u

/* ---- lists on the heap ---- */

static void *grow(const struct fresh *f, void *items, size_t *cap, size_t size, struct err *err)
{
    size_t more = *cap ? *cap + *cap / 2 : 64;

    if (f->budget && budget_charge(f->budget, (more - *cap) * size, err) < 0)
        return NULL;
    *cap = more;
    return mem_realloc(items, more * size);
}

static void give_back(struct fresh *f, size_t bytes)
{
    if (f->budget)
        budget_return(f->budget, bytes);
}

void fresh_init(struct fresh *f, struct budget *budget)
{
    *f = (struct fresh){.budget = budget};
    arena_init(&f->arena, budget);
}

void fresh_end(struct fresh *f)
{
    struct budget *budget = f->budget;

    mem_free(f->labels);
    mem_free(f->samples);
    give_back(f, f->cap * sizeof(const struct labels *) + f->samples_cap * sizeof *f->samples +
                     f->store_bytes);
    arena_reset(&f->arena);
    *f = (struct fresh){.budget = budget, .arena = f->arena};
}

/* ---- what the store will take ---- */

/* Values that come again and again are told from new ones by the few thousand that came last; one
 * that is new always counts as that. */
static size_t value_bytes(struct fresh *f, struct label label)
{
    /* A value follows its name. */
    uint32_t hash = (uint32_t)hash_bytes(label.name.p, label.name.n + label.value.n) | 1;
    uint32_t *recent = &f->recent_values[hash / 2 % RECENT_VALUES];

    if (*recent == hash)
        return STORE_LABEL_BYTES;
    *recent = hash;
    return STORE_LABEL_BYTES + STORE_VALUE_BYTES + label.value.n;
}

int fresh_charge(struct fresh *f, const struct labels *labels, struct err *err)
{
    size_t bytes = labels_size(labels) + STORE_BYTES;

    if (!f->budget)
        return 0;
    if (!f->recent_values &&
        !(f->recent_values = arena_new_array(&f->arena, uint32_t, RECENT_VALUES, err)))
        return -1;
    for (size_t i = 0; i < labels->n; i++)
        bytes += value_bytes(f, labels_at(labels, i));
    if (budget_charge(f->budget, bytes, err) < 0)
        return -1;
    f->store_bytes += bytes;
    return 0;
}

/* ---- gathering ---- */

int fresh_add(struct fresh *f, const struct labels *labels, struct err *err)
{
    if (f->n == f->cap) {
        const struct labels **items = grow(f, f->labels, &f->cap, sizeof *items, err);

        if (!items)
            return -1;
        f->labels = items;
    }
    f->labels[f->n++] = labels;
    return 0;
}

int fresh_wait(struct fresh *f, uint32_t place, uint32_t line, double value, struct err *err)
{
    if (f->samples_n == f->samples_cap) {
        struct fresh_sample *items = grow(f, f->samples, &f->samples_cap, sizeof *items, err);

        if (!items)
            return -1;
        f->samples = items;
    }
    f->samples[f->samples_n++] =
        (struct fresh_sample){.place = place, .line = line, .value = value};
    return 0;
}
