#include "collect/redis/redis.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "collect/collect.h"
#include "collect/entry_settings.h"
#include "collect/redis/findings.h"
#include "collect/redis/login.h"
#include "collect/redis/redis_settings.h"
#include "collect/redis/run.h"
#include "collect/redis/session.h"
#include "collect/redis/walk.h"

#define PART "redis"

struct redis {
    const struct entry_settings *entry;
    const struct redis_settings *settings;
    const struct clock *clock;
    struct log *log;
    struct walks walks;
    bool refusal_told;
};

/* ---- answers ---- */

int redis_run_answer(struct redis_run *r, const char *what, const struct resp **out,
                     struct err *err)
{
    const struct resp *reply;

    if (session_answer(r->session, what, &reply, err) < 0)
        return -1;
    if (reply->kind == RESP_ERROR) {
        if (r->refused++ == 0)
            (void)snprintf(r->refusal, sizeof r->refusal, "%s: %s", what,
                           login_words(r->findings->arena, reply));
        reply = NULL;
    }
    *out = reply;
    return 0;
}

int redis_run_select(struct redis_run *r, unsigned db, bool *ok, struct err *err)
{
    const struct resp *reply;
    char number[16];

    *ok = true;
    if (db == r->db)
        return 0;
    (void)snprintf(number, sizeof number, "%u", db);
    if (session_say(r->session, err, "SELECT", number) < 0 ||
        redis_run_answer(r, "SELECT", &reply, err) < 0)
        return -1;
    *ok = reply != NULL;
    r->db = reply ? db : r->db;
    return 0;
}

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
    if (reply->kind == RESP_ERROR && str_starts(reply->text, STR("NOAUTH")))
        return err_set(err, ERR_EVAL,
                       "Redis wants a password; set password or password_file (and username)");
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
                                    "what answers to INFO there is no Redis: it "
                                    "tells no redis_version");
}

static void add_own(struct redis_run *r, const struct login *login)
{
    static const struct finding_family up = {
        .name = STR("redis_up"), .type = METRIC_GAUGE, .help = STR("1: Redis has answered.")};
    static const struct finding_family connect = {
        .name = STR("redis_exporter_last_scrape_connect_time_seconds"),
        .type = METRIC_GAUGE,
        .help = STR("How long it took to connect.")};
    static const struct finding_family ping = {
        .name = STR("redis_exporter_last_scrape_ping_time_seconds"),
        .type = METRIC_GAUGE,
        .help = STR("How long the answer to PING took.")};
    static const struct finding_family refused = {
        .name = STR("earshot_redis_commands_refused"),
        .type = METRIC_GAUGE,
        .help = STR("Commands that Redis refused in this cycle; the log names the first.")};

    findings_add(r->findings, &up, 1, NULL, 0);
    findings_add(r->findings, &connect, login->connect_s, NULL, 0);
    findings_add(r->findings, &ping, login->ping_s, NULL, 0);
    findings_add(r->findings, &refused, (double)r->refused, NULL, 0);
}

/* Until when walks may go on: a tenth of the interval, and never the time that the rest needs. */
static int64_t walk_end(const struct redis *c, int64_t deadline_ns)
{
    int64_t now = c->clock->mono_ns(c->clock);
    int64_t share = c->entry->job.interval_ms * 1000000 / 10, half = (deadline_ns - now) / 2;

    return now + (share < half ? share : half);
}

static int read_all(struct redis *c, struct redis_run *r, const struct login *login,
                    int64_t deadline_ns, struct err *err)
{
    if (read_info(r, c->clock, err) < 0 || server_read(r, err) < 0 || sizes_read(r, err) < 0 ||
        walks_run(&c->walks, r, c->clock, walk_end(c, deadline_ns), err) < 0)
        return -1;
    add_own(r, login);
    return 0;
}

/* Once until all is well again. */
static void tell_refusal(struct redis *c, const struct redis_run *r, const struct login *login)
{
    const char *words = login->refusal ? login->refusal : r->refused ? r->refusal : NULL;

    if (words && !c->refusal_told)
        log_warn(c->log, PART,
                 "collect.redis, %s: Redis refuses a command, and what it would say is left out: "
                 "%s; an ACL grants it with: ACL SETUSER name +command (all refusals are counted "
                 "in earshot_redis_commands_refused)",
                 c->entry->name, words);
    c->refusal_told = words != NULL;
}

/* Before the next cycle is due, so that this one can say what it waited for. */
static int64_t timeout_ms(const struct redis *c)
{
    int64_t most = c->entry->job.interval_ms - c->entry->job.interval_ms / 20 - 10;

    return c->entry->job.timeout_ms < most ? c->entry->job.timeout_ms : most;
}

static int fail(const struct redis *c, struct err *err)
{
    struct err inner = *err;

    if (inner.kind != ERR_TIMEOUT)
        return -1;
    return err_set(err, ERR_TIMEOUT, "%s (waited %.3g s)", inner.text,
                   (double)timeout_ms(c) / 1000);
}

static int collect(void *arg, struct emit *emit, struct arena *scratch, struct err *err)
{
    struct redis *c = arg;
    int64_t deadline_ns = c->clock->mono_ns(c->clock) + timeout_ms(c) * 1000000;
    struct findings findings;
    struct redis_run run = {.findings = &findings, .settings = c->settings};
    struct login login;
    int rc;

    if (login_open(c->settings, c->clock, deadline_ns, scratch, &login, err) < 0)
        return fail(c, err);
    findings_init(&findings, scratch);
    run.session = login.session;
    rc = read_all(c, &run, &login, deadline_ns, err);
    session_close(login.session);
    if (rc < 0) {
        (void)err_context(err, "%s", login.place);
        return fail(c, err);
    }
    tell_refusal(c, &run, &login);
    return findings_emit(&findings, emit, err) < 0 ? err_context(err, "%s", login.place) : 0;
}

/* ---- life ---- */

static void collector_free(void *arg)
{
    struct redis *c = arg;

    walks_fini(&c->walks);
    mem_free(c);
}

int redis_collector(const struct entry_settings *entry, const struct clock *clock, struct log *log,
                    struct collector *out, struct err *err)
{
    struct redis *c = mem_new(struct redis);

    (void)err; /* config has seen all that could be wrong */
    c->entry = entry;
    c->settings = entry->own;
    c->clock = clock;
    c->log = log;
    walks_init(&c->walks, c->settings);
    *out = (struct collector){
        .name = "redis", .collect = collect, .free = collector_free, .arg = c, .may_hang = true};
    return 0;
}
