#include "collect/recognise/draft.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "collect/propose.h"
#include "collect/recognise/program.h"
#include "collect/recognise/survey.h"
#include "text/regex.h"

#define ENTRY_MAX 16384
#define JSON_MAX  40 /* metrics that are proposed of one answer */
#define NGINX_LOG "/var/log/nginx/access.log"

struct drafts {
    const struct recognise_context *context;
    const struct spots *spots;
    const struct survey *survey;
    struct arena *arena;
    struct scan *scan;
    size_t cap;
    bool redis_in, postgres_in; /* one is there and can be collected */
    struct err *err;
    bool failed;
};

/* ---- texts ---- */

/* A line of our own making; control characters in what others said become '?'. */
static const char *line(struct drafts *d, const char *fmt, ...) PRINTF_LIKE(2, 3);
static const char *line(struct drafts *d, const char *fmt, ...)
{
    char text[1024], *kept;
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    if (!str_is_utf8(str_c(text)))
        for (char *c = text; *c; c++)
            *c = (unsigned char)*c < 0x80 ? *c : '?';
    kept = arena_cstr(d->arena, str_c(text), d->err);
    d->failed |= !kept;
    return kept ? kept : "";
}

static const char *keep(struct drafts *d, const struct buf *b)
{
    char *kept = arena_cstr(d->arena, buf_str(b), d->err);

    d->failed |= !kept || b->overflowed;
    return kept ? kept : "";
}

static const char *place_of(struct drafts *d, const struct survey_socket *s)
{
    const char *place = spot_place(s, d->arena, d->err);

    d->failed |= !place;
    return place ? line(d, "%s", place) : "";
}

/* "redis-server (pid 812, redis.service)" */
static const char *who(struct drafts *d, const struct survey_process *p)
{
    char name[PROGRAM_NAME_MAX];

    if (!p)
        return "a program that this user may not see";
    program_name(p, name);
    if (p->unit.n)
        return line(d, "%s (pid %llu, %.*s)", name, (unsigned long long)p->pid,
                    STR_ARGS(str_take(p->unit, 80)));
    return line(d, "%s (pid %llu)", name, (unsigned long long)p->pid);
}

static const char *listens(struct drafts *d, const struct spot *s)
{
    return line(d, "%s listens on %s", who(d, s->owner), place_of(d, s->socket));
}

/* A scalar of YAML that holds any text. */
static void add_quoted(struct buf *b, struct str text)
{
    buf_addc(b, '\'');
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\'')
            buf_addc(b, '\'');
        buf_addc(b, text.p[i]);
    }
    buf_addc(b, '\'');
}

/* Fit to stand in quotes: a control character there is no YAML, or another text. */
static bool is_plain(struct str text)
{
    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] < ' ' || text.p[i] == 0x7f)
            return false;
    return text.n > 0 && str_is_utf8(text);
}

/* "url: '...'" */
static const char *quoted_entry(struct drafts *d, const char *key, const char *value)
{
    struct buf entry;
    const char *kept;

    buf_init(&entry, ENTRY_MAX);
    buf_addf(&entry, "%s: ", key);
    add_quoted(&entry, str_c(value));
    kept = keep(d, &entry);
    buf_fini(&entry);
    return kept;
}

static struct found *add(struct drafts *d, const char *id, const char *pack, const char *title)
{
    struct scan *s = d->scan;

    if (arena_grow(d->arena, (void **)&s->items, &d->cap, s->n + 1, sizeof *s->items, d->err) < 0) {
        d->failed = true;
        return NULL;
    }
    s->items[s->n] = (struct found){
        .id = id, .pack = pack, .title = title, .evidence = "", .watched = "not collected"};
    return &s->items[s->n++];
}

/* ---- this host ---- */

static void draft_host(struct drafts *d)
{
    struct found *f = add(d, "host", "host", "This host");

    if (!f)
        return;
    f->evidence = line(d, "%s, which earshot runs on", d->context->host_name);
    f->watched = "processor, memory, disks, network, largest processes";
    f->kind = "host";
    f->entry = "{}";
}

static void draft_gpu(struct drafts *d)
{
    const struct survey *s = d->survey;
    struct found *f;

    if (!s->nvidia && !s->amd)
        return;
    f = add(d, "gpu", "gpu", s->nvidia ? "NVIDIA GPU" : "AMD GPU");
    if (!f)
        return;
    if (s->driver.n)
        f->evidence = line(d, "driver %.*s is loaded", STR_ARGS(str_take(s->driver, 40)));
    else
        f->evidence = "the kernel lists it under /sys/class/drm";
    f->watched = "memory by process, load, heat, power";
    f->kind = "gpu";
    f->entry = "{}";
}

/* ---- Redis ---- */

/* The same server also listens elsewhere, and that place was told already. */
static bool is_second_place(const struct spots *all, size_t at)
{
    const struct spot *s = &all->items[at];

    for (size_t i = 0; i < at; i++)
        if (all->items[i].kind == s->kind && s->owner && all->items[i].owner == s->owner)
            return true;
    return false;
}

static const char *redis_url(struct drafts *d, const struct survey_socket *s)
{
    const char *place = place_of(d, s);

    return s->port ? line(d, "redis://%s", place) : line(d, "unix://%s", place);
}

static const char *id_of(struct drafts *d, const char *what, const struct survey_socket *s)
{
    return s->port ? line(d, "%s-%u", what, s->port)
                   : line(d, "%s-%.*s", what, STR_ARGS(str_take(s->path, 120)));
}

static void set_place(struct drafts *d, struct found *f, const struct survey_socket *s)
{
    f->port = s->port;
    if (!s->port)
        f->path = place_of(d, s);
}

static void draft_redis(struct drafts *d, const struct spot *s)
{
    const struct redis_answer *r = &s->redis;
    const char *name = r->valkey ? "Valkey" : "Redis";
    struct found *f;

    if (r->says == REDIS_NOTHING) {
        d->scan->unknown_ports += s->socket->port != 0;
        return;
    }
    f = add(d, id_of(d, "redis", s->socket), "redis",
            r->version.n ? line(d, "%s %.*s", name, STR_ARGS(r->version)) : name);
    if (!f)
        return;
    set_place(d, f, s->socket);
    f->url = redis_url(d, s->socket);
    f->kind = "redis";
    f->entry = quoted_entry(d, "url", f->url);
    switch (r->says) {
    case REDIS_PASSWORD:
        f->evidence = line(d, "%s and asks for a password", listens(d, s));
        f->needs = line(d,
                        "its password: write it into a file and add, under collect.redis, "
                        "{url: %s, password_file: THAT FILE}",
                        f->url);
        break;
    case REDIS_PROTECTED:
        f->evidence = line(d, "%s and refuses us in its protected mode", listens(d, s));
        f->needs = "a bind address or a password in its configuration (redis.conf: bind, "
                   "requirepass)";
        break;
    default:
        f->evidence = line(d, "%s and %s", listens(d, s),
                           r->says == REDIS_PONG ? "answered PING" : "is loading its data");
        f->watched = "memory, clients, commands, keys";
        d->redis_in = true;
    }
}

/* ---- PostgreSQL ---- */

static struct str folder_of(struct str path)
{
    struct str base = program_base(path);

    return str_take(path, path.n - base.n > 1 ? path.n - base.n - 1 : path.n - base.n);
}

/* Of ".s.PGSQL.5432". */
static struct str port_of(struct str path)
{
    struct str rest = path, last = path;

    while (rest.p)
        last = str_split(&rest, '.');
    return last;
}

static const char *postgres_url(struct drafts *d, const struct spot *s, const char *user)
{
    if (s->socket->port)
        return line(d, "postgresql://%s@%s/postgres", user, place_of(d, s->socket));
    return line(d, "postgresql://%s@/postgres?host=%.*s&port=%.*s", user,
                STR_ARGS(folder_of(s->socket->path)), STR_ARGS(port_of(s->socket->path)));
}

/* The way in that is best: one that lets us in, else one that wants a password. */
static bool is_better(const struct spot *a, const struct spot *b)
{
    static const int rank[] = {
        [POSTGRES_NOTHING] = 0, [POSTGRES_NO] = 1, [POSTGRES_PASSWORD] = 2, [POSTGRES_IN] = 3};

    return rank[a->postgres.says] > rank[b->postgres.says];
}

/* A server has a TCP port and a Unix socket of the same number. */
static unsigned number_of(const struct spot *s)
{
    unsigned n = s->socket->port;
    struct str digits = port_of(s->socket->path);

    for (size_t i = 0; !s->socket->port && i < digits.n && i < 5; i++)
        n = digits.p[i] >= '0' && digits.p[i] <= '9' ? n * 10 + (unsigned)(digits.p[i] - '0') : n;
    return n;
}

static void draft_postgres(struct drafts *d, const struct spot *s)
{
    const struct postgres_answer *p = &s->postgres;
    const char *user = p->says == POSTGRES_IN ? s->postgres_user : "earshot";
    struct found *f;

    if (p->says == POSTGRES_NOTHING) {
        d->scan->unknown_ports += s->socket->port != 0;
        return;
    }
    f = add(d, line(d, "postgres-%u", number_of(s)), "postgres",
            p->version.n ? line(d, "PostgreSQL %.*s", STR_ARGS(str_take(p->version, 32)))
                         : "PostgreSQL");
    if (!f)
        return;
    f->port = (uint16_t)number_of(s);
    f->path = s->socket->port ? NULL : place_of(d, s->socket);
    f->url = postgres_url(d, s, user);
    f->kind = "postgres";
    f->entry = quoted_entry(d, "url", f->url);
    if (p->says == POSTGRES_IN) {
        f->evidence = line(d, "%s and let user %s in without a password", listens(d, s), user);
        f->watched = "connections, sizes, transactions, tables";
        d->postgres_in = true;
    } else if (p->says == POSTGRES_PASSWORD) {
        f->evidence = line(d, "%s and asks for a password", listens(d, s));
        f->needs = line(d,
                        "a user and its password: CREATE ROLE earshot LOGIN PASSWORD '...'; "
                        "GRANT pg_monitor TO earshot; then add, under collect.postgres, "
                        "{url: '%s', password_file: A FILE WITH IT}",
                        f->url);
    } else {
        f->evidence = line(d, "%s and says: %.*s", listens(d, s), STR_ARGS(p->why));
        f->needs = line(d,
                        "a user that it lets in: CREATE ROLE %s LOGIN; GRANT pg_monitor TO %s; "
                        "then look again",
                        d->context->user, d->context->user);
    }
}

/* ---- Celery ---- */

static bool is_worker(const struct survey_process *p)
{
    return str_starts(p->words, STR("[celeryd: ")) || /* its own title, where it can set one */
           (program_has_word(p, STR("worker")) && program_has_word(p, STR("celery")));
}

static bool is_connected(const struct survey_process *p, uint16_t port)
{
    for (size_t i = 0; i < p->peers_n; i++)
        if (p->peers[i] == port)
            return true;
    return false;
}

struct workers {
    const struct survey_process *first;
    size_t n;
    struct str queues; /* of the first that names some */
};

static void find_workers(const struct drafts *d, uint16_t port, struct workers *out)
{
    *out = (struct workers){.n = 0, .queues = STR("")};
    for (size_t i = 0; i < d->survey->processes_n; i++) {
        const struct survey_process *p = &d->survey->processes[i];
        struct str queues;

        if (!is_worker(p) || (port && !is_connected(p, port)))
            continue;
        out->n++;
        if (!out->first)
            out->first = p;
        queues = program_option(p, "-Q", "--queues");
        if (queues.n && !out->queues.n)
            out->queues = queues;
    }
}

static bool is_listed(const struct str names[], size_t n, struct str name)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(names[i], name))
            return true;
    return false;
}

/* Those that workers name, then those that the broker knows. */
static void add_queues(struct buf *b, struct str named, const struct redis_answer *r)
{
    struct str all[PROBE_QUEUES_MAX * 2];
    size_t n = 0;

    while (named.n && n < PROBE_QUEUES_MAX) {
        struct str one = str_trim(str_split(&named, ','));

        if (is_plain(one) && !is_listed(all, n, one))
            all[n++] = one;
        if (!named.p)
            break;
    }
    for (size_t i = 0; i < r->queues_n && n < ARRAY_LEN(all); i++)
        if (is_plain(r->queues[i]) && !is_listed(all, n, r->queues[i]))
            all[n++] = r->queues[i];
    if (n == 0)
        all[n++] = STR("celery");
    buf_adds(b, "queues: [");
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_adds(b, ", ");
        add_quoted(b, all[i]);
    }
    buf_addc(b, ']');
}

static void draft_celery(struct drafts *d, const struct spot *s)
{
    const struct redis_answer *r = &s->redis;
    struct workers workers;
    struct buf entry;
    struct found *f;

    find_workers(d, s->socket->port, &workers);
    if (r->says != REDIS_PONG || (!workers.n && r->queues_db < 0))
        return;
    f = add(d, id_of(d, "celery", s->socket), "celery", "Celery");
    if (!f)
        return;
    set_place(d, f, s->socket);
    f->url = line(d, "%s%s%d", redis_url(d, s->socket),
                  s->socket->port ? "/" : "?db=", r->queues_db < 0 ? 0 : r->queues_db);
    if (workers.n)
        f->evidence =
            line(d, "%zu worker process%s, the first %s, connected to the Redis on %s", workers.n,
                 workers.n == 1 ? "" : "es", who(d, workers.first), place_of(d, s->socket));
    else
        f->evidence = line(d, "the Redis on %s has its queues (_kombu.binding.* in database %d)",
                           place_of(d, s->socket), r->queues_db);
    f->watched = "queue length and age, tasks that workers hold";
    f->kind = "celery";
    buf_init(&entry, ENTRY_MAX);
    buf_adds(&entry, "broker: ");
    add_quoted(&entry, str_c(f->url));
    buf_addc(&entry, '\n');
    add_queues(&entry, workers.queues, r);
    f->entry = keep(d, &entry);
    f->options = strchr(f->entry, '\n') + 1;
    buf_fini(&entry);
}

/* Workers whose broker is elsewhere. */
static void draft_lost_workers(struct drafts *d)
{
    struct workers workers;
    struct found *f;

    find_workers(d, 0, &workers);
    for (size_t i = 0; i < d->scan->n; i++)
        if (strcmp(d->scan->items[i].pack, "celery") == 0)
            return;
    if (!workers.n || !(f = add(d, "celery", "celery", "Celery")))
        return;
    f->evidence = line(d, "%zu worker process%s, the first %s", workers.n,
                       workers.n == 1 ? "" : "es", who(d, workers.first));
    f->kind = "celery";
    f->needs = "its broker, which is no open Redis of this host: add, under collect.celery, "
               "{broker: 'redis://HOST:6379/0'}";
}

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
    const char *place = place_of(d, s->socket);
    struct buf entry;
    struct mapping m = {&entry};
    struct found *f;
    size_t n;

    buf_init(&entry, ENTRY_MAX);
    buf_addf(&entry, "url: http://%s/metrics\nmetrics:", place);
    n = propose_metrics(s->json, JSON_MAX, add_metric, &m);
    f = n ? add(d, id_of(d, "json", s->socket), "", line(d, "%s", job)) : NULL;
    if (f) {
        set_place(d, f, s->socket);
        f->evidence = line(d, "%s and answers /metrics with JSON", listens(d, s));
        f->watched = line(d, "%zu number%s of it", n, n == 1 ? "" : "s");
        f->kind = "json";
        f->name_key = "name";
        f->name = job;
        f->url = line(d, "http://%s/metrics", place);
        f->entry = keep(d, &entry);
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
    const char *pack = of_whom(s, &of), *place = place_of(d, s->socket);
    bool twice = s->tally.same_as && (strcmp(s->tally.same_as, "node_") == 0 ||
                                      (strcmp(s->tally.same_as, "redis_") == 0 && d->redis_in) ||
                                      (strcmp(s->tally.same_as, "pg_") == 0 && d->postgres_in));
    struct found *f =
        add(d, id_of(d, "scrape", s->socket), pack, line(d, "%s", of ? of->title : job));

    if (!f)
        return;
    set_place(d, f, s->socket);
    f->url = line(d, "http://%s", place);
    f->evidence = line(d, "%s; /metrics has %zu series%s%s%s", listens(d, s), s->tally.samples,
                       s->tally.family ? ", " : "", s->tally.family ? s->tally.prefix : "",
                       s->tally.family ? "... among them" : "");
    if (twice) {
        f->watched = line(d, "not collected: earshot reads %s... by itself", s->tally.same_as);
        return;
    }
    f->watched = of && of->watched ? of->watched : line(d, "its %zu series", s->tally.samples);
    f->kind = "scrape";
    f->name_key = "job_name";
    f->name = of ? of->pack : job;
    f->entry = line(d, "static_configs: [{targets: ['%s']}]", place);
    f->series = s->tally.samples;
}

/* Recognised, but without an exposition: how it is read only its pack knows. */
static void draft_service(struct drafts *d, const struct spot *s)
{
    const struct recogniser *of;
    const char *pack = of_whom(s, &of);
    struct found *f = add(d, id_of(d, pack, s->socket), pack, line(d, "%s", of->title));

    if (!f)
        return;
    set_place(d, f, s->socket);
    f->url = line(d, "http://%s", place_of(d, s->socket));
    if (s->by_path)
        f->evidence = line(d, "%s and answers %s", listens(d, s), s->by_path);
    else
        f->evidence = listens(d, s);
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
        if (is_connected(p, s->socket->port))
            return s;
        found = found ? found : s;
    }
    return found;
}

static void draft_workers(struct drafts *d)
{
    for (size_t i = 0; i < d->spots->signs_n; i++) {
        const struct recogniser *r = d->spots->signs[i].of;
        const struct survey_process *p =
            r->has_redis_address ? find_process(d, &d->spots->signs[i]) : NULL;
        const struct spot *redis = p ? find_redis(d, p) : NULL;
        struct found *f;

        if (!redis || is_found(d->scan, r->pack) || !(f = add(d, r->pack, r->pack, r->title)))
            continue;
        f->evidence =
            line(d, "%s runs, and the Redis on %s answers", who(d, p), place_of(d, redis->socket));
        f->kind = "packs";
        f->watched = r->watched;
        f->url = line(d, "%s/0", redis_url(d, redis->socket));
        f->port = redis->socket->port;
    }
}

static void draft_http(struct drafts *d, const struct spot *s)
{
    char job[PROGRAM_NAME_MAX];
    struct found *f;

    program_job(s->owner, s->socket->port, job);
    if (s->tally.samples) {
        draft_exposition(d, s, line(d, "%s", job));
    } else if (spot_is_nginx(s->owner)) {
        return; /* draft_nginx tells it once, with all its ports and logs */
    } else if (s->by_http || s->by_process) {
        draft_service(d, s);
    } else if (s->json.n) {
        draft_json(d, s, line(d, "%s", job));
    } else if (s->status == 401 || s->status == 403) {
        f = add(d, id_of(d, "http", s->socket), "", line(d, "%s", job));
        if (!f)
            return;
        set_place(d, f, s->socket);
        f->evidence =
            line(d, "%s and wants a log-in for /metrics (HTTP %d)", listens(d, s), s->status);
        f->needs = line(d,
                        "a password or token: add, under collect.scrape, {job_name: %s, "
                        "authorization: {credentials_file: A FILE WITH IT}, static_configs: "
                        "[{targets: ['%s']}]}",
                        job, place_of(d, s->socket));
    } else {
        d->scan->unknown_ports++;
    }
}

/* ---- nginx ---- */

/* With its stub_status and this log, as its pack has both. */
static void add_nginx(struct drafts *d, const struct spot *s, struct str log)
{
    struct found *f = add(d, id_of(d, "nginx", s->socket), "nginx", "nginx");
    struct buf options;

    if (!f)
        return;
    set_place(d, f, s->socket);
    f->evidence = line(d, "%s and answers %s%s%.*s", listens(d, s), s->stub_path,
                       log.n ? ", and writes " : "", STR_ARGS(log));
    f->url = line(d, "http://%s", place_of(d, s->socket));
    f->kind = "packs";
    f->watched = "connections, requests by status, times";
    buf_init(&options, ENTRY_MAX);
    buf_addf(&options, "status_path: %s", s->stub_path);
    if (log.n) {
        buf_adds(&options, ", log: ");
        add_quoted(&options, log);
    }
    f->options = keep(d, &options);
    buf_fini(&options);
}

static void add_log(struct drafts *d, struct str path, const struct survey_process *p)
{
    struct found *f = add(d, line(d, "nginx-%.*s", STR_ARGS(str_take(path, 120))), "", "nginx log");
    struct buf entry;

    if (!f)
        return;
    f->evidence =
        line(d, "nginx (pid %llu) writes %.*s", (unsigned long long)p->pid, STR_ARGS(path));
    f->path = line(d, "%.*s", STR_ARGS(path));
    f->kind = "logs";
    f->name_key = "name";
    f->name = "nginx";
    buf_init(&entry, ENTRY_MAX);
    buf_adds(&entry, "path: ");
    add_quoted(&entry, path);
    buf_adds(&entry, "\nformat: text\npatterns:\n"
                     "- {event: http_5xx, match: '\" 5\\d\\d ', severity: error}\n"
                     "- {event: http_4xx, match: '\" 4\\d\\d ', severity: warning}\n"
                     "- {event: http_ok, match: '\" [123]\\d\\d ', severity: info}");
    f->entry = keep(d, &entry);
    buf_fini(&entry);
    f->watched = "requests by status, errors";
    if (access(f->path, R_OK) < 0) {
        f->watched = "not collected";
        f->needs = line(d, "the right to read %s: usermod -aG adm %s", f->path, d->context->user);
    }
}

static const struct spot *find_stub(const struct drafts *d, const struct survey_process *p)
{
    for (size_t i = 0; i < d->spots->n; i++)
        if (d->spots->items[i].owner == p && d->spots->items[i].stub_path)
            return &d->spots->items[i];
    return NULL;
}

/* A log that can be read goes with the stub_status; all others stand alone. */
static void draft_one_nginx(struct drafts *d, const struct survey_process *p)
{
    const struct spot *stub = find_stub(d, p);
    struct str with = STR("");

    for (size_t k = 0; k < p->logs_n && stub && !with.n; k++)
        if (is_plain(p->logs[k]) && access(line(d, "%.*s", STR_ARGS(p->logs[k])), R_OK) == 0)
            with = p->logs[k];
    if (stub && (with.n || access(NGINX_LOG, R_OK) == 0)) /* its pack reads that otherwise */
        add_nginx(d, stub, with);
    for (size_t k = 0; k < p->logs_n; k++)
        if (!is_listed(p->logs, k, p->logs[k]) && is_plain(p->logs[k]) && !str_eq(p->logs[k], with))
            add_log(d, p->logs[k], p);
    if (p->hidden && !stub && access(NGINX_LOG, F_OK) == 0)
        add_log(d, STR(NGINX_LOG), p);
}

static void draft_nginx(struct drafts *d)
{
    for (size_t i = 0; i < d->survey->processes_n; i++)
        if (str_starts(d->survey->processes[i].command, STR("nginx: master")))
            draft_one_nginx(d, &d->survey->processes[i]);
}

/* ---- all ---- */

static void draft_databases(struct drafts *d)
{
    const struct spots *all = d->spots;

    for (size_t i = 0; i < all->n; i++)
        if (all->items[i].kind == SPOT_REDIS && !is_second_place(all, i))
            draft_redis(d, &all->items[i]);
    for (size_t i = 0; i < all->n; i++) {
        const struct spot *best = &all->items[i];
        bool first = best->kind == SPOT_POSTGRES;

        for (size_t k = 0; k < all->n && first; k++) {
            const struct spot *other = &all->items[k];

            if (other->kind != SPOT_POSTGRES || number_of(other) != number_of(&all->items[i]))
                continue;
            first = k >= i; /* the others of it were told with the first */
            if (is_better(other, best))
                best = other;
        }
        if (first)
            draft_postgres(d, best);
    }
    for (size_t i = 0; i < all->n; i++)
        if (all->items[i].kind == SPOT_REDIS && !is_second_place(all, i))
            draft_celery(d, &all->items[i]);
}

/* What can be taken now first, then what needs the person, then what is only told. */
static int turn_of(const struct found *f)
{
    return !f->kind ? 2 : f->needs ? 1 : 0;
}

static void sort(struct scan *s)
{
    for (size_t i = 1; i < s->n; i++) { /* few, and equals keep their order */
        struct found f = s->items[i];
        size_t k = i;

        for (; k > 0 && turn_of(&s->items[k - 1]) > turn_of(&f); k--)
            s->items[k] = s->items[k - 1];
        s->items[k] = f;
    }
}

int draft_all(const struct recognise_context *context, const struct spots *spots, struct arena *a,
              struct scan *out, struct err *err)
{
    struct drafts d = {.context = context,
                       .spots = spots,
                       .survey = spots->survey,
                       .arena = a,
                       .scan = out,
                       .err = err};

    draft_host(&d);
    draft_gpu(&d);
    draft_databases(&d);
    draft_lost_workers(&d);
    for (size_t i = 0; i < spots->n; i++)
        if (spots->items[i].kind == SPOT_HTTP)
            draft_http(&d, &spots->items[i]);
        else if (spots->items[i].kind == SPOT_QUIET)
            out->unknown_ports += spots->items[i].socket->port != 0;
    draft_workers(&d);
    draft_nginx(&d);
    sort(out);
    return d.failed ? -1 : 0;
}
