#include "collect/redis/redis.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "collect/collect.h"
#include "collect/entry_settings.h"
#include "collect/findings.h"
#include "collect/redis/first.h"
#include "collect/redis/redis_settings.h"
#include "collect/redis/run.h"
#include "collect/redis/session.h"
#include "collect/redis/walk.h"

struct redis {
    struct redis_asker asker;
    const struct redis_settings *settings;
    struct walks walks;
    struct firsts *firsts;
};

/* ---- one cycle ---- */

static int read_info(struct redis_run *r, const struct clock *clock, struct err *err)
{
    const struct info_options options = {.commandstats = r->settings->commandstats,
                                         .latency = r->settings->latency,
                                         .now_s = clock->wall_ms(clock) / 1000};
    struct arena *scratch = r->findings->arena;
    const struct resp *reply;
    struct str text;

    if (session_say(r->session, err, "INFO", "ALL") < 0 ||
        session_answer(r->session, "INFO", &reply, err) < 0)
        return -1;
    if (reply->kind == RESP_ERROR)
        return err_set(err, ERR_EVAL,
                       "Redis refuses INFO (%s); an ACL grants it with: ACL SETUSER name +info",
                       login_words(scratch, reply));
    text = reply->kind == RESP_TEXT ? arena_str(scratch, reply->text, err) : STR("");
    if (!text.p)
        return -1;
    info_read(text, &options, r->findings, &r->facts);
    return r->facts.known ? 0
                          : err_set(err, ERR_SYNTAX,
                                    "what answers to INFO there is no Redis: it tells no "
                                    "redis_version");
}

static void add_own(struct redis_run *r)
{
    static const struct finding_family connect = {
        .name = STR("redis_exporter_last_scrape_connect_time_seconds"),
        .type = METRIC_GAUGE,
        .help = STR("How long it took to connect.")};
    static const struct finding_family ping = {
        .name = STR("redis_exporter_last_scrape_ping_time_seconds"),
        .type = METRIC_GAUGE,
        .help = STR("How long the answer to PING took.")};

    findings_add(r->findings, &connect, r->login.connect_s, NULL, 0);
    findings_add(r->findings, &ping, r->login.ping_s, NULL, 0);
}

static int read_all(struct redis_run *r, void *arg, struct err *err)
{
    struct redis *c = arg;

    r->settings = c->settings;
    if (read_info(r, c->asker.clock, err) < 0 || server_read(r, err) < 0 ||
        sizes_read(r, err) < 0 ||
        walks_run(&c->walks, r, c->asker.clock, walks_end(&c->asker, r->deadline_ns), err) < 0)
        return -1;
    add_own(r);
    firsts_read(c->firsts, r, c->asker.clock->wall_ms(c->asker.clock));
    return 0;
}

static int collect(void *arg, struct emit *emit, struct arena *scratch, struct err *err)
{
    struct redis *c = arg;

    return redis_asker_run(&c->asker, read_all, c, emit, scratch, err);
}

/* ---- life ---- */

static void collector_free(void *arg)
{
    struct redis *c = arg;

    firsts_free(c->firsts);
    walks_fini(&c->walks);
    mem_free(c);
}

int redis_collector(const struct entry_settings *entry, const struct clock *clock, struct log *log,
                    struct redis_firsts *firsts, struct collector *out, struct err *err)
{
    struct redis *c = mem_new(struct redis);

    (void)err; /* config has seen all that could be wrong */
    c->settings = entry->own;
    c->asker = (struct redis_asker){
        .entry = entry, .access = &c->settings->access, .clock = clock, .log = log};
    walks_init(&c->walks, c->settings);
    c->firsts = firsts_new(firsts, entry);
    *out = (struct collector){.name = "redis",
                              .collect = collect,
                              .free = collector_free,
                              .arg = c,
                              .up = "redis_up",
                              .hangs_on = "the Redis server"};
    return 0;
}
