#include "collect/celery/celery.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "collect/celery/celery_settings.h"
#include "collect/celery/event.h"
#include "collect/celery/listener.h"
#include "collect/celery/runs.h"
#include "collect/celery/tally.h"
#include "collect/collect.h"
#include "collect/entry_settings.h"
#include "collect/findings.h"
#include "collect/rabbitmq/rabbitmq.h"
#include "collect/redis/run.h"
#include "collect/redis/session.h"
#include "model/clips.h"
#include "text/number.h"

#define AGE_MAX_S (30 * 86400.0) /* one that was sent before that: somebody's clock is wrong */

/* As Celery names the list of a priority: queue, two control characters, number. */
#define PRIORITIES 4
static const char *const suffixes[PRIORITIES] = {"",
                                                 "\x06\x16"
                                                 "3",
                                                 "\x06\x16"
                                                 "6",
                                                 "\x06\x16"
                                                 "9"};

/* A list, and the task at its end as it was last seen. */
struct list {
    char *key; /* owned */
    bool has_task;
    uint64_t task; /* hash of its envelope */
    uint64_t id;   /* event_task_id; 0: not known */
    int64_t since_ns;
    double length; /* in this cycle; < 0: refused */
};

struct celery {
    struct redis_asker asker;
    const struct celery_settings *settings;
    struct list *lists; /* owned; [queues_n * PRIORITIES] */
    size_t lists_n;
    struct listener *listener; /* owned; NULL: none is open */
    struct tally *tally;       /* owned; NULL: events are not heard */
    struct runs *runs;         /* owned; and so */
    struct clips clips;
    uint64_t events_invalid, connections_lost;
    bool deafness_told;
};

/* ---- lists ---- */

static int read_lengths(struct celery *c, struct redis_run *r, struct err *err)
{
    const struct resp *reply;

    for (size_t i = 0; i < c->lists_n; i++)
        if (session_say(r->session, err, "LLEN", c->lists[i].key) < 0)
            return -1;
    for (size_t i = 0; i < c->lists_n; i++) {
        if (redis_run_answer(r, "LLEN", &reply, err) < 0)
            return -1;
        c->lists[i].length = reply && reply->kind == RESP_NUMBER ? (double)reply->number : -1;
    }
    return 0;
}

static void see_task(const struct celery *c, struct list *l, const struct resp *reply)
{
    bool there = reply && reply->kind == RESP_TEXT;
    uint64_t task = there ? hash_str(reply->text) : 0;

    if (there && (!l->has_task || l->task != task)) {
        l->since_ns = c->asker.clock->mono_ns(c->asker.clock);
        l->id = c->tally ? event_task_id(reply->text) : 0;
    }
    l->has_task = there;
    l->task = task;
}

/* One at a time: an envelope may be large. */
static int read_tails(struct celery *c, struct redis_run *r, struct err *err)
{
    for (size_t i = 0; i < c->lists_n; i++) {
        struct list *l = &c->lists[i];
        const struct resp *reply = NULL;

        if (l->length > 0 && (session_say(r->session, err, "LINDEX", l->key, "-1") < 0 ||
                              redis_run_answer(r, "LINDEX", &reply, err) < 0))
            return -1;
        see_task(c, l, reply);
        session_forget(r->session);
    }
    return 0;
}

/* How long the task at its end has waited: since it was sent, where that was heard, else since it
 * was seen there. */
static double age_s(const struct celery *c, const struct list *l)
{
    double seen_s = (double)(c->asker.clock->mono_ns(c->asker.clock) - l->since_ns) / 1e9;
    double sent_s = c->tally && l->id ? tally_sent_s(c->tally, l->id) : -1, ago_s;

    if (sent_s < 0)
        return seen_s;
    ago_s = (double)c->asker.clock->wall_ms(c->asker.clock) / 1000 - sent_s;
    return ago_s > seen_s && ago_s < AGE_MAX_S ? ago_s : seen_s;
}

static void tell_queue(struct celery *c, struct redis_run *r, size_t queue)
{
    static const struct finding_family length = {.name = STR("celery_queue_length"),
                                                 .type = METRIC_GAUGE,
                                                 .help = STR("Tasks that wait in a queue.")};
    static const struct finding_family age = {
        .name = STR("celery_queue_oldest_age_seconds"),
        .type = METRIC_GAUGE,
        .help = STR("How long the task that is next has waited, or been next; 0: none waits.")};
    const struct label label = {STR("queue_name"), str_c(c->settings->queues[queue])};
    double tasks = 0, oldest_s = 0;

    for (size_t i = 0; i < PRIORITIES; i++) {
        const struct list *l = &c->lists[queue * PRIORITIES + i];

        if (l->length < 0)
            return; /* a part of it is not known */
        tasks += l->length;
        if (l->has_task && age_s(c, l) > oldest_s)
            oldest_s = age_s(c, l);
    }
    findings_add(r->findings, &length, tasks, &label, 1);
    findings_add(r->findings, &age, oldest_s, &label, 1);
}

/* ---- what workers hold ---- */

static int read_unacked(struct celery *c, struct redis_run *r, struct err *err)
{
    static const struct finding_family unacked = {
        .name = STR("celery_queue_unacked"),
        .type = METRIC_GAUGE,
        .help = STR("Tasks that workers have taken and not acknowledged.")};
    static const struct finding_family age = {
        .name = STR("celery_queue_oldest_unacked_seconds"),
        .type = METRIC_GAUGE,
        .help = STR("Time since the oldest of them was delivered; 0: there is none.")};
    double now = (double)c->asker.clock->wall_ms(c->asker.clock) / 1000, delivered = now;
    const struct resp *reply;

    if (session_say(r->session, err, "HLEN", "unacked") < 0 ||
        session_say(r->session, err, "ZRANGE", "unacked_index", "0", "0", "WITHSCORES") < 0 ||
        redis_run_answer(r, "HLEN", &reply, err) < 0)
        return -1;
    if (reply && reply->kind == RESP_NUMBER)
        findings_add(r->findings, &unacked, (double)reply->number, NULL, 0);
    if (redis_run_answer(r, "ZRANGE", &reply, err) < 0)
        return -1;
    if (!reply || reply->kind != RESP_LIST)
        return 0;
    if (reply->n == 2 && reply->items[1]->kind == RESP_TEXT &&
        !number_parse(reply->items[1]->text, &delivered))
        return 0;
    findings_add(r->findings, &age, delivered < now ? now - delivered : 0, NULL, 0);
    return 0;
}

/* ---- events ---- */

static void see_event(void *arg, const struct event *event)
{
    struct celery *c = arg;

    runs_see(c->runs, event, tally_name(c->tally, event), c->asker.clock->wall_ms(c->asker.clock));
    tally_see(c->tally, event, c->asker.clock->mono_ns(c->asker.clock));
}

static void see_message(void *arg, struct str message)
{
    struct celery *c = arg;
    struct err err;

    if (event_read(message, see_event, c, &err) < 0)
        c->events_invalid++;
}

static int hear(struct celery *c, struct redis_run *r, struct err *err)
{
    if (!c->listener) {
        if (listener_open(&c->settings->broker, c->asker.entry->socket_path, c->asker.clock,
                          r->deadline_ns, r->findings->arena, &c->listener, err) < 0)
            return -1;
        tally_listens(c->tally, c->asker.clock->mono_ns(c->asker.clock));
    }
    if (listener_hear(c->listener, r->deadline_ns, see_message, c, err) == 0)
        return 0;
    listener_close(c->listener);
    c->listener = NULL;
    return -1;
}

static bool is_heard(void *arg, struct str host)
{
    const struct celery *c = arg;

    return tally_hears(c->tally, host, c->asker.clock->mono_ns(c->asker.clock));
}

/* Queues are told all the same. Once until it works again. */
static void tell_deafness(struct celery *c, const struct err *err, bool hears)
{
    const struct entry_settings *entry = c->asker.entry;

    if (!hears && !c->deafness_told)
        log_warn(c->asker.log, "celery",
                 "collect.celery, %s: workers are not heard: %s%s (earshot_celery_listening is 0)",
                 entry->name, err->text,
                 strstr(err->text, "NOPERM")
                     ? "; an ACL grants it with: ACL SETUSER name +psubscribe &/0.celeryev*, with "
                       "the number of the broker's database"
                     : "");
    c->deafness_told = !hears;
}

static void tell_events(struct celery *c, struct redis_run *r)
{
    static const struct finding_family listening = {
        .name = STR("earshot_celery_listening"),
        .type = METRIC_GAUGE,
        .help = STR("1 while events are heard; the log says why not.")};
    static const struct finding_family invalid = {.name =
                                                      STR("earshot_celery_events_invalid_total"),
                                                  .type = METRIC_COUNTER,
                                                  .help = STR("Events that could not be read.")};
    static const struct finding_family lost = {
        .name = STR("earshot_celery_connections_lost_total"),
        .type = METRIC_COUNTER,
        .help = STR("Times the connection for events was lost, and events with it.")};
    bool had = c->listener != NULL, hears;
    struct err err;

    hears = hear(c, r, &err) == 0;
    c->connections_lost += had && !hears;
    if (had && !hears)
        hears = hear(c, r, &err) == 0; /* at once: each event is told once */
    tell_deafness(c, &err, hears);
    if (hears)
        runs_tell(c->runs, is_heard, c, c->asker.clock->wall_ms(c->asker.clock));
    findings_add(r->findings, &listening, hears, NULL, 0);
    findings_add(r->findings, &invalid, (double)c->events_invalid, NULL, 0);
    findings_add(r->findings, &lost, (double)c->connections_lost, NULL, 0);
    tally_tell(c->tally, r->findings,
               &(struct tally_how){.now_ns = c->asker.clock->mono_ns(c->asker.clock),
                                   .stuck_after_ms = c->settings->stuck_after_ms,
                                   .hears = hears,
                                   .flower = !c->settings->flower});
}

/* ---- one cycle ---- */

static int read_all(struct redis_run *r, void *arg, struct err *err)
{
    struct celery *c = arg;
    bool ok;

    if (redis_run_select(r, r->login.db, &ok, err) < 0)
        return -1;
    if (!ok)
        return err_set(err, ERR_EVAL, "Redis refuses the broker's database: %s", r->refusal);
    if (read_lengths(c, r, err) < 0)
        return -1;
    if (c->lists_n > 0 && r->refused == c->lists_n)
        return err_set(err, ERR_EVAL, "Redis tells no queue's length: %s", r->refusal);
    if (read_tails(c, r, err) < 0 || read_unacked(c, r, err) < 0)
        return -1;
    if (c->tally)
        tell_events(c, r); /* first: they say when tasks were sent */
    for (size_t i = 0; i < c->settings->queues_n; i++)
        tell_queue(c, r, i);
    return 0;
}

static int collect(void *arg, struct emit *emit, struct arena *scratch, struct err *err)
{
    struct celery *c = arg;

    if (redis_asker_run(&c->asker, read_all, c, emit, scratch, err) < 0)
        return -1;
    return clips_emit(&c->clips, emit, err);
}

/* ---- life ---- */

static void collector_free(void *arg)
{
    struct celery *c = arg;

    for (size_t i = 0; i < c->lists_n; i++)
        mem_free(c->lists[i].key);
    mem_free(c->lists);
    listener_close(c->listener);
    tally_free(c->tally);
    runs_free(c->runs);
    clips_fini(&c->clips);
    mem_free(c);
}

static void make_lists(struct celery *c)
{
    c->lists_n = c->settings->queues_n * PRIORITIES;
    c->lists = mem_new_array(struct list, c->lists_n);
    for (size_t i = 0; i < c->lists_n; i++) {
        SCOPED(buf_fini) struct buf key;

        buf_init(&key, 0); /* as long as the configuration wrote it */
        buf_adds(&key, c->settings->queues[i / PRIORITIES]);
        buf_adds(&key, suffixes[i % PRIORITIES]);
        c->lists[i].key = mem_strdup(buf_str(&key).p);
    }
}

int celery_collector(const struct entry_settings *entry, const struct clock *clock, struct log *log,
                     struct collector *out, struct err *err)
{
    const struct celery_settings *settings = entry->own;
    struct celery *c;

    if (settings->amqp)
        return rabbitmq_collector_of(settings->amqp, out, err);
    c = mem_new(struct celery);
    c->settings = settings;
    c->asker = (struct redis_asker){
        .entry = entry, .access = &c->settings->broker, .clock = clock, .log = log};
    make_lists(c);
    if (c->settings->events) {
        c->tally = tally_new();
        c->runs = runs_new(&c->clips);
    }
    *out = (struct collector){.name = "celery",
                              .collect = collect,
                              .free = collector_free,
                              .arg = c,
                              .hangs_on = "the Redis server that is the broker"};
    return 0;
}
