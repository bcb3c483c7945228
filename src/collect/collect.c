#include "collect/collect.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "collect/cycle.h"
#include "model/labels.h"
#include "sys/loop.h"

struct collect {
    struct collect_context context;
    struct collect_stats stats;
    struct cycle **cycles; /* owned; [n] */
    size_t n, cap;

    struct loop_timer *stop_timer; /* while stopping */
    void (*stopped)(void *arg);
    void *stopped_arg;
};

int collect_new(const struct collect_context *context, struct collect **out, struct err *err)
{
    struct collect *c = mem_new(struct collect);

    (void)err;
    c->context = *context;
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
    return true;
}

static void on_idle(struct cycle *cycle)
{
    struct collect *c = cycle->owner;

    if (c->stopped && all_idle(c))
        loop_timer_restart(c->stop_timer, 0, 0);
}

void collect_stop(struct collect *c, int64_t ms, void (*done)(void *arg), void *arg)
{
    for (size_t i = 0; i < c->n; i++)
        cycle_stop(c->cycles[i]);
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
    if (stuck)
        return;
    mem_free(c->cycles);
    mem_free(c);
}

/* ---- targets ---- */

int collect_add(struct collect *c, const struct target_settings *settings, struct err *err)
{
    const struct collector *collector = &settings->collector;

    for (size_t i = 0; i < c->n; i++)
        if (labels_equal(c->cycles[i]->settings.labels, settings->labels))
            return err_set(err, ERR_TYPE,
                           "job %s: two targets have the same labels; give one of them another "
                           "instance",
                           settings->job);
    if (settings->interval_ms < 1 || settings->timeout_ms < 1)
        return err_set(err, ERR_TYPE, "job %s: interval and timeout must be positive",
                       settings->job);
    if (!settings->url && !collector->collect)
        return err_set(err, ERR_TYPE, "job %s: a target has neither url nor collector",
                       settings->job);
    c->cycles = mem_grow(c->cycles, &c->cap, c->n + 1, sizeof(struct cycle *));
    c->cycles[c->n++] = cycle_new(&c->context, &c->stats, settings, on_idle, c);
    return 0;
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
        stats.stuck += c->cycles[i]->reading && c->cycles[i]->state != CYCLE_READING;
    return stats;
}
