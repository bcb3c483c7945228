#include "collect/redis/run.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "collect/collect.h"
#include "collect/entry_settings.h"
#include "collect/findings.h"
#include "collect/redis/session.h"

#define PART "redis"

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

/* ---- a cycle ---- */

static int64_t timeout_ms(const struct redis_asker *a)
{
    return collect_wait_ms(a->entry->job.interval_ms, a->entry->job.timeout_ms);
}

static int fail(const struct redis_asker *a, struct err *err)
{
    struct err inner = *err;

    if (inner.kind != ERR_TIMEOUT)
        return -1;
    return err_set(err, ERR_TIMEOUT, "%s (waited %.3g s)", inner.text,
                   (double)timeout_ms(a) / 1000);
}

static void add_refused(struct redis_run *r)
{
    static const struct finding_family refused = {
        .name = STR("earshot_redis_commands_refused"),
        .type = METRIC_GAUGE,
        .help = STR("Commands that Redis refused in this cycle; the log names the first.")};

    findings_add(r->findings, &refused, (double)r->refused, NULL, 0);
}

/* Once until all is well again. */
static void tell_refusal(struct redis_asker *a, const struct redis_run *r)
{
    const char *words = r->login.refusal ? r->login.refusal : r->refused ? r->refusal : NULL;
    bool is_acl = words && strstr(words, "NOPERM");

    if (words && !a->refusal_told)
        log_warn(a->log, PART,
                 "collect.%s, %s: Redis refuses a command, and what it would say is left out: %s%s "
                 "(all refusals are counted in earshot_redis_commands_refused)",
                 a->entry->kind, a->entry->name, words,
                 is_acl ? "; an ACL grants it with: ACL SETUSER name +command" : "");
    a->refusal_told = words != NULL;
}

int redis_asker_run(struct redis_asker *a,
                    int (*read)(struct redis_run *r, void *arg, struct err *err), void *arg,
                    struct emit *emit, struct arena *scratch, struct err *err)
{
    struct findings findings;
    struct redis_run run = {.findings = &findings};
    int rc;

    findings_init(&findings, scratch);
    run.deadline_ns = a->clock->mono_ns(a->clock) + timeout_ms(a) * 1000000;
    if (login_open(a->access, a->entry->socket_path, a->clock, run.deadline_ns, scratch, &run.login,
                   err) < 0)
        return fail(a, err);
    run.session = run.login.session;
    rc = read(&run, arg, err);
    session_close(run.session);
    if (rc < 0) {
        (void)err_context(err, "%s", run.login.place);
        return fail(a, err);
    }
    add_refused(&run);
    tell_refusal(a, &run);
    return findings_emit(&findings, emit, err) < 0 ? err_context(err, "%s", run.login.place) : 0;
}
