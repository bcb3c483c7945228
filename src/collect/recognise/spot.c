#include "collect/recognise/spot.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "collect/recognise/program.h"
#include "collect/recognise/recognise.h"
#include "collect/recognise/survey.h"
#include "collect/recognise/tally.h"
#include "http/bodies.h"
#include "text/json.h"
#include "text/json_path.h"
#include "text/regex.h"

#include <jansson.h>

#define RETRY_MS 1000 /* of one that is busy: it had not answered in probe.c's time */

/* ---- who listens ---- */

/* Those who take a question in HTTP amiss, in their log or by a ban. */
static const char *const quiet_programs[] = {"sshd",      "systemd",   "systemd-resolve",
                                             "rpcbind",   "rpc.statd", "rpc.mountd",
                                             "master",    "exim4",     "sendmail",
                                             "dovecot",   "mysqld",    "mariadbd",
                                             "mongod",    "cupsd",     "dnsmasq",
                                             "named",     "smbd",      "nmbd",
                                             "memcached", "epmd",      "beam.smp",
                                             "ntpd",      "chronyd",   "Xorg",
                                             "Xtigervnc", "x11vnc",    "xrdp",
                                             "slapd",     "inetd",     "vsftpd",
                                             "proftpd",   "unbound",   "postgres",
                                             "pgbouncer", "libvirtd",  "tor"};
static const uint16_t quiet_ports[] = {21,   22,   23,   25,   53,   110,   111,   139,  143,  389,
                                       445,  465,  587,  631,  636,  873,   993,   995,  2049, 3306,
                                       3389, 4369, 5671, 5672, 5900, 11211, 25672, 27017};
static const char *const redis_programs[] = {"redis-server", "valkey-server", "keydb-server",
                                             "redis-check-rdb"};
static const char *const postgres_programs[] = {"postgres", "postmaster"};

#define REDIS_PORT    6379
#define POSTGRES_PORT 5432

static bool is_one_of(struct str name, const char *const names[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(name, str_c(names[i])))
            return true;
    return false;
}

/* The kernel keeps 15 bytes of a name. */
static bool runs(const struct survey_process *p, const char *const names[], size_t n)
{
    return p && (is_one_of(program_base(p->exe), names, n) || is_one_of(p->name, names, n));
}

static bool is_quiet_port(uint16_t port)
{
    for (size_t i = 0; i < ARRAY_LEN(quiet_ports); i++)
        if (quiet_ports[i] == port)
            return true;
    return false;
}

/* The one process of the socket's user whose descriptors are hidden and that would listen. */
static const struct survey_process *guess_owner(const struct spots *all,
                                                const struct survey_socket *s)
{
    const struct survey_process *found = NULL;

    if (s->user == 0) /* too many are */
        return NULL;
    for (size_t i = 0; i < all->survey->processes_n; i++) {
        const struct survey_process *p = &all->survey->processes[i];

        if (!p->hidden || p->user != s->user)
            continue;
        if (found && !str_eq(found->name, p->name))
            return NULL;
        if (!found)
            found = p;
    }
    return found;
}

bool spot_is_nginx(const struct survey_process *p)
{
    return p && str_starts(p->command, STR("nginx: "));
}

static const struct recogniser *match_process(const struct spots *all,
                                              const struct survey_process *p)
{
    for (size_t i = 0; p && i < all->signs_n; i++) {
        const struct sign *s = &all->signs[i];

        if (runs(p, s->of->exes, s->of->exes_n))
            return s->of;
        for (size_t k = 0; k < s->of->processes_n; k++)
            if (regex_matches(s->processes[k], p->command))
                return s->of;
    }
    return NULL;
}

static bool is_postgres_path(struct str path)
{
    return str_starts(program_base(path), STR(".s.PGSQL."));
}

static enum spot_kind kind_of(const struct spot *s)
{
    const struct survey_socket *socket = s->socket;

    if (runs(s->owner, redis_programs, ARRAY_LEN(redis_programs)) ||
        (!s->owner && socket->port == REDIS_PORT))
        return SPOT_REDIS;
    if (is_postgres_path(socket->path))
        return SPOT_POSTGRES;
    if (socket->port && (runs(s->owner, postgres_programs, ARRAY_LEN(postgres_programs)) ||
                         (!s->owner && socket->port == POSTGRES_PORT)))
        return SPOT_POSTGRES;
    if (!socket->port || is_quiet_port(socket->port) ||
        runs(s->owner, quiet_programs, ARRAY_LEN(quiet_programs)))
        return SPOT_QUIET;
    return SPOT_HTTP;
}

static int compile(struct spots *all, struct sign *s, struct err *err)
{
    const struct recogniser *r = s->of;

    s->processes = arena_new_array(all->arena, struct regex *, r->processes_n, err);
    s->matches = arena_new_array(all->arena, struct regex *, r->http_n, err);
    if (!s->processes || !s->matches)
        return -1;
    for (size_t i = 0; i < r->processes_n; i++)
        if (regex_new(str_c(r->processes[i]), false, &s->processes[i], err) < 0)
            return err_context(err, "%s", r->pack);
    for (size_t i = 0; i < r->http_n; i++)
        if (r->http[i].match && regex_new(str_c(r->http[i].match), false, &s->matches[i], err) < 0)
            return err_context(err, "%s", r->pack);
    return 0;
}

int spots_list(struct spots *all, struct err *err)
{
    const struct survey *survey = all->survey;

    for (size_t i = 0; i < all->signs_n; i++)
        if (compile(all, &all->signs[i], err) < 0)
            return -1;
    all->items = arena_new_array(all->arena, struct spot, survey->sockets_n, err);
    if (!all->items)
        return -1;
    for (size_t i = 0; i < survey->sockets_n; i++) {
        struct spot *s = &all->items[all->n];

        s->socket = &survey->sockets[i];
        if (s->socket->other_only)
            continue;
        s->owner = s->socket->owner ? s->socket->owner : guess_owner(all, s->socket);
        if (s->owner && survey_is_ours(s->owner))
            continue;
        s->kind = kind_of(s);
        s->by_process = match_process(all, s->owner);
        all->n++;
    }
    return 0;
}

/* ---- what is asked next ---- */

/* Does it make sense to try this recogniser's paths here? */
static bool may_be(const struct spot *s, const struct recogniser *r, const struct recognise_http *h)
{
    bool somewhere = h->port == 0;

    if (h->port)
        return h->port == s->socket->port;
    for (size_t i = 0; i < r->ports_n; i++) {
        somewhere = false;
        if (r->ports[i] == s->socket->port)
            return true;
    }
    return s->by_process == r || (somewhere && r->ports_n == 0);
}

/* The n-th path that is worth a try; NULL: there are no more. */
static const struct recognise_http *nth_try(const struct spots *all, const struct spot *s, size_t n,
                                            const struct sign **sign, size_t *at)
{
    for (size_t i = 0; i < all->signs_n; i++)
        for (size_t k = 0; k < all->signs[i].of->http_n; k++) {
            const struct recognise_http *h = &all->signs[i].of->http[k];

            if (!may_be(s, all->signs[i].of, h))
                continue;
            if (n-- == 0) {
                *sign = &all->signs[i];
                *at = k;
                return h;
            }
        }
    return NULL;
}

/* Where people put the stub_status of an nginx; NULL: that was all. */
static const char *nth_stub(const struct spot *s)
{
    static const char *const paths[] = {"/nginx_status", "/stub_status", "/basic_status"};

    return s->stub_path || s->tried >= ARRAY_LEN(paths) ? NULL : paths[s->tried];
}

/* Whom a PostgreSQL may know: who we are, and who often is. */
static const char *nth_user(const struct spots *all, size_t n)
{
    const char *const users[] = {all->user, "earshot", "postgres"};

    for (size_t i = 0; i < ARRAY_LEN(users); i++) {
        bool before = false;

        for (size_t k = 0; k < i; k++)
            before |= strcmp(users[k], users[i]) == 0;
        if (!before && n-- == 0)
            return users[i];
    }
    return NULL;
}

static struct probe *new_probe(const struct spots *all, struct spot *s, struct err *err)
{
    struct probe *p = arena_new(all->arena, struct probe, err);

    if (p)
        s->probes[s->probes_n] = p;
    return p;
}

static bool was_silent(const struct spot *s)
{
    const struct probe *last = s->probes_n ? s->probes[s->probes_n - 1] : NULL;

    return last && last->ask.end == ASK_SILENT && last->ask.connected;
}

/* 1: there is a question (the last of s->probes); 0: none; -1: no memory. */
static int next_http(const struct spots *all, struct spot *s, struct err *err)
{
    const struct recognise_http *h;
    const struct sign *sign;
    const char *path = "/metrics";
    bool again = was_silent(s) && !s->retried;
    struct probe *p;
    size_t at;

    if (s->probes_n > 0 && !again && spot_is_nginx(s->owner)) {
        path = s->talked ? nth_stub(s) : NULL;
        if (!path)
            return 0;
        s->tried++;
    } else if (s->probes_n > 0 && !again) {
        h = s->talked && !s->by_http && !s->tally.family ? nth_try(all, s, s->tried, &sign, &at)
                                                         : NULL;
        if (!h)
            return 0;
        s->tried++;
        path = h->path;
    }
    p = new_probe(all, s, err);
    if (!p || probe_http(all->arena, s->socket, path, all->bodies, p, err) < 0)
        return -1;
    s->retried |= again;
    if (again)
        p->ask.wait_ms = RETRY_MS;
    return 1;
}

static int next_redis(const struct spots *all, struct spot *s, struct err *err)
{
    bool again = was_silent(s) && !s->retried;
    struct probe *p;

    if (s->probes_n > 0 && !again)
        return 0;
    p = new_probe(all, s, err);
    if (!p || probe_redis(all->arena, s->socket, p, err) < 0)
        return -1;
    s->retried |= again;
    if (again)
        p->ask.wait_ms = RETRY_MS;
    return 1;
}

static int next_postgres(const struct spots *all, struct spot *s, struct err *err)
{
    const char *user = nth_user(all, s->tried);
    struct probe *p;

    if (!user || s->postgres.says == POSTGRES_IN || (s->tried > 0 && !s->postgres.says))
        return 0;
    p = new_probe(all, s, err);
    if (!p || probe_postgres(all->arena, s->socket, user, p, err) < 0)
        return -1;
    s->tried++;
    return 1;
}

static int next_probe(const struct spots *all, struct spot *s, struct err *err)
{
    if (s->probes_n >= SPOT_PROBES_MAX)
        return 0;
    switch (s->kind) {
    case SPOT_HTTP:
        return next_http(all, s, err);
    case SPOT_REDIS:
        return next_redis(all, s, err);
    case SPOT_POSTGRES:
        return next_postgres(all, s, err);
    case SPOT_QUIET:
        break;
    }
    return 0;
}

/* ---- what it says ---- */

static bool has_path(struct str body, const char *path)
{
    struct json_path p;
    struct budget budget;
    struct arena a;
    json_t *root;
    struct err err;
    bool found = false;

    budget_init(&budget, "a path", 1u << 20, NULL);
    arena_init(&a, &budget);
    if (json_read(body, &root, &err) == 0) {
        found = json_path_parse(&a, str_c(path), &p, &err) == 0 && json_path_get(&p, root);
        json_decref(root);
    }
    arena_fini(&a);
    return found;
}

static bool tells(const struct probe *p, const struct sign *sign, size_t at)
{
    const struct recognise_http *h = &sign->of->http[at];
    int status = probe_status(p);

    return (h->status ? status == h->status : status / 100 == 2) &&
           (!h->match || regex_matches(sign->matches[at], probe_body(p))) &&
           (!h->json || has_path(probe_body(p), h->json));
}

static void read_http(const struct spots *all, struct spot *s, const struct probe *p)
{
    const struct recognise_http *h;
    const struct sign *sign;
    size_t at;

    s->talked |= probe_status(p) != 0;
    if (strcmp(p->what, "/metrics") == 0) {
        s->status = probe_status(p);
        if (s->status != 200)
            return;
        if (!tally_read(probe_body(p), str_c(p->answer.type), p->whole, all->signs, all->signs_n,
                        &s->tally) &&
            str_starts(str_trim(probe_body(p)), STR("{")))
            s->json = probe_body(p);
        return;
    }
    if (spot_is_nginx(s->owner)) {
        if (probe_status(p) == 200 && str_starts(probe_body(p), STR("Active connections:")))
            s->stub_path = p->what;
        return;
    }
    h = nth_try(all, s, s->tried - 1, &sign, &at);
    if (h && tells(p, sign, at)) {
        s->by_http = sign->of;
        s->by_path = h->path;
    }
}

static int read_answer(const struct spots *all, struct spot *s, struct err *err)
{
    const struct probe *p = s->probes[s->probes_n - 1];

    switch (s->kind) {
    case SPOT_HTTP:
        read_http(all, s, p);
        return 0;
    case SPOT_REDIS:
        return probe_read_redis(p, all->arena, &s->redis, err);
    case SPOT_POSTGRES:
        probe_read_postgres(p, &s->postgres);
        s->postgres_user = p->what;
        return 0;
    case SPOT_QUIET:
        break;
    }
    return 0;
}

/* One round of questions. */
struct asking {
    struct ask **asks; /* [n] */
    struct spot **of;  /* whom */
    const struct spots **whose;
    size_t n;
};

static int add_questions(struct spots *all, struct asking *r, struct err *err)
{
    for (size_t i = 0; i < all->n; i++) {
        struct spot *s = &all->items[i];
        int next = next_probe(all, s, err);

        if (next < 0)
            return -1;
        if (next == 0)
            continue;
        r->whose[r->n] = all;
        r->of[r->n] = s;
        r->asks[r->n++] = &s->probes[s->probes_n++]->ask;
    }
    return 0;
}

int spots_ask(struct spots *const all[], size_t n, const struct clock *clock, int64_t deadline_ns,
              bool *asked, struct err *err)
{
    struct arena *a = all[0]->arena;
    struct asking r = {.n = 0};
    size_t most = 0;

    for (size_t i = 0; i < n; i++)
        most += all[i]->n;
    r.asks = arena_new_array(a, struct ask *, most, err);
    r.of = arena_new_array(a, struct spot *, most, err);
    r.whose = arena_new_array(a, const struct spots *, most, err);
    if (!r.asks || !r.of || !r.whose)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (add_questions(all[i], &r, err) < 0)
            return -1;
    ask_all(r.asks, r.n, clock, deadline_ns);
    for (size_t i = 0; i < r.n; i++)
        if (read_answer(r.whose[i], r.of[i], err) < 0)
            return -1;
    *asked = r.n > 0;
    return 0;
}

int spots_count_open(const struct spots *all, size_t *out, struct err *err)
{
    *out = 0;
    for (size_t i = 0; i < all->n; i++) {
        int next = next_probe(all, &all->items[i], err);

        if (next < 0)
            return -1;
        *out += next > 0;
    }
    return 0;
}

void spots_fini(struct spots *all)
{
    for (size_t i = 0; i < all->n; i++)
        for (size_t k = 0; k < all->items[i].probes_n; k++)
            probe_fini(all->items[i].probes[k]);
    for (size_t i = 0; i < all->signs_n; i++) {
        const struct sign *s = &all->signs[i];

        for (size_t k = 0; s->processes && k < s->of->processes_n; k++)
            regex_free(s->processes[k]);
        for (size_t k = 0; s->matches && k < s->of->http_n; k++)
            regex_free(s->matches[k]);
    }
}

const char *spot_place(const struct survey_socket *s, struct arena *a, struct err *err)
{
    if (s->port)
        return arena_printf(a, err, "%s:%u", s->v6 ? "[::1]" : "127.0.0.1", s->port);
    return arena_cstr(a, s->path, err);
}
