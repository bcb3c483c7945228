#include "collect/alias.h"

#include "base/err.h"

struct kept {
    struct kept *next;
    struct emit_sample sample;
};

struct alias_pair {
    bool seen[2];
    struct metadata family; /* of the one that came; type METRIC_UNKNOWN without a line for it */
    struct kept *first, **end;
};

/* Which name of which pair it is; -1: none. */
static int side_of(const struct alias *a, struct str name, struct alias_pair **pair)
{
    for (size_t i = 0; i < a->settings->n; i++) {
        for (int side = 0; side < 2; side++) {
            if (str_eq(a->settings->items[i].names[side], name)) {
                *pair = &a->pairs[i];
                return side;
            }
        }
    }
    return -1;
}

static int on_family(struct emit *e, const struct metadata *family, struct err *err)
{
    struct alias *a = CONTAINER_OF(e, struct alias, emit);
    struct alias_pair *pair;

    if (side_of(a, family->family, &pair) >= 0) {
        pair->family.type = family->type;
        pair->family.help = arena_str(&a->arena, family->help, err);
        if (!pair->family.help.p)
            return -1;
    }
    return a->to->family(a->to, family, err);
}

static int copy_labels(struct alias *a, struct emit_sample *s, struct err *err)
{
    struct label *labels = arena_new_array(&a->arena, struct label, s->labels_n, err);

    if (!labels)
        return -1;
    for (size_t i = 0; i < s->labels_n; i++) {
        labels[i].name = arena_str(&a->arena, s->labels[i].name, err);
        labels[i].value = arena_str(&a->arena, s->labels[i].value, err);
        if (!labels[i].name.p || !labels[i].value.p)
            return -1;
    }
    s->labels = labels;
    return 0;
}

static int keep(struct alias *a, struct alias_pair *pair, const struct emit_sample *s,
                struct err *err)
{
    struct kept *kept = arena_new(&a->arena, struct kept, err);

    if (!kept)
        return -1;
    *kept = (struct kept){.sample = {.labels = s->labels,
                                     .labels_n = s->labels_n,
                                     .value = s->value,
                                     .ts = s->ts,
                                     .has_ts = s->has_ts}};
    if (copy_labels(a, &kept->sample, err) < 0)
        return -1;
    *pair->end = kept;
    pair->end = &kept->next;
    return 0;
}

static int on_sample(struct emit *e, const struct emit_sample *s, struct err *err)
{
    struct alias *a = CONTAINER_OF(e, struct alias, emit);
    struct emit_sample without_text = *s;
    struct alias_pair *pair;
    int side = side_of(a, s->name, &pair);

    if (side >= 0) {
        pair->seen[side] = true;
        if (!pair->seen[!side] && keep(a, pair, s, err) < 0)
            return -1;
    }
    /* What is told beside the text has none of it, and a receiver knows a scrape by one or the
     * other. */
    without_text.text = (struct emit_text){.type = METRIC_UNKNOWN};
    return a->to->sample(a->to, &without_text, err);
}

int alias_begin(struct alias *a, const struct metric_aliases *settings, struct emit *to,
                struct budget *budget, struct err *err)
{
    *a = (struct alias){
        .emit = {.family = on_family, .sample = on_sample}, .to = to, .settings = settings};
    arena_init(&a->arena, budget);
    a->pairs = arena_zalloc_array(&a->arena, settings->n, sizeof *a->pairs, err);
    if (!a->pairs)
        return -1;
    for (size_t i = 0; i < settings->n; i++)
        a->pairs[i].end = &a->pairs[i].first;
    return 0;
}

static int tell(struct alias *a, struct alias_pair *pair, struct str name, struct err *err)
{
    pair->family.family = name;
    if (a->to->family(a->to, &pair->family, err) < 0)
        return -1;
    for (struct kept *k = pair->first; k; k = k->next) {
        k->sample.name = name;
        if (a->to->sample(a->to, &k->sample, err) < 0)
            return -1;
    }
    return 0;
}

int alias_finish(struct alias *a, struct err *err)
{
    for (size_t i = 0; i < a->settings->n; i++) {
        struct alias_pair *pair = &a->pairs[i];

        if (pair->seen[0] != pair->seen[1] &&
            tell(a, pair, a->settings->items[i].names[pair->seen[0]], err) < 0)
            return -1;
    }
    return 0;
}

void alias_fini(struct alias *a)
{
    arena_fini(&a->arena);
}
