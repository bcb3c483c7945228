#include "collect/families.h"

#include "base/hash.h"
#include "base/mem.h"
#include "model/metadata.h"

/* In the low bits of `name`: it is taken, and the last type that was known. */
#define TAKEN     UINT64_C(8)
#define TYPE_BITS UINT64_C(7)

struct family_entry {
    uint64_t name; /* hash; 0: free */
    uint64_t said;
};
_Static_assert(METRIC_STATESET <= TYPE_BITS, "a type fits into three bits");

void families_init(struct families *f)
{
    *f = (struct families){.n = 0};
}

void families_fini(struct families *f)
{
    mem_free(f->entries);
    families_init(f);
}

void families_forget(struct families *f)
{
    families_fini(f);
    f->changed = true;
}

static struct family_entry *entry_of(const struct families *f, uint64_t name)
{
    size_t i = name / (2 * TAKEN) & (f->cap - 1);

    while (f->entries[i].name && (f->entries[i].name | TYPE_BITS) != (name | TYPE_BITS))
        i = (i + 1) & (f->cap - 1);
    return &f->entries[i];
}

static void grow(struct families *f)
{
    const struct families old = *f;

    f->cap = old.cap ? old.cap * 2 : 64;
    f->entries = mem_new_array(struct family_entry, f->cap);
    for (size_t i = 0; i < old.cap; i++)
        if (old.entries[i].name)
            *entry_of(f, old.entries[i].name) = old.entries[i];
    mem_free(old.entries);
}

/* What is not said of a type does not change it. */
static void note_type(struct families *f, struct family_entry *entry, enum metric_type type)
{
    enum metric_type before = (enum metric_type)(entry->name & TYPE_BITS);

    f->type_before = f->type_after = METRIC_UNKNOWN;
    if (type == METRIC_UNKNOWN || type == before)
        return;
    entry->name = (entry->name & ~TYPE_BITS) | type;
    if (before != METRIC_UNKNOWN) {
        f->type_before = before;
        f->type_after = type;
    }
}

bool families_note(struct families *f, const struct metadata *m)
{
    uint64_t name = (hash_str(m->family) & ~TYPE_BITS) | TAKEN;
    uint64_t said = hash_mix(hash_mix(hash_str(m->help), hash_str(m->unit)), m->type);
    struct family_entry *entry;

    if (f->n >= FAMILIES_MAX)
        families_forget(f);
    if ((f->n + 1) * 4 > f->cap * 3)
        grow(f);
    entry = entry_of(f, name);
    if (entry->name && entry->said == said)
        return false;
    f->changed |= entry->name != 0;
    f->n += !entry->name;
    if (!entry->name)
        entry->name = name;
    entry->said = said;
    note_type(f, entry, m->type);
    return true;
}
