#include "collect/json/tally.h"

#include "base/hash.h"
#include "base/mem.h"
#include "model/labels.h"

/* Ids are known by 128 bits of their hash: they may be long, and there may be many. */
struct seen {
    struct hash128 id;
    ts_ms since;
    uint64_t answer; /* the last one that had it */
};

static bool is_id(const void *item, const void *key)
{
    const struct hash128 *a = &((const struct seen *)item)->id, *b = key;

    return a->low == b->low && a->high == b->high;
}

void tally_init(struct tally *t, enum tally_kind kind)
{
    *t = (struct tally){.kind = kind};
    map_init(&t->ids);
}

void tally_fini(struct tally *t)
{
    size_t at = 0;
    void *id;

    for (size_t i = 0; i < t->groups_n; i++)
        mem_free(t->groups[i].labels);
    mem_free(t->groups);
    while ((id = map_next(&t->ids, &at)))
        mem_free(id);
    map_fini(&t->ids);
}

void tally_begin(struct tally *t, ts_ms now)
{
    t->answer++;
    t->now = now;
    for (size_t i = 0; t->kind != TALLY_ONCE && i < t->groups_n; i++)
        t->groups[i].value = 0;
}

/* There are few: a list will do. */
static struct tally_group *find_group(struct tally *t, const struct labels *labels)
{
    for (size_t i = 0; i < t->groups_n; i++)
        if (labels_equal(t->groups[i].labels, labels))
            return &t->groups[i];
    if (t->groups_n == TALLY_GROUPS_MAX)
        return NULL;
    t->groups = mem_grow(t->groups, &t->groups_cap, t->groups_n + 1, sizeof *t->groups);
    t->groups[t->groups_n] = (struct tally_group){labels_dup(labels), 0};
    return &t->groups[t->groups_n++];
}

/* Those that this answer does not have, or has not shown yet. */
static void forget_others(struct tally *t)
{
    struct map kept;
    struct seen *s;
    size_t at = 0;

    map_init(&kept);
    while ((s = map_next(&t->ids, &at))) {
        if (s->answer == t->answer)
            map_put(&kept, s->id.low, s);
        else
            mem_free(s);
    }
    map_fini(&t->ids);
    t->ids = kept;
}

static struct seen *find_id(struct tally *t, struct str text, bool *is_new)
{
    struct hash128 id = hash_bytes128(text.p, text.n);
    struct seen *s = map_get(&t->ids, id.low, &id, is_id);

    *is_new = !s;
    if (s) {
        s->answer = t->answer;
        return s;
    }
    if (t->ids.n == TALLY_IDS_MAX)
        forget_others(t);
    if (t->ids.n == TALLY_IDS_MAX)
        return NULL;
    s = mem_new(struct seen);
    *s = (struct seen){id, t->now, t->answer};
    map_put(&t->ids, id.low, s);
    return s;
}

bool tally_note(struct tally *t, const struct labels *labels)
{
    return find_group(t, labels);
}

bool tally_add(struct tally *t, const struct labels *labels, struct str id)
{
    struct tally_group *group = find_group(t, labels);
    const struct seen *s;
    bool is_new;
    double age;

    if (!group)
        return false;
    if (t->kind == TALLY_COUNT) {
        group->value++;
        return true;
    }
    s = find_id(t, id, &is_new);
    if (!s)
        return false;
    age = (double)(t->now - s->since) / 1000;
    if (t->kind == TALLY_FIRST_SEEN)
        group->value = age > group->value ? age : group->value;
    else
        group->value += is_new && t->begun;
    return true;
}

void tally_end(struct tally *t)
{
    t->begun = true;
    if (t->kind == TALLY_FIRST_SEEN)
        forget_others(t);
}
