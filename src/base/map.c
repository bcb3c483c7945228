#include "base/map.h"

#include "base/mem.h"

#define CAP_MIN 16u

void map_init(struct map *m)
{
    *m = (struct map){0};
}

void map_fini(struct map *m)
{
    mem_free(m->slots);
    map_init(m);
}

void *map_get(const struct map *m, uint64_t hash, const void *key, map_equal equal)
{
    if (!m->cap)
        return NULL;
    for (size_t i = hash & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
        const struct map_slot *slot = &m->slots[i];

        if (!slot->item)
            return NULL;
        if (slot->hash == hash && equal(slot->item, key))
            return slot->item;
    }
}

static void place(struct map *m, uint64_t hash, void *item)
{
    size_t i = hash & (m->cap - 1);

    while (m->slots[i].item)
        i = (i + 1) & (m->cap - 1);
    m->slots[i] = (struct map_slot){hash, item};
}

void map_put(struct map *m, uint64_t hash, void *item)
{
    if ((m->n + 1) * 8 > m->cap * 7) {
        struct map old = *m;

        m->cap = old.cap ? old.cap * 2 : CAP_MIN;
        m->slots = mem_new_array(struct map_slot, m->cap);
        for (size_t i = 0; i < old.cap; i++)
            if (old.slots[i].item)
                place(m, old.slots[i].hash, old.slots[i].item);
        mem_free(old.slots);
    }
    place(m, hash, item);
    m->n++;
}

void *map_remove(struct map *m, uint64_t hash, const void *key, map_equal equal)
{
    size_t mask = m->cap - 1;
    size_t hole;
    void *item;

    if (!m->cap)
        return NULL;
    for (hole = hash & mask;; hole = (hole + 1) & mask) {
        if (!m->slots[hole].item)
            return NULL;
        if (m->slots[hole].hash == hash && equal(m->slots[hole].item, key))
            break;
    }
    item = m->slots[hole].item;
    /* Shift back every follower that the hole lies between it and its home slot. */
    for (size_t i = (hole + 1) & mask; m->slots[i].item; i = (i + 1) & mask) {
        size_t home = m->slots[i].hash & mask;

        if (((i - home) & mask) >= ((i - hole) & mask)) {
            m->slots[hole] = m->slots[i];
            hole = i;
        }
    }
    m->slots[hole] = (struct map_slot){0, NULL};
    m->n--;
    return item;
}

void *map_next(const struct map *m, size_t *at)
{
    while (*at < m->cap) {
        void *item = m->slots[(*at)++].item;

        if (item)
            return item;
    }
    return NULL;
}

bool map_check(const struct map *m)
{
    size_t n = 0;

    if ((m->cap & (m->cap - 1)) || m->n * 8 > m->cap * 7)
        return false;
    for (size_t i = 0; i < m->cap; i++) {
        if (!m->slots[i].item)
            continue;
        n++;
        for (size_t j = m->slots[i].hash & (m->cap - 1); j != i; j = (j + 1) & (m->cap - 1))
            if (!m->slots[j].item)
                return false;
    }
    return n == m->n;
}
