#include "cli/serve_entries.h"

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "collect/celery/celery.h"
#include "collect/celery/results.h"
#include "collect/collect.h"
#include "collect/docker/docker.h"
#include "collect/gpu/gpu.h"
#include "collect/json/collector.h"
#include "collect/logs/collector.h"
#include "collect/nginx/nginx.h"
#include "collect/path/path.h"
#include "collect/pools.h"
#include "collect/postgres/postgres.h"
#include "collect/probe/probe.h"
#include "collect/process/process.h"
#include "collect/rabbitmq/rabbitmq.h"
#include "collect/redis/first.h"
#include "collect/redis/redis.h"
#include "collect/ssh/far.h"
#include "collect/ssh/ssh_hosts.h"
#include "collect/via.h"
#include "config/config.h"
#include "http/client.h"
#include "model/labels.h"

/* How long the series of a changed entry wait for its new target, which comes at once. */
#define HAND_OVER_MS 2000

struct running {
    const struct entry_settings *settings;
    struct pools_owner *owner; /* a reference */
    struct cycle *cycle;
};

struct serve_entries {
    struct collect *collect;
    const char *host_name;
    struct running *items; /* owned; [n] */
    size_t n;
};

struct json_counts serve_json_counts;
struct logs_shared serve_logs = {.lock = PTHREAD_MUTEX_INITIALIZER,
                                 .receivers = {.lock = PTHREAD_MUTEX_INITIALIZER}};
struct gpu_counts serve_gpu_counts;
struct redis_firsts serve_redis_firsts = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- kinds ---- */

struct maker {
    const char *kind;
    int (*make)(const struct entry_settings *entry, const struct clock *clock, struct log *log,
                struct collector *out, struct err *err);
};

static int make_docker(const struct entry_settings *entry, const struct clock *clock,
                       struct log *log, struct collector *out, struct err *err)
{
    const struct docker_context context = {
        .proc = "/proc", .sys = "/sys", .clock = clock, .log = log};

    return docker_collector(entry, &context, out, err);
}

static int make_gpu(const struct entry_settings *entry, const struct clock *clock, struct log *log,
                    struct collector *out, struct err *err)
{
    return gpu_collector(entry, clock, log, &serve_gpu_counts, out, err);
}

static int make_json(const struct entry_settings *entry, const struct clock *clock, struct log *log,
                     struct collector *out, struct err *err)
{
    return json_collector_make(entry->own, clock, log, &serve_json_counts, out, err);
}

static int make_logs(const struct entry_settings *entry, const struct clock *clock, struct log *log,
                     struct collector *out, struct err *err)
{
    return logs_collector_make(entry->own, entry->job.timeout_ms, &serve_logs, clock, log, out,
                               err);
}

/* An exposition, which collect reads without help. */
static int make_metrics(const struct entry_settings *entry, const struct clock *clock,
                        struct log *log, struct collector *out, struct err *err)
{
    (void)clock;
    (void)log;
    (void)err;
    *out = (struct collector){.name = entry->name};
    return 0;
}

static int make_nginx(const struct entry_settings *entry, const struct clock *clock,
                      struct log *log, struct collector *out, struct err *err)
{
    (void)entry;
    (void)clock;
    (void)log;
    (void)err;
    nginx_collector(out);
    return 0;
}

static int make_redis(const struct entry_settings *entry, const struct clock *clock,
                      struct log *log, struct collector *out, struct err *err)
{
    return redis_collector(entry, clock, log, &serve_redis_firsts, out, err);
}

static int make_far_process(const struct entry_settings *entry, const struct clock *clock,
                            struct log *log, struct collector *out, struct err *err)
{
    const struct scrape_job *job = &entry->job;
    const struct far_settings settings = {.socket_path = entry->socket_path,
                                          .part = FAR_PROCESSES,
                                          .timeout_ms =
                                              collect_wait_ms(job->interval_ms, job->timeout_ms),
                                          .clock = clock};
    struct process_context context = {.far = true, .log = log};
    struct collector inner;
    struct far *far;

    if (far_new(&settings, &far, err) < 0)
        return -1;
    context.proc = far_proc(far);
    context.sys = far_sys(far);
    context.root = far_root(far);
    context.clock = far_clock(far);
    if (process_collector(entry->own, &context, &inner, err) < 0) {
        far_free(far);
        return -1;
    }
    *out = far_collector(far, &inner);
    return 0;
}

static int make_process(const struct entry_settings *entry, const struct clock *clock,
                        struct log *log, struct collector *out, struct err *err)
{
    if (*entry->socket_path)
        return make_far_process(entry, clock, log, out, err);

    const struct process_context context = {
        .proc = "/proc", .sys = "/sys", .root = "/", .clock = clock, .log = log};

    return process_collector(entry->own, &context, out, err);
}

static const struct maker makers[] = {
    {"nginx", make_nginx},
    {"path", path_collector},
    {"metrics", make_metrics},
    {"docker", make_docker},
    {"gpu", make_gpu},
    {"json", make_json},
    {"postgres", postgres_collector},
    {"redis", make_redis},
    {"process", make_process},
    {"celery", celery_collector},
    {"logs", make_logs},
    {"probe", probe_collector},
    {"flower", make_metrics},
    {"celery results", results_collector},
    {"rabbitmq", rabbitmq_collector},
    {"rabbitmq nodes", rabbitmq_collector},
    {"rabbitmq overview", rabbitmq_collector},
};

static int make(const struct entry_settings *entry, const struct clock *clock, struct log *log,
                struct collector *out, struct err *err)
{
    size_t i = 0;

    while (strcmp(makers[i].kind, entry->kind) != 0)
        i++; /* config knows no other kinds */
    if (makers[i].make(entry, clock, log, out, err) == 0)
        return 0;
    return err_context(err, "collect.%s, %s", entry->kind, entry->name);
}

/* What it asks, as seen from its host. One that asks no service reads the machine's files. */
static const char *place_behind(const struct entry_settings *entry)
{
    if (entry->url)
        return entry->url;
    return entry->place ? entry->place : VIA_SHELL;
}

/* What its collector will connect to. */
static int find_socket(struct entry_settings *entry, struct ssh_hosts *hosts, struct err *err)
{
    uint32_t number;

    if (!entry->host || entry->url)
        return 0;
    if (ssh_hosts_path(hosts, entry->host, place_behind(entry), entry->socket_path, &number, err) ==
        0)
        return 0;
    return err_context(err, "hosts, %s: collect.%s, %s", entry->host, entry->kind, entry->name);
}

int serve_entries_make(const struct config *config, struct ssh_hosts *hosts,
                       const struct clock *clock, struct log *log, struct collector **out,
                       struct err *err)
{
    struct collector *made = mem_new_array(struct collector, config->entries_n + 1);

    for (size_t i = 0; i < config->entries_n; i++) {
        if (find_socket(&config->entries[i], hosts, err) < 0 ||
            make(&config->entries[i], clock, log, &made[i], err) < 0) {
            serve_entries_discard(made, i);
            return -1;
        }
    }
    *out = made;
    return 0;
}

void serve_entries_discard(struct collector *collectors, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (collectors[i].free)
            collectors[i].free(collectors[i].arg);
    mem_free(collectors);
}

/* ---- targets ---- */

struct serve_entries *serve_entries_new(struct collect *collect, const char *host_name)
{
    struct serve_entries *s = mem_new(struct serve_entries);

    s->collect = collect;
    s->host_name = host_name;
    return s;
}

/* Those of the entry win over job and instance. `endpoint` NULL: without that label. */
static int make_labels(const struct serve_entries *s, const struct entry_settings *entry,
                       const char *endpoint, struct arena *a, const struct labels **out,
                       struct err *err)
{
    const struct labels *further = entry->labels;
    const char *instance = entry->instance ? entry->instance
                           : entry->host   ? entry->host
                                           : s->host_name;
    struct label *pairs = arena_new_array(a, struct label, further->n + 6, err);
    size_t n = 0;

    if (!pairs)
        return -1;
    for (size_t i = 0; i < further->n; i++)
        pairs[n++] = labels_at(further, i);
    if (!labels_get(further, STR("instance")).n)
        pairs[n++] = (struct label){STR("instance"), str_c(instance)};
    if (!labels_get(further, STR("job")).n)
        pairs[n++] = (struct label){STR("job"), str_c(entry->job.name)};
    if (entry->named && !labels_get(further, STR("name")).n)
        pairs[n++] = (struct label){STR("name"), str_c(entry->name)};
    if (entry->host && !labels_get(further, STR("host")).n)
        pairs[n++] = (struct label){STR("host"), str_c(entry->host)};
    if (entry->source && !labels_get(further, STR("source")).n)
        pairs[n++] = (struct label){STR("source"), str_c(entry->source)};
    if (endpoint && !labels_get(further, STR("endpoint")).n)
        pairs[n++] = (struct label){STR("endpoint"), str_c(endpoint)};
    return labels_build(a, pairs, n, out, err);
}

_Static_assert(SSH_PATH_BYTES == ENTRY_PATH_BYTES, "a path fits into an entry");

/* Behind a host, through its tunnel. */
static int find_way(const struct serve_entries *s, const struct entry_settings *entry,
                    struct via **out, struct err *err)
{
    struct vias *vias = collect_context_of(s->collect)->vias;

    if (!entry->host)
        return 0;
    return vias->find(vias, entry->host, place_behind(entry), out, err);
}

static int start(struct serve_entries *s, const struct entry_settings *entry,
                 const struct collector *collector, struct running *out, struct err *err)
{
    SCOPED(arena_fini) struct arena a;
    struct target_settings settings = {.job = entry->job.name,
                                       .interval_ms = entry->job.interval_ms,
                                       .timeout_ms = entry->job.timeout_ms,
                                       .honor_timestamps = true, /* of lines that have their own */
                                       .body_max = (size_t)entry->job.limits.body_bytes,
                                       .scrape_job = &entry->job,
                                       .url = entry->url,
                                       .aliases = &entry->aliases,
                                       .kind = entry->kind,
                                       .method = entry->method,
                                       .body = entry->body,
                                       .may_be_missing = entry->may_be_missing,
                                       .collector = *collector};
    int rc;

    arena_init(&a, NULL); /* a few labels */
    if (make_labels(s, entry, entry->endpoint, &a, &settings.labels, err) < 0 ||
        make_labels(s, entry, entry->endpoint_on_samples ? entry->endpoint : NULL, &a,
                    &settings.sample_labels, err) < 0 ||
        find_way(s, entry, &settings.via, err) < 0)
        return -1;
    settings.discovered = settings.labels;
    settings.client = client_new(entry->job.client);
    rc = collect_add_removable(s->collect, &settings, &out->cycle, err);
    client_unref(settings.client);
    via_unref(settings.via);
    return rc;
}

static void on_gone(void *arg)
{
    pools_owner_unref(arg);
}

static void stop(struct serve_entries *s, struct running *r, int64_t wait_ms)
{
    collect_remove(s->collect, r->cycle, wait_ms, on_gone, r->owner);
}

static bool is_same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool is_same_entry(const struct entry_settings *a, const struct entry_settings *b)
{
    return strcmp(a->kind, b->kind) == 0 && strcmp(a->name, b->name) == 0 &&
           is_same_text(a->pack, b->pack) && is_same_text(a->host, b->host);
}

/* The one that runs for this entry and may go on, taken out of those that run. */
static bool take_unchanged(struct serve_entries *s, const struct entry_settings *entry,
                           struct running *out)
{
    for (size_t i = 0; i < s->n; i++) {
        struct running *r = &s->items[i];

        if (!r->cycle || !is_same_entry(r->settings, entry) ||
            r->settings->job.fingerprint != entry->job.fingerprint)
            continue;
        *out = *r;
        r->cycle = NULL;
        return true;
    }
    return false;
}

/* What goes, goes before what comes: its targets may have the same labels. */
static void stop_rest(struct serve_entries *s, const struct config *config)
{
    for (size_t i = 0; i < s->n; i++) {
        bool comes_again = false;

        for (size_t k = 0; s->items[i].cycle && k < config->entries_n; k++)
            comes_again |= is_same_entry(s->items[i].settings, &config->entries[k]);
        if (s->items[i].cycle)
            stop(s, &s->items[i], comes_again ? HAND_OVER_MS : 0);
    }
}

int serve_entries_apply(struct serve_entries *s, const struct config *config,
                        struct collector *collectors, struct pools_owner *owner, struct err *err)
{
    struct running *items = mem_new_array(struct running, config->entries_n + 1);
    size_t n = 0;
    int rc = 0;

    for (size_t i = 0; i < config->entries_n; i++)
        (void)take_unchanged(s, &config->entries[i], &items[i]);
    stop_rest(s, config);
    for (size_t i = 0; i < config->entries_n; i++) {
        struct running *r = &items[i];

        if (r->cycle) {
            if (collectors[i].free)
                collectors[i].free(collectors[i].arg);
        } else if (start(s, &config->entries[i], &collectors[i], r, err) == 0) {
            r->settings = &config->entries[i];
            r->owner = owner;
            owner->refs++;
        } else {
            if (collectors[i].free)
                collectors[i].free(collectors[i].arg);
            rc = err_context(err, "%s", config->entries[i].name);
            continue;
        }
        items[n++] = *r;
    }
    mem_free(collectors);
    mem_free(s->items);
    s->items = items;
    s->n = n;
    return rc;
}

void serve_entries_free(struct serve_entries *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++)
        pools_owner_unref(s->items[i].owner);
    mem_free(s->items);
    mem_free(s);
}
