#include "collect/pools.h"

#include <string.h>

#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"
#include "collect/pool.h"
#include "collect/scrape_settings.h"

/* How long the targets of a changed job wait for the new pool's discovery, before their series are
 * marked stale. */
#define HAND_OVER_MS 2000

struct member {
    struct pools *pools;
    struct pool *pool;
    struct pools_owner *owner; /* a reference */
    size_t at;                 /* in `ending` */
};

struct pools {
    struct collect *collect;
    struct member **items; /* owned; [n] */
    size_t n;
    struct member **ending; /* owned; [ending_n] */
    size_t ending_n, ending_cap;
};

void pools_owner_unref(struct pools_owner *owner)
{
    if (owner && --owner->refs == 0)
        owner->free(owner);
}

struct pools *pools_new(struct collect *c)
{
    struct pools *ps = mem_new(struct pools);

    ps->collect = c;
    return ps;
}

static void on_ended(void *arg)
{
    struct member *m = arg;
    struct pools *ps = m->pools;

    ps->ending[m->at] = ps->ending[--ps->ending_n];
    ps->ending[m->at]->at = m->at;
    pools_owner_unref(m->owner);
    mem_free(m);
}

static void end_member(struct pools *ps, struct member *m, int64_t wait_ms)
{
    ps->ending = mem_grow(ps->ending, &ps->ending_cap, ps->ending_n + 1, sizeof *ps->ending);
    m->at = ps->ending_n;
    ps->ending[ps->ending_n++] = m;
    pool_end(m->pool, wait_ms, on_ended, m);
}

static struct member *start_member(struct pools *ps, const struct scrape_job *job,
                                   struct pools_owner *owner)
{
    struct member *m = mem_new(struct member);

    m->pools = ps;
    m->owner = owner;
    owner->refs++;
    m->pool = pool_new(ps->collect, job);
    return m;
}

static bool has_name(const void *item, const void *name)
{
    return strcmp(pool_job(((const struct member *)item)->pool)->name, name) == 0;
}

void pools_apply(struct pools *ps, const struct scrape_job *jobs, size_t n,
                 struct pools_owner *owner)
{
    SCOPED(map_fini) struct map old; /* by name */
    struct member **items = mem_new_array(struct member *, n + 1), *gone;
    size_t at = 0;

    map_init(&old);
    for (size_t i = 0; i < ps->n; i++)
        map_put(&old, hash_str(str_c(pool_job(ps->items[i]->pool)->name)), ps->items[i]);
    for (size_t i = 0; i < n; i++) {
        items[i] = map_remove(&old, hash_str(str_c(jobs[i].name)), jobs[i].name, has_name);
        if (items[i] && pool_job(items[i]->pool)->fingerprint != jobs[i].fingerprint) {
            end_member(ps, items[i], HAND_OVER_MS);
            items[i] = NULL;
        }
    }
    while ((gone = map_next(&old, &at)))
        end_member(ps, gone, 0);
    /* After all that goes: a target may have moved from one job to another. */
    for (size_t i = 0; i < n; i++)
        if (!items[i])
            items[i] = start_member(ps, &jobs[i], owner);
    mem_free(ps->items);
    ps->items = items;
    ps->n = n;
}

void pools_free(struct pools *ps)
{
    if (!ps)
        return;
    for (size_t i = 0; i < ps->n + ps->ending_n; i++) {
        struct member *m = i < ps->n ? ps->items[i] : ps->ending[i - ps->n];

        pool_free(m->pool);
        pools_owner_unref(m->owner);
        mem_free(m);
    }
    mem_free(ps->items);
    mem_free(ps->ending);
    mem_free(ps);
}

size_t pools_n(const struct pools *ps)
{
    return ps->n;
}

const struct pool *pools_at(const struct pools *ps, size_t i)
{
    return ps->items[i]->pool;
}
