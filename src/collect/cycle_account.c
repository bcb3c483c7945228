/* cycle_account: what is told of a cycle at its end: its words, its counts, its cost, its health.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "collect/cycle.h"
#include "collect/scrape_settings.h"
#include "model/labels.h"
#include "model/metadata.h"

#define PART        "collect"
#define MEAN_CYCLES 16u

/* Where it asks, for people: many of one job have one collector. */
static struct str name_of(const struct cycle *c)
{
    struct str instance = labels_get(c->settings.labels, STR("instance"));

    return c->settings.url ? str_c(c->settings.url)
           : instance.n    ? instance
                           : str_c(c->settings.collector.name);
}

static void set_health(struct cycle *c, enum target_health health)
{
    struct collect_stats *stats = c->stats;
    struct str name = name_of(c);

    if (health == c->health)
        return;
    stats->up += (uint64_t)(health == TARGET_UP) - (uint64_t)(c->health == TARGET_UP);
    stats->down += (uint64_t)(health == TARGET_DOWN) - (uint64_t)(c->health == TARGET_DOWN);
    if (health == TARGET_DOWN)
        log_warn(c->context->log, PART, "%s %.*s is down: %s", c->settings.job, STR_ARGS(name),
                 c->last_error);
    else if (c->health == TARGET_DOWN)
        log_info(c->context->log, PART, "%s %.*s is up again", c->settings.job, STR_ARGS(name));
    c->health = health;
}

/* The new type is taken, as Prometheus does it; whoever reads graphs should know. */
static void tell_type(struct cycle *c)
{
    const struct target_retyped *r = &c->target.retyped;
    struct str name = name_of(c);

    if (c->type_told || !c->target.counts.types_changed)
        return;
    c->type_told = true;
    log_warn(
        c->context->log, PART,
        "%s %.*s: %s was a %s and now says that it is a %s; the new type is taken. More changes "
        "of this target are counted in earshot_collect_type_changes_total",
        c->settings.job, STR_ARGS(name), r->family, metric_type_name(r->before),
        metric_type_name(r->after));
}

/* Not one of these shows anywhere: who waits for them looks for a mistake at the wrong end. */
static void tell_time(struct cycle *c)
{
    uint64_t late = c->target.batch.outcomes[SINK_LATE];
    uint64_t future = c->target.batch.outcomes[SINK_FUTURE];
    struct str name = name_of(c);

    if (c->time_told || !(late || future))
        return;
    c->time_told = true;
    log_warn(c->context->log, PART,
             "%s %.*s: %" PRIu64 " samples are left out, since their time is %s. More of this "
             "target are counted in earshot_collect_samples_dropped_total{reason=\"time\"}",
             c->settings.job, STR_ARGS(name), future ? future : late,
             future ? "more than 10 minutes ahead of this machine's clock; look at the clocks and "
                      "at `timezone`"
                    : "before what --late-window allows");
}

static void count(struct cycle *c)
{
    const struct target_counts *counts = &c->target.counts;
    const uint64_t *outcomes = c->target.batch.outcomes;
    struct collect_stats *stats = c->stats;

    stats->cycles++;
    stats->failed += !c->ok;
    stats->slow += c->seconds * 2000 > (double)c->settings.interval_ms;
    stats->samples += counts->scraped;
    stats->duplicates += counts->duplicates;
    stats->limited += counts->limited;
    stats->exemplars_dropped += counts->exemplars_dropped;
    stats->types_changed += counts->types_changed;
    stats->unwatched += c->target.watch.unwatched + c->target.jobs.left_out;
    c->target.watch.unwatched = c->target.jobs.left_out = 0;
    tell_type(c);
    if (c->state != CYCLE_COMMITTING)
        return;
    stats->late += outcomes[SINK_CONFLICT] + outcomes[SINK_LATE] + outcomes[SINK_FUTURE];
    tell_time(c);
}

/* A collector that was out for longer is in the cost of the cycle that ended after it. */
static void add_cost(struct cycle *c)
{
    double weight;

    c->spent.cycles = 1;
    c->spent.wall_ns = (int64_t)(c->seconds * 1e9);
    c->spent.samples = c->target.counts.scraped;
    cost_add(&c->cost, c->cost_sum, &c->spent);
    weight = c->cost.cycles < MEAN_CYCLES ? 1 / (double)c->cost.cycles : 1.0 / MEAN_CYCLES;
    c->cpu_mean_seconds += weight * ((double)c->spent.cpu_ns / 1e9 - c->cpu_mean_seconds);
    c->spent = (struct cost){.cycles = 0};
}

static void say_limited(struct cycle *c)
{
    const struct scrape_job *job = c->settings.scrape_job;
    char why[80] = "the store has no room for more";

    if (job && job->limits.series)
        (void)snprintf(why, sizeof why, "%" PRIu64 " are what it may bring in some two hours",
                       job->limits.series);
    (void)err_set(&c->err, ERR_LIMIT,
                  "%" PRIu64 " samples of new series are refused, since %s; those that are stored "
                  "go on. Drop the label that changes all the time with metric_relabel_configs",
                  c->target.counts.limited, why);
}

/* Up, and yet there may be something to say. */
static const char *words_of(struct cycle *c)
{
    const struct collector *collector = &c->settings.collector;
    const char *words = collector->settle && !c->reading ? collector->settle(collector->arg) : NULL;

    if (!c->ok)
        return c->err.text;
    if (c->target.counts.limited) {
        say_limited(c);
        return c->err.text;
    }
    return words ? words : "";
}

void cycle_account(struct cycle *c)
{
    (void)snprintf(c->last_error, sizeof c->last_error, "%s", words_of(c));
    c->last_seconds = c->seconds;
    c->last_samples = c->target.counts.scraped;
    count(c);
    add_cost(c);
    if (!c->gone)
        set_health(c, c->ok ? TARGET_UP : TARGET_DOWN);
}
