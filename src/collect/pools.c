#include "collect/pools.h"

#include <string.h>

#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"
#include "collect/collect.h"
#include "collect/pool.h"
#include "collect/scrape_settings.h"
#include "sys/loop.h"

/* How long the targets of a changed job wait for the new pool's discovery, before their series are
 * marked stale. */
#define HAND_OVER_MS 2000

/* So many jobs and targets end or start before the loop has its turn: a few milliseconds. */
#define SLICE   100
#define TURN_MS 1 /* 0 would be the same turn again */

struct member {
    struct pools *pools;
    struct pool *pool;
    struct pools_owner *owner; /* a reference */
    size_t at;                 /* in `ending` */
};

/* A pools_apply that is under way. */
struct change {
    const struct scrape_job *jobs;
    struct pools_owner *owner; /* a reference */
    struct member **items;     /* owned; [n], by job; NULL: to be started */
    size_t n, started;
    struct leaving {
        struct member *member;
        bool goes_on; /* in a new pool */
    } * leaving;      /* owned; [leaving_n] */
    size_t leaving_n, left;
};

struct pools {
    struct collect *collect;
    struct member **items; /* owned; [n] */
    size_t n;
    struct change *change; /* owned; NULL: none */
    struct loop_timer *timer;
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

/* Names are unique here and behind each host. */
static uint64_t hash_name(const struct scrape_job *job)
{
    return hash_mix(hash_str(str_c(job->name)), hash_str(str_c(job->host ? job->host : "")));
}

static bool has_name(const void *item, const void *key)
{
    const struct scrape_job *a = pool_job(((const struct member *)item)->pool), *b = key;

    return strcmp(a->name, b->name) == 0 &&
           strcmp(a->host ? a->host : "", b->host ? b->host : "") == 0;
}

/* ---- a change, in slices ---- */

static size_t leaving_cost(const struct member *m)
{
    return 1 + pool_status(m->pool).targets_n;
}

static size_t starting_cost(const struct scrape_job *job)
{
    size_t targets = 0;

    for (size_t i = 0; i < job->static_groups_n; i++)
        targets += job->static_groups[i].targets_n;
    return 1 + (targets < SLICE ? targets : 0); /* many are made on a lane */
}

/* Those that run, in the order of the configuration. */
static void show(struct pools *ps)
{
    const struct change *ch = ps->change;

    mem_free(ps->items);
    ps->items = mem_new_array(struct member *, ch->n + 1);
    ps->n = 0;
    for (size_t i = 0; i < ch->n; i++)
        if (ch->items[i])
            ps->items[ps->n++] = ch->items[i];
}

static void end_change(struct pools *ps)
{
    struct change *ch = take(ps->change);

    loop_timer_free(take(ps->timer));
    pools_owner_unref(ch->owner);
    mem_free(ch->items);
    mem_free(ch->leaving);
    mem_free(ch);
}

/* First all that goes: a target may have moved from one job to another. True: it is done. */
static bool run_slice(struct pools *ps, size_t budget)
{
    struct change *ch = ps->change;
    /* Until then the last of the others has started. */
    int64_t wait_ms = HAND_OVER_MS + (int64_t)ch->n / 10;
    size_t cost = 0;

    for (; cost < budget && ch->left < ch->leaving_n; ch->left++) {
        const struct leaving *l = &ch->leaving[ch->left];

        cost += leaving_cost(l->member);
        end_member(ps, l->member, l->goes_on ? wait_ms : 0);
    }
    for (; cost < budget && ch->started < ch->n; ch->started++) {
        if (ch->items[ch->started])
            continue;
        cost += starting_cost(&ch->jobs[ch->started]);
        ch->items[ch->started] = start_member(ps, &ch->jobs[ch->started], ch->owner);
    }
    show(ps);
    if (ch->left < ch->leaving_n || ch->started < ch->n)
        return false;
    end_change(ps);
    return true;
}

static void on_timer(void *arg)
{
    struct pools *ps = arg;

    if (!run_slice(ps, SLICE))
        loop_timer_restart(ps->timer, TURN_MS, 0);
}

static void leave(struct change *ch, struct member *m, bool goes_on)
{
    ch->leaving[ch->leaving_n++] = (struct leaving){m, goes_on};
}

static void plan(struct pools *ps, struct change *ch)
{
    SCOPED(map_fini) struct map old; /* by name */
    struct member *gone;
    size_t at = 0;

    map_init(&old);
    for (size_t i = 0; i < ps->n; i++)
        map_put(&old, hash_name(pool_job(ps->items[i]->pool)), ps->items[i]);
    for (size_t i = 0; i < ch->n; i++) {
        const struct scrape_job *job = &ch->jobs[i];
        struct member *m = map_remove(&old, hash_name(job), job, has_name);

        if (m && pool_job(m->pool)->fingerprint != job->fingerprint)
            leave(ch, take(m), true);
        ch->items[i] = m;
    }
    while ((gone = map_next(&old, &at)))
        leave(ch, gone, false);
}

void pools_apply(struct pools *ps, const struct scrape_job *jobs, size_t n,
                 struct pools_owner *owner)
{
    struct change *ch = mem_new(struct change);

    if (ps->change)
        (void)run_slice(ps, SIZE_MAX);
    owner->refs++;
    *ch = (struct change){.jobs = jobs,
                          .n = n,
                          .owner = owner,
                          .items = mem_new_array(struct member *, n + 1),
                          .leaving = mem_new_array(struct leaving, ps->n + 1)};
    plan(ps, ch);
    ps->change = ch;
    if (!run_slice(ps, SLICE))
        ps->timer = loop_timer_new(collect_context_of(ps->collect)->loop, TURN_MS, 0, on_timer, ps);
}

static void free_member(struct member *m)
{
    pool_free(m->pool);
    pools_owner_unref(m->owner);
    mem_free(m);
}

void pools_free(struct pools *ps)
{
    if (!ps)
        return;
    for (size_t i = 0; i < ps->n; i++)
        free_member(ps->items[i]);
    for (size_t i = 0; i < ps->ending_n; i++)
        free_member(ps->ending[i]);
    if (ps->change) {
        for (size_t i = ps->change->left; i < ps->change->leaving_n; i++)
            free_member(ps->change->leaving[i].member);
        end_change(ps);
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
