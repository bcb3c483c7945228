/* Drafts of who answers HTTP, of workers that listen nowhere, and of nginx. */
#include <unistd.h>

#include "base/err.h"
#include "collect/propose.h"
#include "collect/recognise/draft_impl.h"
#include "collect/recognise/program.h"
#include "collect/recognise/survey.h"
#include "text/regex.h"

#define JSON_MAX  40 /* metrics that are proposed of one answer */
#define NGINX_LOG "/var/log/nginx/access.log"

/* ---- HTTP ---- */

struct mapping {
    struct buf *entry;
};

static void add_metric(void *arg, const char *name, const char *path)
{
    const struct mapping *m = arg;

    buf_addf(m->entry, "\n  %s: %s", name, path);
}

static void draft_json(struct drafts *d, const struct spot *s, const char *job)
{
    const char *place = draft_place(d, s->socket);
    struct buf entry;
    struct mapping m = {&entry};
    struct found *f;
    size_t n;

    buf_init(&entry, DRAFT_ENTRY_MAX);
    buf_addf(&entry, "url: http://%s/metrics\nmetrics:", place);
    n = propose_metrics(s->json, JSON_MAX, add_metric, &m);
    f = n ? draft_add(d, draft_id(d, "json", s->socket), "", draft_line(d, "%s", job)) : NULL;
    if (f) {
        draft_set_place(d, f, s->socket);
        f->evidence = draft_line(d, "%s and answers /metrics with JSON", draft_listens(d, s));
        f->watched = draft_line(d, "%zu number%s of it", n, n == 1 ? "" : "s");
        f->kind = "json";
        f->name_key = "name";
        f->name = job;
        f->url = draft_line(d, "http://%s/metrics", place);
        f->entry = draft_keep(d, &entry);
        f->series = n;
    }
    buf_fini(&entry);
}

static const char *of_whom(const struct spot *s, const struct recogniser **out)
{
    *out = s->tally.family ? s->tally.family : s->by_http ? s->by_http : s->by_process;
    return *out ? (*out)->pack : "";
}

static void draft_exposition(struct drafts *d, const struct spot *s, const char *job)
{
    const struct recogniser *of;
    const char *pack = of_whom(s, &of), *place = draft_place(d, s->socket);
    bool twice = s->tally.same_as && (strcmp(s->tally.same_as, "node_") == 0 ||
                                      (strcmp(s->tally.same_as, "redis_") == 0 && d->redis_in) ||
                                      (strcmp(s->tally.same_as, "pg_") == 0 && d->postgres_in));
    struct found *f = draft_add(d, draft_id(d, "scrape", s->socket), pack,
                                draft_line(d, "%s", of ? of->title : job));

    if (!f)
        return;
    draft_set_place(d, f, s->socket);
    f->url = draft_line(d, "http://%s", place);
    f->evidence =
        draft_line(d, "%s; /metrics has %zu series%s%s%s", draft_listens(d, s), s->tally.samples,
                   s->tally.family ? ", " : "", s->tally.family ? s->tally.prefix : "",
                   s->tally.family ? "... among them" : "");
    if (s == d->flower) {
        f->watched = "not collected here: Celery has its parameter flower for it";
        return;
    }
    if (twice) {
        f->watched =
            draft_line(d, "not collected: earshot reads %s... by itself", s->tally.same_as);
        return;
    }
    f->watched =
        of && of->watched ? of->watched : draft_line(d, "its %zu series", s->tally.samples);
    f->kind = "scrape";
    f->name_key = "job_name";
    f->name = of ? of->pack : job;
    f->entry = draft_line(d, "static_configs: [{targets: ['%s']}]", place);
    f->series = s->tally.samples;
}

/* Recognised, but without an exposition: how it is read only its pack knows. */
static void draft_service(struct drafts *d, const struct spot *s)
{
    const struct recogniser *of;
    const char *pack = of_whom(s, &of);
    struct found *f =
        draft_add(d, draft_id(d, pack, s->socket), pack, draft_line(d, "%s", of->title));

    if (!f)
        return;
    draft_set_place(d, f, s->socket);
    f->url = draft_line(d, "http://%s", draft_place(d, s->socket));
    if (s->by_path)
        f->evidence = draft_line(d, "%s and answers %s", draft_listens(d, s), s->by_path);
    else
        f->evidence = draft_listens(d, s);
    f->kind = "packs";
    f->watched = of->watched;
}

/* ---- who listens nowhere: workers on queues in a Redis ---- */

static bool is_found(const struct scan *s, const char *pack)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->items[i].pack, pack) == 0)
            return true;
    return false;
}

static const struct survey_process *find_process(const struct drafts *d, const struct sign *sign)
{
    for (size_t i = 0; i < d->survey->processes_n; i++)
        for (size_t k = 0; k < sign->of->processes_n; k++)
            if (regex_matches(sign->processes[k], d->survey->processes[i].command))
                return &d->survey->processes[i];
    return NULL;
}

/* The Redis that it is connected to, else the first that is open. */
static const struct spot *find_redis(const struct drafts *d, const struct survey_process *p)
{
    const struct spot *found = NULL;

    for (size_t i = 0; i < d->spots->n; i++) {
        const struct spot *s = &d->spots->items[i];

        if (s->kind != SPOT_REDIS || s->redis.says != REDIS_PONG || !s->socket->port)
            continue;
        if (draft_is_connected(p, s->socket->port))
            return s;
        found = found ? found : s;
    }
    return found;
}

void draft_workers(struct drafts *d)
{
    for (size_t i = 0; i < d->spots->signs_n; i++) {
        const struct recogniser *r = d->spots->signs[i].of;
        const struct survey_process *p =
            r->has_redis_address ? find_process(d, &d->spots->signs[i]) : NULL;
        const struct spot *redis = p ? find_redis(d, p) : NULL;
        struct found *f;

        if (!redis || is_found(d->scan, r->pack) || !(f = draft_add(d, r->pack, r->pack, r->title)))
            continue;
        f->evidence = draft_line(d, "%s runs, and the Redis on %s answers", draft_who(d, p),
                                 draft_place(d, redis->socket));
        f->kind = "packs";
        f->watched = r->watched;
        f->url = draft_line(d, "%s/0", draft_redis_url(d, redis->socket));
        f->port = redis->socket->port;
    }
}

void draft_http(struct drafts *d, const struct spot *s)
{
    char job[PROGRAM_NAME_MAX];
    struct found *f;

    program_job(s->owner, s->socket->port, job);
    if (s->tally.samples) {
        draft_exposition(d, s, draft_line(d, "%s", job));
    } else if (spot_is_nginx(s->owner)) {
        return; /* draft_nginx tells it once, with all its ports and logs */
    } else if (s->by_http || s->by_process) {
        draft_service(d, s);
    } else if (s->json.n) {
        draft_json(d, s, draft_line(d, "%s", job));
    } else if (s->status == 401 || s->status == 403) {
        f = draft_add(d, draft_id(d, "http", s->socket), "", draft_line(d, "%s", job));
        if (!f)
            return;
        draft_set_place(d, f, s->socket);
        f->evidence = draft_line(d, "%s and wants a log-in for /metrics (HTTP %d)",
                                 draft_listens(d, s), s->status);
        f->needs = draft_line(d,
                              "a password or token: add, under collect.scrape, {job_name: %s, "
                              "authorization: {credentials_file: A FILE WITH IT}, static_configs: "
                              "[{targets: ['%s']}]}",
                              job, draft_place(d, s->socket));
    } else {
        d->scan->unknown_ports++;
    }
}

/* ---- nginx ---- */

/* With its stub_status and this log, as its pack has both. */
static void add_nginx(struct drafts *d, const struct spot *s, struct str log)
{
    struct found *f = draft_add(d, draft_id(d, "nginx", s->socket), "nginx", "nginx");
    struct buf options;

    if (!f)
        return;
    draft_set_place(d, f, s->socket);
    f->evidence = draft_line(d, "%s and answers %s%s%.*s", draft_listens(d, s), s->stub_path,
                             log.n ? ", and writes " : "", STR_ARGS(log));
    f->url = draft_line(d, "http://%s", draft_place(d, s->socket));
    f->kind = "packs";
    f->watched = d->behind ? "connections, requests" : "connections, requests by status, times";
    buf_init(&options, DRAFT_ENTRY_MAX);
    buf_addf(&options, "status_path: %s", s->stub_path);
    if (log.n) {
        buf_adds(&options, ", log: ");
        draft_quote(&options, log);
    }
    f->options = draft_keep(d, &options);
    buf_fini(&options);
}

static void add_log(struct drafts *d, struct str path, const struct survey_process *p)
{
    struct found *f =
        draft_add(d, draft_line(d, "nginx-%.*s", STR_ARGS(str_take(path, 120))), "", "nginx log");
    struct buf entry;

    if (!f)
        return;
    f->evidence =
        draft_line(d, "nginx (pid %llu) writes %.*s", (unsigned long long)p->pid, STR_ARGS(path));
    f->path = draft_line(d, "%.*s", STR_ARGS(path));
    f->kind = "logs";
    f->name_key = "name";
    f->name = "nginx";
    buf_init(&entry, DRAFT_ENTRY_MAX);
    buf_adds(&entry, "path: ");
    draft_quote(&entry, path);
    buf_adds(&entry, "\nformat: text\npatterns:\n"
                     "- {event: http_5xx, match: '\" 5\\d\\d ', severity: error}\n"
                     "- {event: http_4xx, match: '\" 4\\d\\d ', severity: warning}\n"
                     "- {event: http_ok, match: '\" [123]\\d\\d ', severity: info}");
    f->entry = draft_keep(d, &entry);
    buf_fini(&entry);
    f->watched = "requests by status, errors";
    if (access(f->path, R_OK) < 0) {
        f->watched = "not collected";
        f->needs =
            draft_line(d, "the right to read %s: usermod -aG adm %s", f->path, d->context->user);
    }
}

static const struct spot *find_stub(const struct drafts *d, const struct survey_process *p)
{
    for (size_t i = 0; i < d->spots->n; i++)
        if (d->spots->items[i].owner == p && d->spots->items[i].stub_path)
            return &d->spots->items[i];
    return NULL;
}

/* Any user's process may call itself nginx and any file its log, or put a link in its place later;
 * the lines of what is read are for everybody who may ask. So only root and our own user are
 * believed. */
static size_t believed_logs(const struct survey_process *p)
{
    return p->user == 0 || p->user == geteuid() ? p->logs_n : 0;
}

/* A log that can be read goes with the stub_status; all others stand alone. */
static void draft_one_nginx(struct drafts *d, const struct survey_process *p)
{
    const struct spot *stub = find_stub(d, p);
    size_t logs_n = d->behind ? 0 : believed_logs(p); /* files are not read there */
    struct str with = STR("");

    for (size_t k = 0; k < logs_n && stub && !with.n; k++)
        if (draft_is_plain(p->logs[k]) &&
            access(draft_line(d, "%.*s", STR_ARGS(p->logs[k])), R_OK) == 0)
            with = p->logs[k];
    if (stub &&
        (with.n || d->behind || access(NGINX_LOG, R_OK) == 0)) /* its pack reads that otherwise */
        add_nginx(d, stub, with);
    for (size_t k = 0; k < logs_n; k++)
        if (!draft_is_listed(p->logs, k, p->logs[k]) && draft_is_plain(p->logs[k]) &&
            !str_eq(p->logs[k], with))
            add_log(d, p->logs[k], p);
    if (p->hidden && !stub && !d->behind && access(NGINX_LOG, F_OK) == 0)
        add_log(d, STR(NGINX_LOG), p);
}

void draft_nginx(struct drafts *d)
{
    for (size_t i = 0; i < d->survey->processes_n; i++)
        if (str_starts(d->survey->processes[i].command, STR("nginx: master")))
            draft_one_nginx(d, &d->survey->processes[i]);
}
