#include "api/plan.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/plan_packs.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "collect/docker/docker_settings.h"
#include "collect/docker/place.h"
#include "collect/logs/logs_settings.h"
#include "collect/postgres/postgres_settings.h"
#include "collect/ssh/ssh_settings.h"
#include "config/config.h"
#include "model/labels.h"
#include "pack/pack.h"
#include "text/json.h"

/* ---- looking ---- */

int plan_scan(struct arena *a, const char *host_name, const struct plan_far *far,
              const struct clock *clock, struct scan *out, struct err *err)
{
    struct recognise_context context = {.proc = "/proc",
                                        .sys = "/sys",
                                        .host_name = host_name,
                                        .far = far->items,
                                        .far_n = far->n,
                                        .clock = clock};
    char room[4096], number[24];
    struct passwd pw, *found = NULL;
    struct recogniser *recognisers;
    struct packs packs;

    if (packs_load(a, &packs, err) < 0 ||
        plan_recognisers(a, &packs, &recognisers, &context.recognisers_n, err) < 0)
        return -1;
    context.recognisers = recognisers;
    (void)snprintf(number, sizeof number, "%u", geteuid());
    if (getpwuid_r(geteuid(), &pw, room, sizeof room, &found) != 0)
        found = NULL;
    context.user = found ? pw.pw_name : number;
    return recognise_scan(&context, a, out, err);
}

/* ---- what is configured already ---- */

/* Is this host:port ours, and which port? */
static uint16_t local_port(struct str address, const char *host_name)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]", "0.0.0.0", "::1"};
    struct str host = address, digits;
    unsigned port = 0;
    bool here;

    while (host.n && host.p[host.n - 1] != ':')
        host.n--;
    if (!host.n)
        return 0;
    digits = str_skip(address, host.n);
    host.n--;
    here = str_eq(host, str_c(host_name)) || str_starts(host, STR("127."));
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        here |= str_eq(host, str_c(names[i]));
    for (size_t i = 0; here && i < digits.n && i < 5; i++)
        port = digits.p[i] >= '0' && digits.p[i] <= '9' ? port * 10 + (unsigned)(digits.p[i] - '0')
                                                        : port;
    return port <= UINT16_MAX ? (uint16_t)port : 0;
}

static bool is_same_text(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

/* Names of entries of `hosts`; NULL: this machine. */
static bool is_same_host(const char *a, const char *b)
{
    return a == b || is_same_text(a, b);
}

static bool has_target(const struct scrape_job *job, uint16_t port, const char *host_name)
{
    for (size_t g = 0; g < job->static_groups_n; g++) {
        const struct target_group *group = &job->static_groups[g];

        for (size_t t = 0; t < group->targets_n; t++)
            if (local_port(labels_get(group->targets[t], STR("__address__")), host_name) == port)
                return true;
    }
    return false;
}

static bool is_scraped(const struct config *c, const struct found *f, const char *host_name)
{
    for (size_t i = 0; i < c->jobs_n; i++)
        if (is_same_host(c->jobs[i].host, f->host) && has_target(&c->jobs[i], f->port, host_name))
            return true;
    return false;
}

/* A service that is asked over HTTP has one entry or more, at whatever path. */
static bool asks_http(const char *kind)
{
    static const char *const kinds[] = {"json", "scrape", "metrics", "packs"};

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (strcmp(kinds[i], kind) == 0)
            return true;
    return false;
}

/* One that names no socket takes the first that is there. */
static bool is_engine(const struct docker_settings *s, const char *path)
{
    char found[PLACE_PATH_MAX];

    if (s->socket)
        return place_is_same(s->socket, path);
    return place_find(found) && place_is_same(found, path);
}

static bool is_entry_of(const struct entry_settings *e, const struct found *f,
                        const char *host_name)
{
    if (!is_same_host(e->host, f->host))
        return false;
    if (strcmp(e->kind, f->kind) != 0 && !(asks_http(e->kind) && asks_http(f->kind)))
        return false;
    if (strcmp(f->kind, "gpu") == 0)
        return true;
    if (strcmp(f->kind, "docker") == 0)
        return is_engine(e->own, f->path);
    if (strcmp(f->kind, "logs") == 0)
        return str_eq(((const struct logs_settings *)e->own)->path, str_c(f->path));
    if (strcmp(f->kind, "postgres") == 0 &&
        is_same_text(((const struct postgres_settings *)e->own)->url.text, f->url))
        return true;
    if (!e->instance)
        return false;
    return f->port ? local_port(str_c(e->instance), host_name) == f->port
                   : is_same_text(e->instance, f->path);
}

/* One of the packs in use, at this address. */
static bool is_in_packs(const struct config *c, const struct found *f, const char *host_name)
{
    for (size_t i = 0; i < c->packs.n; i++) {
        struct str id = str_c(c->packs.items[i].id), name = str_split(&id, ' ');

        if (!str_eq(name, str_c(f->pack)) || !is_same_host(c->packs.items[i].host_name, f->host))
            continue;
        if (!f->url || (f->port && local_port(id, host_name) == f->port) ||
            (f->path && memmem(id.p, id.n, f->path, strlen(f->path))))
            return true;
    }
    return false;
}

static bool is_host_read(const struct config *c, const char *host)
{
    for (size_t i = 0; host && i < c->hosts_n; i++)
        if (strcmp(c->hosts[i].name, host) == 0)
            return c->host_of[i].enabled;
    return !host && c->host.enabled;
}

static bool is_watched(const struct config *c, const struct found *f, const char *here)
{
    const char *host_name = f->host ? f->host : here;

    if (is_in_packs(c, f, host_name))
        return true;
    if (strcmp(f->kind, "host") == 0)
        return is_host_read(c, f->host);
    if (asks_http(f->kind) && is_scraped(c, f, host_name))
        return true;
    for (size_t i = 0; i < c->entries_n; i++)
        if (is_entry_of(&c->entries[i], f, host_name))
            return true;
    return false;
}

/* ---- entries ---- */

struct making {
    struct plan *plan;
    const struct config *config; /* NULL: there is none yet */
    const struct packs *packs;
    struct arena *arena;
    struct err *err;
};

static bool is_used(const struct making *m, const struct found *f, const char *name)
{
    const struct config *c = m->config;

    for (size_t i = 0; c && i < c->jobs_n; i++)
        if (strcmp(f->kind, "scrape") == 0 && is_same_host(c->jobs[i].host, f->host) &&
            strcmp(c->jobs[i].name, name) == 0)
            return true;
    for (size_t i = 0; c && i < c->entries_n; i++)
        if (strcmp(c->entries[i].kind, f->kind) == 0 && is_same_host(c->entries[i].host, f->host) &&
            is_same_text(c->entries[i].name, name))
            return true;
    for (size_t i = 0; i < m->plan->n; i++) {
        const struct plan_item *p = &m->plan->items[i];
        const char *end = p->entry ? strchr(p->entry, '\n') : NULL;
        size_t head = f->name_key ? strlen(f->name_key) + 2 : 0;

        if (end && p->found->name_key && is_same_host(p->found->host, f->host) &&
            strcmp(p->found->kind, f->kind) == 0 &&
            str_eq((struct str){p->entry + head, (size_t)(end - p->entry) - head}, str_c(name)))
            return true;
    }
    return false;
}

/* The entry with a name that no other has: "vllm", else "vllm-8001", "nginx-2". */
static const char *name_entry(const struct making *m, const struct found *f)
{
    const char *name = f->name;

    if (!f->name_key)
        return f->entry;
    for (unsigned n = 1; name && is_used(m, f, name); n++) {
        if (n == 1 && f->port)
            name = arena_printf(m->arena, m->err, "%s-%u", f->name, f->port);
        else
            name = arena_printf(m->arena, m->err, "%s-%u", f->name, n);
    }
    return name ? arena_printf(m->arena, m->err, "%s: %s\n%s", f->name_key, name, f->entry) : NULL;
}

/* -1: memory ran out. */
static int write_entry(const struct making *m, const struct found *f, struct plan_item *out)
{
    const struct pack *pack = *f->pack ? packs_find(m->packs, str_c(f->pack)) : NULL;

    out->in_packs = pack != NULL;
    if (!pack) {
        out->entry = name_entry(m, f);
        return out->entry ? 0 : -1;
    }
    out->entry = plan_pack_entry(m->arena, pack, f, m->err);
    if (!out->entry)
        return -1;
    return plan_pack_rules(m->arena, pack, &out->rules, &out->rules_n, m->err);
}

static int make_items(const struct making *m, const struct scan *scan)
{
    struct plan *p = m->plan;

    p->items = arena_new_array(m->arena, struct plan_item, scan->n, m->err);
    if (!p->items)
        return -1;
    for (size_t i = 0; i < scan->n; i++) {
        const struct found *f = &scan->items[i];
        struct plan_item item = {.found = f, .state = PLAN_LEFT};

        if (f->kind && m->config && is_watched(m->config, f, p->host_name))
            item.state = PLAN_WATCHED;
        else if (f->kind)
            item.state = f->needs ? PLAN_NEEDS : PLAN_NEW;
        if (item.state == PLAN_NEW && write_entry(m, f, &item) < 0)
            return -1;
        p->counts[item.state]++;
        p->items[p->n++] = item;
    }
    return 0;
}

int plan_make(struct arena *a, const struct scan *scan, const char *file, const char *host_name,
              struct plan *out, struct err **errors, size_t *errors_n, struct err *err)
{
    struct packs packs;
    struct making m = {.plan = out, .packs = &packs, .arena = a, .err = err};
    struct config *config = NULL;
    int result;

    *out = (struct plan){.scan = scan, .host_name = host_name, .file = file};
    *errors = NULL;
    *errors_n = 0;
    if (packs_load(a, &packs, err) < 0)
        return -1;
    if (access(file, F_OK) == 0 &&
        config_load(file, NULL, &packs_reader, &config, errors, errors_n) < 0)
        return -1;
    m.config = config;
    result = make_items(&m, scan);
    config_free(config);
    return result;
}

/* ---- as JSON ---- */

const char *plan_state_name(enum plan_state state)
{
    static const char *const names[] = {[PLAN_NEW] = "new",
                                        [PLAN_WATCHED] = "watched",
                                        [PLAN_NEEDS] = "needs",
                                        [PLAN_LEFT] = "left"};

    return names[state];
}

static void put_text(struct json_writer *w, const char *key, const char *text)
{
    json_key(w, key);
    if (text)
        json_cstr(w, text);
    else
        json_put_null(w);
}

static void put_count(struct json_writer *w, const char *key, size_t n)
{
    json_key(w, key);
    json_i64(w, (int64_t)n);
}

static void put_item(struct json_writer *w, const struct plan_item *item)
{
    const struct found *f = item->found;

    json_begin_object(w);
    put_text(w, "id", f->id);
    put_text(w, "host", f->host);
    put_text(w, "title", f->title);
    put_text(w, "pack", *f->pack ? f->pack : NULL);
    put_text(w, "state", plan_state_name(item->state));
    put_text(w, "evidence", f->evidence);
    put_text(w, "watched", f->watched);
    put_text(w, "needs", f->needs);
    put_text(w, "collector", f->kind);
    json_key(w, "rules");
    json_begin_array(w);
    for (size_t i = 0; i < item->rules_n; i++)
        json_cstr(w, item->rules[i]);
    json_end_array(w);
    put_text(w, "entry", item->entry);
    json_key(w, "series");
    if (f->series)
        json_i64(w, (int64_t)f->series);
    else
        json_put_null(w);
    json_end_object(w);
}

static void put_cut(struct json_writer *w, size_t n, const char *one, const char *many)
{
    char text[160];

    if (!n)
        return;
    (void)snprintf(text, sizeof text, "%zu %s", n, n == 1 ? one : many);
    json_cstr(w, text);
}

void plan_json(const struct plan *plan, const char *text, const char *refused, struct buf *out)
{
    const struct scan *s = plan->scan;
    struct json_writer w;

    json_begin(&w, out);
    json_begin_object(&w);
    put_text(&w, "host", plan->host_name);
    put_text(&w, "file", plan->file);
    json_key(&w, "looked_at");
    json_begin_object(&w);
    put_count(&w, "ports", s->ports);
    put_count(&w, "processes", s->processes);
    put_count(&w, "units", s->units);
    put_count(&w, "unknown_ports", s->unknown_ports);
    json_key(&w, "seconds");
    json_double(&w, s->seconds);
    json_key(&w, "not");
    json_begin_array(&w);
    put_cut(&w, s->cut.tables, "table of sockets that cannot be read",
            "tables of sockets that cannot be read");
    put_cut(&w, s->cut.sockets, "socket, past 20,000", "sockets, past 20,000");
    put_cut(&w, s->cut.processes, "process's open files, past 500,000 of all",
            "processes' open files, past 500,000 of all");
    put_cut(&w, s->cut.places, "place that would have been asked more, had there been more time",
            "places that would have been asked more, had there been more time");
    json_end_array(&w);
    json_end_object(&w);
    json_key(&w, "unreached");
    json_begin_array(&w);
    for (size_t i = 0; i < s->unreached_n; i++) {
        json_begin_object(&w);
        put_text(&w, "host", s->unreached[i].host);
        put_text(&w, "why", s->unreached[i].why);
        json_end_object(&w);
    }
    json_end_array(&w);
    json_key(&w, "found");
    json_begin_array(&w);
    for (size_t i = 0; i < plan->n; i++)
        put_item(&w, &plan->items[i]);
    json_end_array(&w);
    if (text)
        put_text(&w, "text", text);
    if (refused)
        put_text(&w, "refused", refused);
    json_end_object(&w);
}
