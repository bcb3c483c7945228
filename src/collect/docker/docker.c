#include "collect/docker/docker.h"

#include <assert.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "collect/collect.h"
#include "collect/docker/answers.h"
#include "collect/docker/docker_settings.h"
#include "collect/docker/engine.h"
#include "collect/docker/ledger.h"
#include "collect/docker/place.h"
#include "collect/docker/tell.h"
#include "collect/docker/usage.h"
#include "collect/entry_settings.h"
#include "collect/findings.h"
#include "collect/host/files.h"

#define PART       "docker"
#define TARGET_MAX 160

struct docker {
    const struct entry_settings *entry;
    const struct docker_settings *settings;
    const struct clock *clock;
    struct log *log;
    struct files *files; /* owned */
    struct ledger ledger;
    size_t asked_last; /* whose usage the engine told last: the next cycle goes on behind it */
    bool told;         /* that something is not read */
};

/* One cycle. */
struct run {
    struct docker *docker;
    struct engine *engine;
    struct arena *arena;
    struct findings findings;
    struct container_list list;
    struct member *members[LEDGER_LISTED_MAX]; /* [list.n] NULL: it is gone, or not known */
    bool unused[LEDGER_LISTED_MAX];            /* its usage is not in the kernel's files */
    int64_t deadline_ns;
    size_t unread;
    struct err first; /* why, of the first */
};

/* ---- asking the engine ---- */

static int64_t timeout_ms(const struct docker *d)
{
    return collect_wait_ms(d->entry->job.interval_ms, d->entry->job.timeout_ms);
}

static void note_unread(struct run *r, const struct container_line *line, const struct err *why)
{
    if (r->unread++ > 0)
        return;
    r->first = *why;
    (void)err_context(&r->first, "container %.*s", STR_ARGS(line->name));
}

static int read_list(struct run *r, struct err *err)
{
    struct str body;
    int status;

    if (engine_get(r->engine, "/containers/json?all=1", &status, &body, err) < 0)
        return -1;
    if (status != 200)
        return engine_refused(status, body, err);
    return answers_list(body, LEDGER_LISTED_MAX, r->arena, &r->list, err);
}

/* *status 0: it is not known, and no container's fault: the connection is lost. */
static int get_one(struct run *r, const struct container_line *line, const char *what, int *status,
                   struct str *body, struct err *err)
{
    char target[TARGET_MAX];

    *status = 0;
    (void)snprintf(target, sizeof target, "/containers/%.*s/%s", STR_ARGS(line->id), what);
    if (engine_get(r->engine, target, status, body, err) < 0)
        return -1;
    return *status == 200 ? 0 : engine_refused(*status, *body, err);
}

/* -1: nobody can be asked any more. What one container's answer lacks costs no other anything. */
static int ask_facts(struct run *r, const struct container_line *line, struct member **m,
                     struct err *err)
{
    struct container_facts facts;
    struct str body;
    int status;

    if (get_one(r, line, "json", &status, &body, err) == 0 &&
        answers_facts(body, r->arena, &facts, err) == 0) {
        ledger_learn(&r->docker->ledger, *m, line, &facts);
        return 0;
    }
    if (status == 0)
        return -1;
    if (status != 404) /* it went after the list was told */
        note_unread(r, line, err);
    *m = NULL;
    return 0;
}

/* Is its process another than the one that is known? */
static bool has_moved(struct run *r, const struct container_line *line, const struct member *m)
{
    return m->facts.pid > 0 && !usage_is_inside(r->docker->files, m->facts.pid, line->id);
}

/* The list of some engines does not show how a check ends. */
static bool hides_health(const struct container_line *line, const struct member *m)
{
    return m->known && m->facts.health != HEALTH_NONE && m->facts.state == CONTAINER_RUNNING &&
           (line->status.n == 0 || !memchr(line->status.p, '(', line->status.n));
}

static int read_facts(struct run *r, struct err *err)
{
    for (size_t i = 0; i < r->list.n; i++) {
        const struct container_line *line = &r->list.items[i];
        struct member *m = ledger_find(&r->docker->ledger, line);

        if ((ledger_is_news(m, line) || hides_health(line, m) || has_moved(r, line, m)) &&
            ask_facts(r, line, &m, err) < 0)
            return -1;
        r->members[i] = m;
    }
    return 0;
}

/* ---- what they use ---- */

static void see_usage(struct run *r, size_t i, const struct container_usage *usage)
{
    struct member *m = r->members[i];

    assert(m); /* nobody looks at what is gone */
    if (usage->has_kills)
        ledger_see_kills(&r->docker->ledger, m, usage->kills);
    if (usage->has_limit) {
        m->facts.has_limit = true;
        m->facts.memory_limit = (uint64_t)usage->limit;
    }
    tell_usage(&r->findings, &r->list.items[i], m, usage);
}

static int read_usage(struct run *r, struct err *err)
{
    for (size_t i = 0; i < r->list.n; i++) {
        const struct member *m = r->members[i];
        struct container_usage usage;
        bool inside;

        if (!m || (m->facts.state != CONTAINER_RUNNING && m->facts.state != CONTAINER_PAUSED))
            continue;
        if (usage_read(r->docker->files, m->facts.pid, r->list.items[i].id, m->facts.own_network,
                       r->arena, &usage, &inside, err) < 0)
            return -1;
        r->unused[i] = !inside || !usage.has_cpu || !usage.has_memory;
        if (!r->unused[i])
            see_usage(r, i, &usage);
    }
    return 0;
}

/* An engine may take two seconds for each. */
static int ask_usage(struct run *r, struct err *err)
{
    struct docker *d = r->docker;
    int64_t half_ns = r->deadline_ns - timeout_ms(d) * 500000;
    size_t first = d->asked_last + 1;

    for (size_t k = 0; k < r->list.n; k++) {
        size_t i = (first + k) % r->list.n;
        const struct container_line *line = &r->list.items[i];
        struct container_usage usage;
        struct err why;
        struct str body;
        int status;

        if (!r->unused[i])
            continue;
        if (d->clock->mono_ns(d->clock) >= half_ns) {
            (void)err_set(&why, ERR_TIMEOUT, "no time was left to ask the engine what it uses");
            note_unread(r, line, &why);
            continue;
        }
        d->asked_last = i;
        if (get_one(r, line, "stats?stream=false&one-shot=true", &status, &body, &why) == 0 &&
            answers_usage(body, r->arena, &usage, &why) == 0)
            see_usage(r, i, &usage);
        else if (status == 0)
            return *err = why, -1;
        else if (status != 404 && status != 409) /* it has ended meanwhile */
            note_unread(r, line, &why);
    }
    return 0;
}

/* ---- a cycle ---- */

/* Once until all is well again. */
static void tell_unread(struct run *r)
{
    struct docker *d = r->docker;

    if (r->unread > 0 && !d->told)
        log_warn(d->log, PART,
                 "collect.docker, %s: %s (all are counted in earshot_docker_containers_unread)",
                 d->entry->name, r->first.text);
    d->told = r->unread > 0;
}

static int read_all(struct run *r, struct err *err)
{
    struct docker *d = r->docker;

    if (read_list(r, err) < 0)
        return -1;
    ledger_begin(&d->ledger, d->clock->mono_ns(d->clock));
    if (read_facts(r, err) < 0 || read_usage(r, err) < 0 || ask_usage(r, err) < 0)
        return -1;
    for (size_t i = 0; i < r->list.n; i++) {
        if (!r->members[i])
            continue;
        ledger_settle(&d->ledger, r->members[i]);
        tell_container(&r->findings, &r->list.items[i], r->members[i]);
    }
    ledger_end(&d->ledger);
    tell_own(&r->findings, r->list.left_out, r->unread);
    tell_unread(r);
    return 0;
}

static int open_engine(struct run *r, const char *path, struct err *err)
{
    struct docker *d = r->docker;
    char needs[PLACE_NEEDS_MAX];

    if (engine_open(path, d->clock, r->deadline_ns, &r->engine, err) == 0)
        return 0;
    if (err->kind == ERR_TIMEOUT || !place_is_shut(path))
        return -1;
    place_needs(path, needs);
    return err_set(err, ERR_OS, "this user may not open the socket; it takes %s", needs);
}

static int fail(const struct docker *d, const char *path, struct err *err)
{
    const struct err inner = *err;

    if (inner.kind == ERR_TIMEOUT)
        (void)err_set(err, ERR_TIMEOUT, "%s (waited %.3g s)", inner.text,
                      (double)timeout_ms(d) / 1000);
    return err_context(err, "%s", path);
}

static int collect(void *arg, struct emit *emit, struct arena *scratch, struct err *err)
{
    struct docker *d = arg;
    struct run *r = arena_new(scratch, struct run, err);
    char found[PLACE_PATH_MAX];
    const char *path = d->settings->socket;
    int rc;

    if (!r)
        return -1;
    if (!path && !place_find(found))
        return err_set(err, ERR_EVAL,
                       "there is no socket of Docker or Podman; give its path as `socket`");
    path = path ? path : found;
    r->docker = d;
    r->arena = scratch;
    r->deadline_ns = d->clock->mono_ns(d->clock) + timeout_ms(d) * 1000000;
    findings_init(&r->findings, scratch);
    if (open_engine(r, path, err) < 0)
        return fail(d, path, err);
    rc = read_all(r, err);
    engine_close(r->engine);
    return rc == 0 && findings_emit(&r->findings, emit, err) == 0 ? 0 : fail(d, path, err);
}

/* ---- life ---- */

static void collector_free(void *arg)
{
    struct docker *d = arg;

    ledger_fini(&d->ledger);
    files_free(d->files);
    mem_free(d);
}

int docker_collector(const struct entry_settings *entry, const struct docker_context *context,
                     struct collector *out, struct err *err)
{
    struct docker *d = mem_new(struct docker);

    d->entry = entry;
    d->settings = entry->own;
    d->clock = context->clock;
    d->log = context->log;
    ledger_init(&d->ledger);
    if (files_new(context->proc, context->sys, "/", &d->files, err) < 0) {
        collector_free(d);
        return -1;
    }
    *out = (struct collector){.name = "docker",
                              .collect = collect,
                              .free = collector_free,
                              .arg = d,
                              .hangs_on = "the socket of Docker or Podman"};
    return 0;
}
