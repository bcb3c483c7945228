#include "collect/discover/discover.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

#define PART "discovery"

/* ---- the end of a look ---- */

static void set_failing(struct discover *d, bool failing)
{
    struct discover_stats *stats = d->stats;

    if (failing && !d->failing)
        stats->failing[d->ops->kind]++;
    else if (!failing && d->failing)
        stats->failing[d->ops->kind]--;
    d->failing = failing;
}

static void settle(struct discover *d, const struct err *err)
{
    char text[sizeof d->error] = "";

    d->looking = false;
    d->stats->looks[d->ops->kind]++;
    if (err->kind != ERR_NONE) {
        d->stats->failures[d->ops->kind]++;
        (void)err_format(err, text, sizeof text);
        if (strcmp(text, d->error) != 0)
            log_warn(d->context->log, PART, "%s of job %s: %s; what was found before stays",
                     d->ops->key, d->job, text);
    } else if (d->failing) {
        log_info(d->context->log, PART, "%s of job %s: answers again", d->ops->key, d->job);
    }
    memcpy(d->error, text, sizeof text);
    set_failing(d, err->kind != ERR_NONE);
    loop_timer_restart(d->timer, d->again ? 0 : d->refresh_ms, 0);
    d->again = false;
    d->listener.settled(d->listener.arg, d);
}

static void finish_end(struct discover *d)
{
    void (*ended)(void *) = d->ended;
    void *arg = d->ended_arg;

    set_failing(d, false);
    d->ops->free(d);
    ended(arg);
}

static void lane_run(struct lane_job *job)
{
    struct discover *d = CONTAINER_OF(job, struct discover, lane_job);

    d->ops->run(d);
}

static void lane_done(struct lane_job *job)
{
    struct discover *d = CONTAINER_OF(job, struct discover, lane_job);
    struct err err = {.kind = ERR_NONE};

    d->running = false;
    if (d->ended) {
        finish_end(d);
        return;
    }
    if (job->was_run)
        d->ops->told(d, &err);
    else
        (void)err_set(&err, ERR_CANCELLED, "earshot is stopping");
    settle(d, &err);
}

/* ---- a look ---- */

void discover_failed(struct discover *d, const struct err *err)
{
    settle(d, err);
}

void discover_run(struct discover *d)
{
    struct err err;

    d->running = lanes_submit(d->context->lanes, d->ops->lane, &d->lane_job, &err) == 0;
    if (!d->running)
        settle(d, &err);
}

static void on_timer(void *arg)
{
    struct discover *d = arg;

    if (d->looking) {
        d->again = true;
        return;
    }
    d->looking = true;
    if (d->ops->look)
        d->ops->look(d);
    else
        discover_run(d);
}

void discover_soon(struct discover *d, int64_t ms)
{
    if (d->looking)
        d->again = true;
    else
        loop_timer_restart(d->timer, ms, 0);
}

/* ---- life ---- */

void discover_init(struct discover *d, const struct discover_ops *ops,
                   const struct discover_common *common, int64_t refresh_ms)
{
    *d = (struct discover){.ops = ops,
                           .context = common->context,
                           .stats = common->stats,
                           .job = common->job,
                           .listener = common->listener,
                           .refresh_ms = refresh_ms,
                           .lane_job = {.run = lane_run, .done = lane_done}};
    d->timer = loop_timer_new(common->context->loop, 0, 0, on_timer, d);
}

void discover_end(struct discover *d, void (*done)(void *arg), void *arg)
{
    assert(!d->ended);
    d->ended = done;
    d->ended_arg = arg;
    loop_timer_free(d->timer);
    d->timer = NULL;
    if (d->running) {
        lanes_cancel(&d->lane_job); /* lane_done ends it */
        return;
    }
    if (d->looking && d->ops->cancel)
        d->ops->cancel(d);
    finish_end(d);
}
