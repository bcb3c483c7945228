/* How a change becomes targets:
 *
 *   discover: found -> `found` changes -> settled -> make (in place or on a lane) -> apply
 *
 * `make` works on a snapshot of references to groups, so that discoveries may go on meanwhile; what
 * they find is made after it. `apply` keeps a map of the running targets by labels and URL.
 */
#include "collect/pool.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "collect/collect.h"
#include "collect/cycle.h"
#include "collect/discover/discover.h"
#include "collect/discover/groups.h"
#include "collect/scrape_settings.h"
#include "collect/target_make.h"
#include "collect/via.h"
#include "http/client.h"
#include "model/labels.h"
#include "sys/lanes.h"
#include "sys/loop.h"

#define PART       "collect"
#define GATHER_MS  5000
#define BODY_MAX   ((size_t)128 << 20) /* more is not taken, whatever the job says */
#define FEW        100                 /* targets that are made on the loop itself */
#define MEMORY_MAX (512u << 20)        /* of all targets of a job while they are made */

/* What one source of one discovery has found. */
struct found {
    const struct discover *from;
    char *source;
    struct target_groups *groups;
};

/* One round of making. */
struct making {
    struct lane_job job;
    struct pool *pool;
    struct budget budget;
    struct arena arena;
    struct target_groups **groups; /* references; [groups_n] */
    size_t groups_n;

    struct made_target *items; /* not dropped; [n] */
    size_t n, cap;
    const struct labels **dropped;
    size_t dropped_n, dropped_cap, dropped_total;
    size_t refused_n;
    char refused_text[400];
    size_t alike_n;        /* new ones with the labels of another target */
    const char *alike_url; /* of the first */
    struct err err;        /* memory: the round is worth nothing */
};

/* A running target. */
struct running {
    struct cycle *cycle;
    uint64_t round; /* of apply, that has wanted it last */
};

struct pool {
    struct collect *collect;
    const struct scrape_job *job;
    struct client *client;

    struct discover **discovers; /* owned; [discovers_n] */
    bool *answered;              /* of each: it has settled once */
    size_t discovers_n;
    struct found *found;
    size_t found_n, found_cap;

    struct loop_timer *timer; /* NULL: nothing to act upon yet */
    int64_t applied_ns;
    bool changed, at_once;
    struct making *making; /* on a lane */
    struct making *made;   /* of the last round: what status shows */

    struct map targets; /* of struct running, by key_of */
    uint64_t round;
    char refused_logged[400];
    char over_limit[96]; /* what cycles of a job with too many targets say */

    void (*done)(void *arg); /* set: it ends */
    void *done_arg;
    size_t waiting; /* for cycles, discoveries and the lane, before done */
};

/* ---- making, on a lane or on the loop ---- */

static int keep_dropped(struct making *m, const struct made_target *t)
{
    uint64_t max = m->pool->job->keep_dropped_targets;

    m->dropped_total++;
    if (max && m->dropped_n >= max)
        return 0;
    if (arena_grow(&m->arena, (void **)&m->dropped, &m->dropped_cap, m->dropped_n + 1,
                   sizeof *m->dropped, &m->err) < 0)
        return -1;
    m->dropped[m->dropped_n++] = t->discovered;
    return 0;
}

static int make_target(struct making *m, const struct labels *group, const struct labels *own)
{
    struct made_target made = {.dropped = false};
    struct err err = {.kind = ERR_NONE};

    if (target_make(m->pool->job, group, own, &m->arena, &made, &err) < 0) {
        if (err.kind != ERR_EVAL && err.kind != ERR_SYNTAX && err.kind != ERR_TYPE) {
            m->err = err;
            return -1;
        }
        if (!m->refused_n++)
            (void)snprintf(m->refused_text, sizeof m->refused_text, "%s", err.text);
        return 0;
    }
    if (made.dropped)
        return keep_dropped(m, &made);
    if (arena_grow(&m->arena, (void **)&m->items, &m->cap, m->n + 1, sizeof *m->items, &m->err) < 0)
        return -1;
    m->items[m->n++] = made;
    return 0;
}

static int make_groups(struct making *m, const struct target_group *groups, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < groups[i].targets_n; k++)
            if (make_target(m, groups[i].labels, groups[i].targets[k]) < 0)
                return -1;
    return 0;
}

static void make(struct making *m)
{
    const struct scrape_job *job = m->pool->job;

    if (make_groups(m, job->static_groups, job->static_groups_n) < 0)
        return;
    for (size_t i = 0; i < m->groups_n; i++)
        if (make_groups(m, m->groups[i]->items, m->groups[i]->n) < 0)
            return;
}

static size_t count_targets(const struct target_group *groups, size_t n)
{
    size_t all = 0;

    for (size_t i = 0; i < n; i++)
        all += groups[i].targets_n;
    return all;
}

static void free_making(struct making *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->groups_n; i++)
        target_groups_unref(m->groups[i]);
    mem_free(m->groups);
    arena_fini(&m->arena);
    mem_free(m);
}

/* ---- applying ---- */

/* Two targets are one when all that makes a difference to a scrape is equal. */
static uint64_t hash_of(const struct labels *labels, const char *url)
{
    return labels->hash ^ hash_str(str_c(url));
}

static bool is_same(const void *item, const void *key)
{
    const struct target_settings *s = &((const struct running *)item)->cycle->settings;
    const struct made_target *t = key;

    return labels_equal(s->labels, t->labels) && strcmp(s->url, t->url) == 0 &&
           s->interval_ms == t->interval_ms && s->timeout_ms == t->timeout_ms;
}

static bool is_it(const void *item, const void *key)
{
    return item == key;
}

static void one_less(void *arg)
{
    struct pool *p = arg;

    if (--p->waiting == 0 && p->done) {
        void (*done)(void *) = p->done;
        void *done_arg = p->done_arg;

        pool_free(p);
        done(done_arg);
    }
}

static void remove_target(struct pool *p, struct running *r, int64_t wait_ms)
{
    const struct target_settings *s = &r->cycle->settings;

    (void)map_remove(&p->targets, hash_of(s->labels, s->url), r, is_it);
    p->waiting++;
    collect_remove(p->collect, r->cycle, wait_ms, one_less, p);
    mem_free(r);
}

static void remove_unwanted(struct pool *p)
{
    struct running **gone = mem_new_array(struct running *, p->targets.n + 1), *r;
    size_t n = 0, at = 0;

    while ((r = map_next(&p->targets, &at)))
        if (r->round != p->round)
            gone[n++] = r;
    for (size_t i = 0; i < n; i++)
        remove_target(p, gone[i], 0);
    mem_free(gone);
}

/* Behind a host there is none but through its tunnel. */
static int find_way(const struct pool *p, const char *url, struct via **out, struct err *err)
{
    struct vias *vias = collect_context_of(p->collect)->vias;

    return p->job->host ? vias->find(vias, p->job->host, url, out, err) : 0;
}

static int add_target(struct pool *p, struct making *m, const struct made_target *t,
                      struct err *err)
{
    uint64_t body_bytes = p->job->limits.body_bytes;
    struct target_settings settings = {.job = p->job->name,
                                       .honor_labels = p->job->honor_labels,
                                       .honor_timestamps = p->job->honor_timestamps,
                                       .scrape_job = p->job,
                                       .body_max = body_bytes && body_bytes < BODY_MAX ? body_bytes
                                                                                       : BODY_MAX,
                                       .labels = t->labels,
                                       .discovered = t->discovered,
                                       .interval_ms = t->interval_ms,
                                       .timeout_ms = t->timeout_ms,
                                       .client = p->client,
                                       .url = t->url};
    struct running *r;
    struct cycle *cycle;
    int rc;

    if (find_way(p, t->url, &settings.via, err) < 0)
        return -1;
    rc = collect_add_removable(p->collect, &settings, &cycle, err);
    via_unref(settings.via);
    if (rc < 0)
        return -1;
    r = mem_new(struct running);
    r->cycle = cycle;
    r->round = p->round;
    map_put(&p->targets, hash_of(t->labels, t->url), r);
    if (!labels_equal(cycle->key, t->labels) && !m->alike_n++)
        m->alike_url = t->url;
    return 0;
}

/* What cannot be added counts with what is no target. */
static void add_new(struct pool *p, struct making *m)
{
    for (size_t i = 0; i < m->n; i++) {
        const struct made_target *t = &m->items[i];
        struct err err;

        if (map_get(&p->targets, hash_of(t->labels, t->url), t, is_same))
            continue; /* there already, or found twice */
        if (add_target(p, m, t, &err) < 0 && !m->refused_n++)
            (void)snprintf(m->refused_text, sizeof m->refused_text, "%s", err.text);
    }
}

/* As Prometheus: more than target_limit, and all of the job go down. */
static void apply_limit(struct pool *p)
{
    uint64_t limit = p->job->limits.targets;
    bool over = limit && p->targets.n > limit;
    struct running *r;
    size_t at = 0;

    if (over)
        (void)snprintf(p->over_limit, sizeof p->over_limit,
                       "%zu targets are more than target_limit %" PRIu64 " of the job",
                       p->targets.n, limit);
    while ((r = map_next(&p->targets, &at)))
        collect_refuse(r->cycle, over ? p->over_limit : NULL);
}

static void tell_refused(struct pool *p)
{
    const struct making *m = p->made;

    if (m->refused_n && strcmp(p->refused_logged, m->refused_text) != 0)
        log_warn(collect_context_of(p->collect)->log, PART,
                 "job %s: %zu found targets are left out; the first: %s", p->job->name,
                 m->refused_n, m->refused_text);
    (void)snprintf(p->refused_logged, sizeof p->refused_logged, "%s", m->refused_text);
}

static void tell_alike(struct pool *p)
{
    const struct making *m = p->made;

    if (m->alike_n)
        log_warn(collect_context_of(p->collect)->log, PART,
                 "job %s: %zu targets have the labels of another one and differ in the URL alone; "
                 "their samples mix in the same series, and of two at the same time the first "
                 "counts: give each an instance of its own. The first of them: %s",
                 p->job->name, m->alike_n, m->alike_url);
}

static void apply(struct pool *p, struct making *m)
{
    const struct collect_context *context = collect_context_of(p->collect);

    if (m->err.kind != ERR_NONE) {
        log_error(context->log, PART, "job %s: its targets stay as they were: %s", p->job->name,
                  m->err.text);
        free_making(m);
        return;
    }
    p->round++;
    for (size_t i = 0; i < m->n; i++) {
        const struct made_target *t = &m->items[i];
        struct running *r = map_get(&p->targets, hash_of(t->labels, t->url), t, is_same);

        if (r)
            r->round = p->round;
    }
    remove_unwanted(p); /* first: a new target may have the labels of one that goes */
    add_new(p, m);
    apply_limit(p);
    free_making(p->made);
    p->made = m;
    tell_refused(p);
    tell_alike(p);
    p->applied_ns = context->clock->mono_ns(context->clock);
}

/* ---- when ---- */

static void lane_run(struct lane_job *job)
{
    make(CONTAINER_OF(job, struct making, job));
}

static void schedule(struct pool *p);

static void lane_done(struct lane_job *job)
{
    struct making *m = CONTAINER_OF(job, struct making, job);
    struct pool *p = m->pool;

    p->making = NULL;
    if (p->done || !job->was_run) {
        free_making(m);
        one_less(p);
        return;
    }
    p->waiting--;
    apply(p, m);
    if (p->changed)
        schedule(p);
}

static void begin(struct pool *p)
{
    const struct collect_context *context = collect_context_of(p->collect);
    struct making *m = mem_new(struct making);
    size_t targets = count_targets(p->job->static_groups, p->job->static_groups_n);
    struct err err;

    p->changed = p->at_once = false;
    m->pool = p;
    m->job.run = lane_run;
    m->job.done = lane_done;
    budget_init(&m->budget, "memory for targets", MEMORY_MAX, context->budget);
    arena_init(&m->arena, &m->budget);
    m->groups = mem_new_array(struct target_groups *, p->found_n + 1);
    for (size_t i = 0; i < p->found_n; i++) {
        m->groups[m->groups_n++] = target_groups_ref(p->found[i].groups);
        targets += count_targets(p->found[i].groups->items, p->found[i].groups->n);
    }
    if (targets <= FEW || lanes_submit(context->lanes, LANE_PARSE, &m->job, &err) < 0) {
        make(m);
        apply(p, m);
        return;
    }
    p->making = m;
    p->waiting++;
}

static void on_timer(void *arg)
{
    begin(arg);
}

/* Acts on a change now, or 5 s after the one before. */
static void schedule(struct pool *p)
{
    const struct collect_context *context = collect_context_of(p->collect);
    int64_t quiet_ms = (context->clock->mono_ns(context->clock) - p->applied_ns) / 1000000;
    int64_t wait_ms = p->at_once || quiet_ms >= GATHER_MS ? 0 : GATHER_MS - quiet_ms;

    if (p->making || p->done)
        return; /* after it */
    if (p->timer)
        loop_timer_restart(p->timer, wait_ms, 0);
    else
        p->timer = loop_timer_new(context->loop, wait_ms, 0, on_timer, p);
}

/* ---- what discoveries tell ---- */

static void on_found(void *arg, struct discover *d, const char *source,
                     struct target_groups *groups)
{
    struct pool *p = arg;
    size_t i = 0;

    while (i < p->found_n && (p->found[i].from != d || strcmp(p->found[i].source, source) != 0))
        i++;
    p->changed = true;
    if (i < p->found_n) {
        target_groups_unref(p->found[i].groups);
        p->found[i].groups = groups;
        if (!groups) {
            mem_free(p->found[i].source);
            p->found[i] = p->found[--p->found_n];
        }
    } else if (groups) {
        p->found = mem_grow(p->found, &p->found_cap, p->found_n + 1, sizeof *p->found);
        p->found[p->found_n++] = (struct found){d, mem_strdup(source), groups};
    }
}

static void on_settled(void *arg, struct discover *d)
{
    struct pool *p = arg;

    for (size_t i = 0; i < p->discovers_n; i++)
        if (p->discovers[i] == d && !p->answered[i])
            p->answered[i] = p->at_once = true;
    if (p->changed)
        schedule(p);
}

/* ---- life ---- */

static void start_discoveries(struct pool *p)
{
    const struct scrape_job *job = p->job;
    const struct discover_common common = {collect_context_of(p->collect),
                                           collect_discover_stats(p->collect),
                                           job->name,
                                           {on_found, on_settled, p}};
    size_t n = job->files_n + job->https_n + job->dnss_n;

    p->discovers = mem_new_array(struct discover *, n + 1);
    p->answered = mem_new_array(bool, n + 1);
    for (size_t i = 0; i < job->files_n; i++)
        p->discovers[p->discovers_n++] = discover_file_new(&common, &job->files[i]);
    for (size_t i = 0; i < job->https_n; i++)
        p->discovers[p->discovers_n++] = discover_http_new(&common, &job->https[i]);
    for (size_t i = 0; i < job->dnss_n; i++)
        p->discovers[p->discovers_n++] = discover_dns_new(&common, &job->dnss[i]);
}

struct pool *pool_new(struct collect *c, const struct scrape_job *job)
{
    struct pool *p = mem_new(struct pool);

    p->collect = c;
    p->job = job;
    p->client = client_new(job->client);
    map_init(&p->targets);
    start_discoveries(p);
    begin(p);
    return p;
}

void pool_end(struct pool *p, int64_t wait_ms, void (*done)(void *arg), void *arg)
{
    size_t at = 0, n = 0;
    struct running **all = mem_new_array(struct running *, p->targets.n + 1), *r;

    assert(!p->done);
    p->waiting++; /* this function */
    p->done = done;
    p->done_arg = arg;
    loop_timer_free(p->timer);
    p->timer = NULL;
    p->waiting += p->discovers_n;
    for (size_t i = 0; i < p->discovers_n; i++)
        discover_end(p->discovers[i], one_less, p);
    p->discovers_n = 0;
    if (p->making)
        lanes_cancel(&p->making->job);
    while ((r = map_next(&p->targets, &at)))
        all[n++] = r;
    for (size_t i = 0; i < n; i++)
        remove_target(p, all[i], wait_ms);
    mem_free(all);
    one_less(p);
}

static void ignore(void *arg)
{
    (void)arg;
}

void pool_free(struct pool *p)
{
    struct running *r;
    size_t at = 0;

    if (!p)
        return;
    loop_timer_free(p->timer);
    for (size_t i = 0; i < p->discovers_n; i++)
        discover_end(p->discovers[i], ignore, NULL);
    for (size_t i = 0; i < p->found_n; i++) {
        target_groups_unref(p->found[i].groups);
        mem_free(p->found[i].source);
    }
    while ((r = map_next(&p->targets, &at)))
        mem_free(r);
    map_fini(&p->targets);
    free_making(p->made);
    client_unref(p->client);
    mem_free(p->discovers);
    mem_free(p->answered);
    mem_free(p->found);
    mem_free(p);
}

const struct scrape_job *pool_job(const struct pool *p)
{
    return p->job;
}

struct pool_status pool_status(const struct pool *p)
{
    struct pool_status s = {.job = p->job->name,
                            .targets_n = p->targets.n,
                            .refused_text = "",
                            .discovery_text = "",
                            .discovery_key = ""};

    if (p->made) {
        s.dropped = p->made->dropped;
        s.dropped_n = p->made->dropped_n;
        s.dropped_total = p->made->dropped_total;
        s.refused_n = p->made->refused_n;
        s.refused_text = p->made->refused_text;
    }
    for (size_t i = 0; i < p->discovers_n && !*s.discovery_text; i++) {
        s.discovery_text = p->discovers[i]->error;
        s.discovery_key = p->discovers[i]->ops->key;
    }
    return s;
}
