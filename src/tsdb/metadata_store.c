#include "tsdb/metadata_store.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/mem.h"

#define FAMILIES_MAX 100000u

struct family {
    struct metadata meta; /* texts owned: they follow in `text` */
    char text[];
};

void metadata_store_init(struct metadata_store *s)
{
    pthread_mutex_init(&s->lock, NULL);
    map_init(&s->families);
}

void metadata_store_fini(struct metadata_store *s)
{
    struct family *f;

    for (size_t at = 0; (f = map_next(&s->families, &at));)
        mem_free(f);
    map_fini(&s->families);
    pthread_mutex_destroy(&s->lock);
}

static bool family_is(const void *item, const void *key)
{
    return str_eq(((const struct family *)item)->meta.family, *(const struct str *)key);
}

static struct str copy_at(char **at, struct str s)
{
    struct str copy = {*at, s.n};

    if (s.n)
        memcpy(*at, s.p, s.n);
    *at += s.n;
    return copy;
}

static struct family *family_new(const struct metadata *m)
{
    struct family *f = mem_zalloc(sizeof *f + m->family.n + m->help.n + m->unit.n);
    char *at = f->text;

    f->meta.type = m->type;
    f->meta.family = copy_at(&at, m->family);
    f->meta.help = copy_at(&at, m->help);
    f->meta.unit = copy_at(&at, m->unit);
    return f;
}

static bool same(const struct metadata *a, const struct metadata *b)
{
    return a->type == b->type && str_eq(a->help, b->help) && str_eq(a->unit, b->unit);
}

bool metadata_store_put(struct metadata_store *s, const struct metadata *m)
{
    uint64_t hash = hash_str(m->family);
    struct family *f;
    bool news;

    pthread_mutex_lock(&s->lock);
    f = map_get(&s->families, hash, &m->family, family_is);
    news = f ? !same(&f->meta, m) : s->families.n < FAMILIES_MAX;
    if (news) {
        if (f)
            mem_free(map_remove(&s->families, hash, &m->family, family_is));
        map_put(&s->families, hash, family_new(m));
    }
    pthread_mutex_unlock(&s->lock);
    return news;
}

static int by_family(const void *a, const void *b)
{
    return str_cmp(((const struct metadata *)a)->family, ((const struct metadata *)b)->family);
}

static int copy_out(struct arena *a, const struct metadata *m, struct metadata *out,
                    struct err *err)
{
    out->type = m->type;
    out->family = arena_str(a, m->family, err);
    out->help = arena_str(a, m->help, err);
    out->unit = arena_str(a, m->unit, err);
    return out->family.p && out->help.p && out->unit.p ? 0 : -1;
}

int metadata_store_get(struct metadata_store *s, struct arena *a, struct str family,
                       struct metadata **out, size_t *n, struct err *err)
{
    struct metadata *all;
    struct family *f;
    size_t k = 0;
    int rc = 0;

    pthread_mutex_lock(&s->lock);
    all = arena_new_array(a, struct metadata, family.n ? 1 : s->families.n, err);
    if (!all)
        rc = -1;
    else if (family.n && (f = map_get(&s->families, hash_str(family), &family, family_is)))
        rc = copy_out(a, &f->meta, &all[k++], err);
    else if (!family.n)
        for (size_t at = 0; rc == 0 && (f = map_next(&s->families, &at)); k++)
            rc = copy_out(a, &f->meta, &all[k], err);
    pthread_mutex_unlock(&s->lock);
    if (rc < 0)
        return -1;
    if (k)
        qsort(all, k, sizeof *all, by_family);
    *out = all;
    *n = k;
    return 0;
}
