#include "collect/collect.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "collect/cycle.h"
#include "collect/via.h"
#include "model/labels.h"
#include "sys/loop.h"

/* In the key of a group alone: no label of a target begins with two underscores. */
#define URL_LABEL "__url__"

struct collect {
    struct collect_context context;
    struct collect_stats stats;
    struct cycle **cycles; /* owned; [n] */
    size_t n, cap;
    struct map by_key;     /* the same */
    struct cycle **ending; /* owned; [ending_n] removed, but not gone yet */
    size_t ending_n, ending_cap;
    struct map ending_by_labels; /* those that do not end quietly; alike ones may be among them */
    struct costs costs;
    struct tunnel_list tunnels;
    bool stopping;

    struct loop_timer *stop_timer; /* while stopping */
    void (*stopped)(void *arg);
    void *stopped_arg;
};

int collect_new(const struct collect_context *context, struct collect **out, struct err *err)
{
    struct collect *c = mem_new(struct collect);

    (void)err;
    c->context = *context;
    map_init(&c->by_key);
    map_init(&c->ending_by_labels);
    *out = c;
    return 0;
}

/* ---- stopping ---- */

static void end_stop(void *arg)
{
    struct collect *c = arg;
    void (*stopped)(void *) = c->stopped;

    loop_timer_free(c->stop_timer);
    c->stop_timer = NULL;
    c->stopped = NULL;
    stopped(c->stopped_arg);
}

/* A collector that hangs is not waited for. */
static bool all_idle(const struct collect *c)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->cycles[i]->state != CYCLE_IDLE)
            return false;
    for (size_t i = 0; i < c->ending_n; i++)
        if (c->ending[i]->state != CYCLE_IDLE)
            return false;
    return true;
}

static void on_idle(struct cycle *cycle)
{
    struct collect *c = cycle->owner;

    if (c->stopped && all_idle(c))
        loop_timer_restart(c->stop_timer, 0, 0);
}

static bool has_labels(const void *item, const void *key)
{
    return labels_equal(((const struct cycle *)item)->settings.labels, key);
}

static bool has_key(const void *item, const void *key)
{
    return labels_equal(((const struct cycle *)item)->key, key);
}

static bool is_it(const void *item, const void *key)
{
    return item == key;
}

static void end_quietly(struct collect *c, struct cycle *cycle)
{
    (void)map_remove(&c->ending_by_labels, cycle->settings.labels->hash, cycle, is_it);
    cycle_end_quietly(cycle);
}

/* Removed targets that only wait are gone at once. */
static bool end_early(struct collect *c)
{
    for (size_t i = 0; i < c->ending_n; i++) {
        struct cycle *cycle = c->ending[i];

        if (cycle->state == CYCLE_IDLE && !cycle->left) {
            end_quietly(c, cycle);
            return true;
        }
    }
    return false;
}

void collect_stop(struct collect *c, int64_t ms, void (*done)(void *arg), void *arg)
{
    c->stopping = true;
    for (size_t i = 0; i < c->n; i++)
        cycle_stop(c->cycles[i]);
    while (c->ending_n && end_early(c)) {
    }
    c->stopped = done;
    c->stopped_arg = arg;
    c->stop_timer = loop_timer_new(c->context.loop, all_idle(c) ? 0 : ms, 0, end_stop, c);
}

void collect_free(struct collect *c)
{
    bool stuck = false;

    if (!c)
        return;
    loop_timer_free(c->stop_timer);
    for (size_t i = 0; i < c->n; i++) {
        cycle_stop(c->cycles[i]);
        if (cycle_is_idle(c->cycles[i]))
            cycle_free(c->cycles[i]);
        else
            stuck = true; /* a thread may still write into it: it stays */
    }
    for (size_t i = 0; i < c->ending_n; i++) {
        cycle_stop(c->ending[i]);
        if (cycle_is_idle(c->ending[i]))
            cycle_free(c->ending[i]);
        else
            stuck = true;
    }
    if (stuck)
        return;
    map_fini(&c->by_key);
    map_fini(&c->ending_by_labels);
    mem_free(c->cycles);
    mem_free(c->ending);
    costs_fini(&c->costs);
    mem_free(c);
}

/* ---- targets ---- */

/* The series of a target that is being removed go on in a new one. */
static void hand_over(struct collect *c, const struct labels *labels)
{
    struct cycle *cycle;

    while ((cycle = map_get(&c->ending_by_labels, labels->hash, labels, has_labels)))
        end_quietly(c, cycle);
}

static void put_in(struct cycle ***list, size_t *n, size_t *cap, struct cycle *cycle)
{
    *list = mem_grow(*list, cap, *n + 1, sizeof **list);
    cycle->at = *n;
    (*list)[(*n)++] = cycle;
}

static void take_out(struct cycle **list, size_t *n, const struct cycle *cycle)
{
    list[cycle->at] = list[--*n];
    list[cycle->at]->at = cycle->at;
}

static bool is_taken(const struct collect *c, const struct labels *key)
{
    return map_get(&c->by_key, key->hash, key, has_key);
}

/* What tells the target's group from others. Targets with the same labels that differ in their URL
 * alone are asked each, as Prometheus does it: each has a group, and their samples meet in the same
 * series. */
static int key_of(const struct collect *c, const struct target_settings *s, struct arena *a,
                  const struct labels **out, struct err *err)
{
    *out = s->labels;
    if (!is_taken(c, *out))
        return 0;
    if (s->url && labels_with(a, s->labels, STR(URL_LABEL), str_c(s->url), out, err) < 0)
        return -1;
    if (!is_taken(c, *out))
        return 0;
    return err_set(err, ERR_TYPE,
                   "job %s: two targets have the same labels%s; give one of them another instance",
                   s->job, s->url ? " and URL" : "");
}

int collect_add_removable(struct collect *c, const struct target_settings *settings,
                          struct cycle **out, struct err *err)
{
    const struct collector *collector = &settings->collector;
    SCOPED(arena_fini) struct arena arena;
    const struct labels *key;
    struct cycle *cycle;

    arena_init(&arena, NULL); /* for a set of labels, which are bounded */
    if (key_of(c, settings, &arena, &key, err) < 0)
        return -1;
    if (settings->interval_ms < 1 || settings->timeout_ms < 1)
        return err_set(err, ERR_TYPE, "job %s: interval and timeout must be positive",
                       settings->job);
    if (!settings->url && !collector->collect)
        return err_set(err, ERR_TYPE, "job %s: a target has neither url nor collector",
                       settings->job);
    hand_over(c, settings->labels);
    cycle = cycle_new(&c->context, &c->stats, &c->costs, settings, key, on_idle, c);
    put_in(&c->cycles, &c->n, &c->cap, cycle);
    map_put(&c->by_key, key->hash, cycle);
    *out = cycle;
    return 0;
}

int collect_add(struct collect *c, const struct target_settings *settings, struct err *err)
{
    struct cycle *cycle;

    return collect_add_removable(c, settings, &cycle, err);
}

static void on_gone(struct cycle *cycle)
{
    struct collect *c = cycle->owner;
    void (*then)(void *) = cycle->gone_then;
    void *arg = cycle->gone_arg;

    take_out(c->ending, &c->ending_n, cycle);
    (void)map_remove(&c->ending_by_labels, cycle->settings.labels->hash, cycle, is_it);
    cycle_free(cycle);
    if (then)
        then(arg);
    if (c->stopped && all_idle(c))
        loop_timer_restart(c->stop_timer, 0, 0);
}

void collect_remove(struct collect *c, struct cycle *cycle, int64_t wait_ms,
                    void (*gone)(void *arg), void *arg)
{
    take_out(c->cycles, &c->n, cycle);
    (void)map_remove(&c->by_key, cycle->key->hash, cycle, is_it);
    put_in(&c->ending, &c->ending_n, &c->ending_cap, cycle);
    map_put(&c->ending_by_labels, cycle->settings.labels->hash, cycle);
    cycle->gone_then = gone;
    cycle->gone_arg = arg;
    cycle_end(cycle, c->stopping ? 0 : wait_ms, on_gone);
}

void collect_refuse(struct cycle *cycle, const char *words)
{
    cycle->refusal = words;
}

const struct collect_context *collect_context_of(const struct collect *c)
{
    return &c->context;
}

void collect_set_tunnels(struct collect *c, const struct tunnel_list *tunnels)
{
    c->tunnels = *tunnels;
}

int collect_tunnels(struct collect *c, struct arena *a, struct tunnel_status **out, size_t *n,
                    struct err *err)
{
    *out = NULL;
    *n = 0;
    return c->tunnels.list ? c->tunnels.list(c->tunnels.arg, a, out, n, err) : 0;
}

const struct costs *collect_costs(const struct collect *c)
{
    return &c->costs;
}

struct discover_stats *collect_discover_stats(struct collect *c)
{
    return &c->stats.discover;
}

static int by_job_then_labels(const void *a, const void *b)
{
    const struct target_status *x = a, *y = b;
    int order = strcmp(x->job, y->job);

    return order ? order : labels_compare(x->labels, y->labels);
}

int collect_status(struct collect *c, struct arena *a, struct target_status **out, size_t *n,
                   struct err *err)
{
    struct target_status *all = arena_alloc(a, c->n * sizeof *all, err);

    if (!all)
        return -1;
    for (size_t i = 0; i < c->n; i++) {
        const struct cycle *cycle = c->cycles[i];
        const struct target_settings *settings = &cycle->settings;

        all[i] = (struct target_status){
            .job = settings->job,
            .url = settings->url ? settings->url : "",
            .labels = settings->labels,
            .discovered = settings->discovered,
            .health = cycle->health,
            .last_error = cycle->last_error,
            .last_scrape_ms = cycle->health == TARGET_UNKNOWN ? 0 : cycle->ts,
            .last_seconds = cycle->last_seconds,
            .interval_ms = settings->interval_ms,
            .timeout_ms = settings->timeout_ms,
            .last_samples = cycle->last_samples,
            .kind = settings->kind,
            .tunnel = settings->tunnel,
            .cost = cycle->cost,
            .cpu_ratio = cycle->cpu_mean_seconds * 1000 / (double)settings->interval_ms,
        };
    }
    if (c->n)
        qsort(all, c->n, sizeof *all, by_job_then_labels);
    *out = all;
    *n = c->n;
    return 0;
}

struct collect_stats collect_stats(const struct collect *c)
{
    struct collect_stats stats = c->stats;

    stats.stuck = 0;
    for (size_t i = 0; i < c->n; i++)
        stats.stuck += c->cycles[i]->reading && c->cycles[i]->state != CYCLE_READING &&
                       (!c->cycles[i]->catching_up || c->cycles[i]->called_back);
    return stats;
}
