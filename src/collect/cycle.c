#include "collect/cycle.h"

#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "collect/alias.h"
#include "collect/scrape.h"
#include "collect/via.h"
#include "http/client.h"
#include "http/fetch.h"
#include "model/emit.h"
#include "model/labels.h"
#include "sys/thread.h"

#define PART         "collect"
#define TOLERANCE_MS 2
#define ATTEMPTS_MAX 8u /* while the store cuts its head */
/* Of one target: its answer, the one before, and what is gathered from it. Some 280,000 new series
 * with lines of 100 bytes; 256 MB are what it may cost with what its bookkeeping takes beside. */
#define MEMORY_MAX  (240u << 20)
#define MEMORY_NAME "memory of one scrape (bound it with sample_limit or body_size_limit)"

ts_ms cycle_due(ts_ms now, int64_t interval_ms, uint64_t hash)
{
    int64_t phase = (int64_t)(hash % (uint64_t)interval_ms);
    int64_t since = ((now - phase) % interval_ms + interval_ms) % interval_ms;

    return now + interval_ms - since;
}

/* Timers fire a moment late; equal steps compress far better than true ones. */
ts_ms cycle_ts(ts_ms due, ts_ms start)
{
    return llabs(start - due) <= TOLERANCE_MS ? due : start;
}

/* ---- the end of a cycle ---- */

static void vanish(struct cycle *c);
static void leave(struct cycle *c);
static void catch_up(struct cycle *c);

static void finish(struct cycle *c)
{
    if (c->vanishing) {
        leave(c);
        return;
    }
    cycle_account(c);
    if (c->fetch)
        fetch_free(c->fetch);
    c->fetch = NULL;
    c->state = CYCLE_IDLE;
    if (c->end_due) {
        vanish(c);
        return;
    }
    catch_up(c);
    c->idle(c);
}

/* ---- parse, commit ---- */

static int parse_body(struct cycle *c, struct err *err)
{
    const struct collector *collector = &c->settings.collector;
    const struct fetch_result *result = fetch_result(c->fetch);
    enum parsed parsed = collector->parse(collector->arg, result->status, result->body,
                                          &c->target.emit, &c->scratch, err);
    bool refused = c->gather_err.kind != ERR_NONE;

    if (refused)
        *err = c->gather_err;
    c->target.unwell = parsed == PARSED_UNWELL || (refused && parsed == PARSED);
    return parsed == PARSED_NOT ? -1 : 0;
}

static uint64_t bytes_since(bool known, uint64_t before)
{
    uint64_t after = 0;
    size_t own = known ? thread_read_bytes(&after) : 0;

    return own ? after - own - before : 0;
}

/* A collector that does not hang, on the lane itself. */
static int collect_here(struct cycle *c, struct err *err)
{
    const struct collector *collector = &c->settings.collector;
    uint64_t before = 0;
    bool known = thread_read_bytes(&before) > 0;
    int rc = collector->collect(collector->arg, &c->target.emit, &c->scratch, err);

    c->parse_bytes += bytes_since(known, before);
    return rc;
}

/* Then its lines are not known by their text. */
static bool has_aliases(const struct cycle *c)
{
    return c->settings.aliases && c->settings.aliases->n > 0;
}

static int parse_exposition(struct cycle *c, struct emit *emit, struct err *err)
{
    const struct metric_aliases *aliases = c->settings.aliases;
    struct str body = fetch_result(c->fetch)->body;
    struct alias alias;
    int rc;

    if (!has_aliases(c))
        return scrape_parse(body, c->format, &c->scratch, emit, err);
    rc = alias_begin(&alias, aliases, emit, &c->budget, err);
    if (rc == 0)
        rc = scrape_parse(body, c->format, &c->scratch, &alias.emit, err);
    if (rc == 0)
        rc = alias_finish(&alias, err);
    alias_fini(&alias);
    return rc;
}

static int gathered(struct cycle *c, struct err *err)
{
    struct emit *emit = &c->target.emit;
    const struct collector *collector = &c->settings.collector;
    int rc;

    if (!c->gathered) {
        *err = c->gather_err;
        return -1;
    }
    if (c->settings.url && collector->parse)
        rc = parse_body(c, err);
    else if (c->settings.url && !collector->begin)
        rc = parse_exposition(c, emit, err);
    else if (collector->hangs_on)
        rc = record_replay(&c->record, emit, err);
    else
        rc = collect_here(c, err);
    arena_reset(&c->scratch);
    return rc;
}

/* Of what is too much for us, some samples may be taken already; and it says nothing of those whose
 * samples they are. */
static bool is_ours(const struct err *err)
{
    return err->kind == ERR_LIMIT || err->kind == ERR_NOMEM || err->kind == ERR_BUSY ||
           err->kind == ERR_CANCELLED;
}

static int tell_up(struct cycle *c, const char *name, int rc, struct err *err)
{
    struct err ours;

    if (rc < 0 && (c->blocked || is_ours(err)))
        return rc;
    if (emit_value(&c->target.emit, name, METRIC_GAUGE, "1 while it answers, 0 while it does not.",
                   rc == 0, rc < 0 ? &ours : err) < 0)
        return -1;
    c->target.unwell |= rc < 0;
    return 0;
}

static int produce(struct cycle *c, struct err *err)
{
    const char *up = c->settings.collector.up;
    int rc;

    if (c->missing)
        return 0;
    rc = gathered(c, err);
    return up ? tell_up(c, up, rc, err) : rc;
}

static double seconds_since(const struct cycle *c)
{
    return (double)(c->context->clock->mono_ns(c->context->clock) - c->start_ns) / 1e9;
}

/* The answer counts while it is taken apart; then it is kept in the place of the one before, or
 * freed. */
static int charge_body(struct cycle *c, size_t *bytes, struct err *err)
{
    size_t n = c->gathered && c->fetch ? fetch_result(c->fetch)->body.n : 0;

    if (budget_charge(&c->budget, n, err) < 0)
        return -1;
    *bytes = n;
    return 0;
}

static void make_column(struct cycle *c)
{
    struct err store = {.kind = ERR_NONE};
    size_t body = 0;

    err_clear(&c->err);
    target_begin(&c->target, c->ts);
    if (c->vanishing) {
        c->ok = false;
        c->next = target_vanish(&c->target, &store);
        return;
    }
    c->ok = charge_body(c, &body, &c->err) == 0 && produce(c, &c->err) == 0;
    c->seconds = seconds_since(c);
    c->next = target_finish(&c->target, &c->ok, c->seconds, &store);
    budget_return(&c->budget, body);
    c->ok &= !c->target.unwell;
    if (store.kind != ERR_NONE)
        c->err = store;
}

static void parse_run(struct lane_job *job)
{
    struct cycle *c = CONTAINER_OF(job, struct cycle, parse);
    struct sink *sink = c->context->sink;
    int64_t cpu_ns = thread_cpu_ns();

    c->parse_bytes = 0;
    make_column(c);
    c->lane = pthread_self();
    if (c->next == TARGET_COMMIT)
        sink->commit(sink, &c->target.batch);
    c->parse_cpu_ns = thread_cpu_ns() - cpu_ns;
}

static void submit_parse(struct cycle *c)
{
    c->state = CYCLE_PARSING;
    c->stored = false;
    if (lanes_submit(c->context->lanes, LANE_PARSE, &c->parse, &c->err) == 0)
        return;
    c->ok = false;
    c->stats->missed++;
    finish(c);
}

/* Slots were handed out anew: the same again, unless that goes on for ever. */
static void again(struct cycle *c)
{
    if (++c->attempts < ATTEMPTS_MAX) {
        submit_parse(c);
        return;
    }
    c->ok = false;
    (void)err_set(&c->err, ERR_TIMEOUT, "the store was changing over; this cycle is lost");
    c->stats->refused++;
    finish(c);
}

/* The lane is done with it, and so is the store. */
static void settle(struct cycle *c)
{
    const struct sink_batch *batch = &c->target.batch;

    if (target_committed(&c->target)) {
        again(c);
        return;
    }
    if (c->fetch && !c->missing && !c->settings.collector.parse && !has_aliases(c)) {
        size_t n;
        char *body = fetch_take_body(c->fetch, &n);

        target_keep(&c->target, body, n);
    }
    if (batch->verdict == SINK_REFUSED) {
        if (!c->stats->refused++)
            log_warn(c->context->log, PART, "the store does not take samples (reason %d)",
                     (int)batch->reason);
    }
    finish(c);
}

static void on_committed(struct loop_message *m)
{
    struct cycle *c = CONTAINER_OF(m, struct cycle, committed);

    c->stored = true;
    if (c->state == CYCLE_COMMITTING)
        settle(c);
}

static void on_done(struct sink_batch *batch)
{
    struct cycle *c = batch->done_arg;

    if (pthread_equal(pthread_self(), c->lane))
        c->stored = true; /* within the commit: the end of the lane's job tells the loop */
    else
        loop_post(c->context->loop, &c->committed);
}

static void parse_done(struct lane_job *job)
{
    struct cycle *c = CONTAINER_OF(job, struct cycle, parse);

    if (!job->was_run) {
        c->ok = false;
        (void)err_set(&c->err, ERR_CANCELLED, "earshot is stopping");
        finish(c);
        return;
    }
    c->spent.cpu_ns += c->parse_cpu_ns;
    c->spent.bytes += c->parse_bytes;
    switch (c->next) {
    case TARGET_COMMIT:
        c->state = CYCLE_COMMITTING;
        if (c->stored)
            settle(c);
        break;
    case TARGET_AGAIN:
        again(c);
        break;
    case TARGET_FAILED:
        c->ok = false;
        finish(c);
        break;
    }
}

/* ---- the end of the target ---- */

static void leave(struct cycle *c)
{
    assert(c->gone); /* cycle_end gave it */
    loop_timer_free(c->timer);
    c->timer = NULL;
    c->state = CYCLE_IDLE;
    c->left = true;
    if (!c->reading)
        c->gone(c); /* else when the collector is back */
}

static void vanish(struct cycle *c)
{
    ts_ms now = c->context->clock->wall_ms(c->context->clock);

    if (c->quiet || !c->target.group) {
        leave(c);
        return;
    }
    c->vanishing = true;
    c->ts = now > c->ts ? now : c->ts + 1;
    c->attempts = 0;
    submit_parse(c);
}

/* ---- gather ---- */

/* Why there is nothing: whatever stands on the way to the target knows more of it. */
static void explain(struct cycle *c)
{
    if (!c->gathered && c->settings.via)
        c->blocked = c->settings.via->explain(c->settings.via, &c->gather_err);
}

static void on_fetched(struct fetch *f, void *arg)
{
    struct cycle *c = arg;

    c->fetch = f; /* set already, unless it ended within fetch_start */
    c->spent.bytes += fetch_result(f)->wire_bytes;
    c->missing = c->settings.may_be_missing &&
                 (fetch_result(f)->status == 404 || fetch_result(f)->status == 501);
    if (c->missing)
        c->gathered = true;
    else if (c->settings.collector.parse)
        c->gathered = scrape_judge_status(fetch_result(f), &c->gather_err) == 0 ||
                      fetch_result(f)->status != 0;
    else
        c->gathered = scrape_judge(fetch_result(f), &c->format, &c->gather_err) == 0;
    if (!fetch_result(f)->status)
        explain(c);
    submit_parse(c);
}

static void start_fetch(struct cycle *c)
{
    struct scrape_request request = {.url = c->settings.url,
                                     .method = c->settings.method,
                                     .body = c->settings.body,
                                     .json = c->settings.collector.parse,
                                     .timeout_ms = c->settings.timeout_ms,
                                     .body_max = c->settings.body_max,
                                     .client = c->settings.client,
                                     .socket_path =
                                         c->settings.via ? c->settings.via->socket_path : NULL,
                                     .done = on_fetched,
                                     .arg = c};

    c->state = CYCLE_FETCHING;
    if (scrape_start(c->context->fetcher, &request, &c->fetch, &c->gather_err) < 0)
        submit_parse(c);
}

static void on_gathered(void *arg)
{
    struct cycle *c = arg;

    c->gathered = true;
    submit_parse(c);
}

static void begin_gathering(struct cycle *c)
{
    c->state = CYCLE_FETCHING;
    c->gather = (struct gather){.fetcher = c->context->fetcher,
                                .clock = c->context->clock,
                                .client = c->settings.client,
                                .timeout_ms = c->settings.timeout_ms,
                                .done = on_gathered,
                                .done_arg = c};
    c->settings.collector.begin(c->settings.collector.arg, &c->gather);
}

/* What the thread had used when the collector went out. */
struct used {
    int64_t cpu_ns;
    uint64_t bytes;
    bool known; /* the bytes */
};

/* On its thread, as the next. */
static struct used go_out(struct cycle *c)
{
    struct used used = {.cpu_ns = thread_cpu_ns()};

    used.known = thread_read_bytes(&used.bytes) > 0;
    atomic_store_explicit(&c->read_began, true, memory_order_relaxed);
    return used;
}

static void turn_back(struct cycle *c, const struct used *before)
{
    c->read_bytes = bytes_since(before->known, before->bytes);
    c->read_cpu_ns = thread_cpu_ns() - before->cpu_ns;
}

static void add_use(struct cycle *c, const struct lane_job *job)
{
    if (!job->was_run)
        return;
    c->spent.cpu_ns += c->read_cpu_ns;
    c->spent.bytes += c->read_bytes;
}

/* After the end of its cycle. */
static void come_back(struct cycle *c)
{
    if (c->left)
        c->gone(c);
    else
        c->idle(c);
}

static void read_run(struct lane_job *job)
{
    struct cycle *c = CONTAINER_OF(job, struct cycle, read);
    const struct collector *collector = &c->settings.collector;
    const struct clock *clock = c->context->clock;
    int64_t began_ns = clock->mono_ns(clock);
    struct used before = go_out(c);
    struct arena scratch;

    arena_init(&scratch, &c->budget);
    err_clear(&c->read_err);
    c->read_rc = collector->collect(collector->arg, &c->record.emit, &scratch, &c->read_err);
    arena_fini(&scratch);
    turn_back(c, &before);
    c->prompt = clock->mono_ns(clock) - began_ns < c->settings.timeout_ms * 1000000 / 2;
}

static void read_done(struct lane_job *job)
{
    struct cycle *c = CONTAINER_OF(job, struct cycle, read);

    c->reading = false;
    add_use(c, job);
    if (c->state != CYCLE_READING) { /* too late: that cycle has ended with up 0 */
        come_back(c);
        return;
    }
    c->gathered = job->was_run && c->read_rc == 0;
    c->gather_err = c->read_err;
    explain(c);
    submit_parse(c);
}

static void prepare(struct cycle *c)
{
    const struct collector *collector = &c->settings.collector;

    if (collector->prepare)
        collector->prepare(collector->arg);
}

/* It is out since a cycle before. */
static void explain_absence(struct cycle *c)
{
    const struct collector *collector = &c->settings.collector;

    c->blocked = true; /* the answer may be on its way */
    if (atomic_load_explicit(&c->read_began, memory_order_relaxed))
        (void)err_set(&c->gather_err, ERR_TIMEOUT, "%s has not come back yet: it waits for %s",
                      collector->name, collector->hangs_on);
    else
        (void)err_set(&c->gather_err, ERR_TIMEOUT,
                      "%s has not had its turn yet: too many collectors hang; mend or remove those "
                      "that have not come back",
                      collector->name);
}

static void submit_read(struct cycle *c)
{
    enum lane lane = c->prompt ? LANE_SLOW : LANE_LATE;

    record_reset(&c->record);
    prepare(c);
    c->read_began = false;
    c->read.deadline_ns = c->start_ns + c->settings.timeout_ms * 1000000;
    c->reading = lanes_submit(c->context->lanes, lane, &c->read, &c->gather_err) == 0;
    if (!c->reading)
        submit_parse(c);
}

static void call_back(struct cycle *c)
{
    c->called_back = true;
    lanes_cancel(&c->catch_up);
}

static void start_read(struct cycle *c)
{
    if (c->reading && (!c->catching_up || c->called_back)) {
        explain_absence(c);
        submit_parse(c);
        return;
    }
    c->state = CYCLE_READING;
    if (c->catching_up)
        call_back(c); /* the cycle goes on when it is here */
    else
        submit_read(c);
}

/* ---- between cycles ---- */

static void catch_up_run(struct lane_job *job)
{
    struct cycle *c = CONTAINER_OF(job, struct cycle, catch_up);
    const struct collector *collector = &c->settings.collector;
    struct used before = go_out(c);

    collector->catch_up(collector->arg, &job->cancelled);
    turn_back(c, &before);
}

static void catch_up_done(struct lane_job *job)
{
    struct cycle *c = CONTAINER_OF(job, struct cycle, catch_up);

    c->reading = c->catching_up = false;
    add_use(c, job);
    if (c->state == CYCLE_READING) {
        submit_read(c);
        return;
    }
    if (c->state == CYCLE_IDLE)
        catch_up(c);
    if (!c->reading)
        come_back(c);
}

static void catch_up(struct cycle *c)
{
    const struct collector *collector = &c->settings.collector;
    struct err ignored; /* the next cycle reads anyway */

    if (c->reading || !c->timer || c->gone || c->refusal || !collector->catch_up ||
        !collector->is_behind(collector->arg))
        return;
    c->called_back = false;
    atomic_store(&c->catch_up.cancelled, false);
    c->reading = c->catching_up =
        lanes_submit(c->context->lanes, LANE_CATCH_UP, &c->catch_up, &ignored) == 0;
}

static void start(struct cycle *c, ts_ms now)
{
    c->ts = cycle_ts(c->due, now);
    c->start_ns = c->context->clock->mono_ns(c->context->clock);
    c->attempts = 0;
    c->gathered = c->missing = c->blocked = false;
    err_clear(&c->gather_err);
    if (c->refusal) {
        (void)err_set(&c->gather_err, ERR_LIMIT, "%s", c->refusal);
        submit_parse(c);
    } else if (c->settings.via && c->settings.via->check(c->settings.via, &c->gather_err) < 0) {
        c->blocked = true;
        submit_parse(c);
    } else if (c->settings.collector.begin) {
        begin_gathering(c);
    } else if (c->settings.url) {
        start_fetch(c);
    } else if (c->settings.collector.hangs_on) {
        start_read(c);
    } else {
        prepare(c);
        c->gathered = true;
        submit_parse(c);
    }
}

static void arm(struct cycle *c, ts_ms now)
{
    int64_t interval = c->settings.interval_ms;
    /* A slewed clock makes a timer fire early: that was this moment, not one before it. Far off,
     * the clock was set. */
    bool early = c->due > now && c->due - now < interval / 2;

    c->due = cycle_due(early ? c->due : now, interval, c->key->hash);
    loop_timer_restart(c->timer, c->due - now, 0);
}

static void end_now(struct cycle *c)
{
    c->end_due = true;
    if (c->state == CYCLE_IDLE)
        vanish(c);
}

static void on_timer(void *arg)
{
    struct cycle *c = arg;
    ts_ms now = c->context->clock->wall_ms(c->context->clock);

    if (c->gone) {
        end_now(c);
        return;
    }
    if (c->state == CYCLE_IDLE || c->state == CYCLE_READING)
        start(c, now);
    else
        c->stats->missed++;
    arm(c, now);
}

/* ---- life ---- */

static const char *kind_of(const struct target_settings *s)
{
    if (s->kind)
        return s->kind;
    return s->collector.name ? s->collector.name : "scrape";
}

static void copy_settings(struct target_settings *to, const struct target_settings *from)
{
    *to = *from;
    to->job = mem_strdup(from->job);
    to->url = from->url ? mem_strdup(from->url) : NULL;
    to->kind = mem_strdup(kind_of(from));
    to->tunnel = from->via ? mem_strdup(from->via->host) : NULL;
    to->client = client_ref(from->client);
    to->via = via_ref(from->via);
    to->labels = labels_dup(from->labels);
    to->sample_labels = labels_dup(from->sample_labels ? from->sample_labels : from->labels);
    to->discovered = labels_dup(from->discovered ? from->discovered : from->labels);
}

static void free_settings(struct target_settings *s)
{
    if (s->collector.free)
        s->collector.free(s->collector.arg);
    mem_free((void *)s->job);
    mem_free((void *)s->url);
    mem_free((void *)s->kind);
    mem_free((void *)s->tunnel);
    client_unref(s->client);
    via_unref(s->via);
    mem_free((void *)s->labels);
    mem_free((void *)s->sample_labels);
    mem_free((void *)s->discovered);
}

struct cycle *cycle_new(const struct collect_context *context, struct collect_stats *stats,
                        struct costs *costs, const struct target_settings *settings,
                        const struct labels *key, void (*idle)(struct cycle *c), void *owner)
{
    struct cycle *c = mem_new(struct cycle);
    ts_ms now = context->clock->wall_ms(context->clock);

    c->context = context;
    c->stats = stats;
    c->idle = idle;
    c->owner = owner;
    copy_settings(&c->settings, settings);
    c->costs = costs;
    c->cost_sum = costs_join(costs, c->settings.job, c->settings.kind);
    c->key = labels_dup(key);
    budget_init(&c->budget, MEMORY_NAME, MEMORY_MAX, context->budget);
    target_init(&c->target,
                &(struct target_settings_core){.sink = context->sink,
                                               .key = c->key,
                                               .labels = c->settings.labels,
                                               .sample_labels = c->settings.sample_labels,
                                               .honor_labels = settings->honor_labels,
                                               .honor_timestamps = settings->honor_timestamps,
                                               .job = settings->scrape_job,
                                               .budget = &c->budget,
                                               .events = context->events});
    c->target.batch.done = on_done;
    c->target.batch.done_arg = c;
    c->target.batch.may_wait = true;
    c->target.batch.any_age = settings->collector.any_age;
    arena_init(&c->scratch, &c->budget);
    record_init(&c->record, &c->budget);
    c->parse.run = parse_run;
    c->parse.done = parse_done;
    c->read.run = read_run;
    c->read.done = read_done;
    c->catch_up.run = catch_up_run;
    c->catch_up.done = catch_up_done;
    c->committed.run = on_committed;
    c->due = cycle_due(now, settings->interval_ms, c->key->hash);
    c->timer = loop_timer_new(context->loop, c->due - now, 0, on_timer, c);
    stats->targets++;
    return c;
}

/* What is only waited for, is waited for no longer. */
static void let_go(struct cycle *c)
{
    if (c->state == CYCLE_FETCHING && c->settings.collector.begin) {
        c->settings.collector.cancel(c->settings.collector.arg);
        c->state = CYCLE_IDLE;
    } else if (c->state == CYCLE_FETCHING) {
        fetch_cancel(c->fetch);
        c->fetch = NULL;
        c->state = CYCLE_IDLE;
    } else if (c->state == CYCLE_READING) {
        c->state = CYCLE_IDLE; /* what it reads is not waited for */
    }
    if (c->catching_up && !c->called_back)
        call_back(c);
}

void cycle_stop(struct cycle *c)
{
    loop_timer_free(c->timer);
    c->timer = NULL;
    let_go(c);
}

void cycle_end(struct cycle *c, int64_t wait_ms, void (*gone)(struct cycle *c))
{
    assert(!c->gone);
    c->gone = gone;
    c->stats->targets--;
    c->stats->up -= c->health == TARGET_UP;
    c->stats->down -= c->health == TARGET_DOWN;
    c->health = TARGET_UNKNOWN;
    let_go(c);
    if (wait_ms > 0)
        loop_timer_restart(c->timer, wait_ms, 0);
    else
        end_now(c);
}

void cycle_end_quietly(struct cycle *c)
{
    assert(c->gone);
    c->quiet = true;
    if (!c->vanishing && !c->end_due)
        end_now(c);
}

bool cycle_is_idle(const struct cycle *c)
{
    return c->state == CYCLE_IDLE && !c->reading;
}

void cycle_free(struct cycle *c)
{
    if (!c)
        return;
    assert(cycle_is_idle(c));
    loop_timer_free(c->timer);
    target_fini(&c->target);
    record_fini(&c->record);
    arena_fini(&c->scratch);
    costs_leave(c->costs, c->cost_sum, c->cost.samples);
    free_settings(&c->settings);
    mem_free((void *)c->key);
    mem_free(c);
}
