/* What is scraped, what relabelling has left out, and the names of the jobs. */
#include <stdlib.h>
#include <strings.h>

#include "api/global_url.h"
#include "api/internal.h"
#include "base/arena.h"
#include "collect/collect.h"
#include "collect/pool.h"
#include "collect/pools.h"
#include "text/duration.h"

static void pair(struct json_writer *w, const char *key, const char *value)
{
    json_key(w, key);
    json_cstr(w, value);
}

/* What an answer of the manager says of tunnels; loaded once. */
struct tunnels {
    struct tunnel_status *items;
    size_t n;
};

static const char *state_of(const struct tunnels *tunnels, const char *host)
{
    for (size_t i = 0; i < tunnels->n; i++)
        if (strcmp(tunnels->items[i].host, host) == 0)
            return tunnels->items[i].state;
    return "unknown";
}

static void write_tunnels(struct json_writer *w, const struct tunnels *tunnels)
{
    json_key(w, "tunnels");
    json_begin_array(w);
    for (size_t i = 0; i < tunnels->n; i++) {
        const struct tunnel_status *t = &tunnels->items[i];

        json_begin_object(w);
        pair(w, "host", t->host);
        pair(w, "address", t->address);
        pair(w, "state", t->state);
        json_key(w, "up");
        json_bool(w, t->up);
        pair(w, "words", t->words);
        json_key(w, "since");
        api_write_rfc3339(w, t->since_ms);
        json_key(w, "reconnects");
        json_i64(w, (int64_t)t->reconnects);
        json_end_object(w);
    }
    json_end_array(w);
}

static void write_cost(struct json_writer *w, const struct target_status *t)
{
    json_key(w, "cost");
    json_begin_object(w);
    json_key(w, "cpuSeconds");
    json_double(w, (double)t->cost.cpu_ns / 1e9);
    json_key(w, "cpuRatio");
    json_double(w, t->cpu_ratio);
    json_key(w, "seconds");
    json_double(w, (double)t->cost.wall_ns / 1e9);
    json_key(w, "readBytes");
    json_i64(w, (int64_t)t->cost.bytes);
    json_key(w, "cycles");
    json_i64(w, (int64_t)t->cost.cycles);
    json_end_object(w);
}

static void write_target(struct json_writer *w, const struct target_status *t,
                         const struct tunnels *tunnels, const char *global_url)
{
    static const char *const healths[] = {
        [TARGET_UNKNOWN] = "unknown", [TARGET_UP] = "up", [TARGET_DOWN] = "down"};
    char text[32];

    json_begin_object(w);
    json_key(w, "discoveredLabels");
    api_write_labels(w, t->discovered ? t->discovered : &labels_empty);
    json_key(w, "labels");
    api_write_labels(w, t->labels);
    pair(w, "scrapePool", t->job);
    pair(w, "scrapeUrl", t->url ? t->url : "");
    pair(w, "globalUrl", global_url);
    pair(w, "lastError", t->last_error);
    json_key(w, "lastScrape");
    api_write_rfc3339(w, t->last_scrape_ms);
    json_key(w, "lastScrapeDuration");
    json_double(w, t->last_seconds);
    pair(w, "health", healths[t->health]);
    pair(w, "scrapeInterval", duration_print(t->interval_ms, text));
    pair(w, "scrapeTimeout", duration_print(t->timeout_ms, text));
    json_key(w, "lastSamples");
    json_i64(w, (int64_t)t->last_samples);
    pair(w, "collector", t->kind);
    write_cost(w, t);
    if (t->tunnel) {
        json_key(w, "tunnel");
        json_begin_object(w);
        pair(w, "host", t->tunnel);
        pair(w, "state", state_of(tunnels, t->tunnel));
        json_end_object(w);
    }
    json_end_object(w);
}

static bool is_wanted(struct str pool, const char *job)
{
    return !pool.n || str_eq(pool, str_c(job));
}

static int write_active(struct api *api, struct arena *a, struct str pool,
                        const struct tunnels *tunnels, struct json_writer *w, struct err *err)
{
    struct target_status *targets;
    size_t n;

    if (collect_status(api->c.collect, a, &targets, &n, err) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        const char *url = "";

        if (!is_wanted(pool, targets[i].job))
            continue;
        if (targets[i].url)
            url = global_url(a, targets[i].url, api->c.host_name, err);
        if (!url)
            return -1;
        write_target(w, &targets[i], tunnels, url);
    }
    return 0;
}

static int by_job(const void *a, const void *b)
{
    const struct pool_status *x = a, *y = b;

    return strcmp(x->job, y->job);
}

/* Of all pools, sorted by name. */
static int pool_statuses(struct api *api, struct arena *a, struct pool_status **out, size_t *n,
                         struct err *err)
{
    size_t pools = pools_n(api->c.pools);
    struct pool_status *all = arena_new_array(a, struct pool_status, pools + 1, err);

    if (!all)
        return -1;
    for (size_t i = 0; i < pools; i++)
        all[i] = pool_status(pools_at(api->c.pools, i));
    qsort(all, pools, sizeof *all, by_job);
    *out = all;
    *n = pools;
    return 0;
}

static void write_dropped(const struct pool_status *pools, size_t n, struct str pool,
                          struct json_writer *w)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < pools[i].dropped_n && is_wanted(pool, pools[i].job); k++) {
            json_begin_object(w);
            json_key(w, "discoveredLabels");
            api_write_labels(w, pools[i].dropped[k]);
            pair(w, "scrapePool", pools[i].job);
            json_end_object(w);
        }
}

/* Of all jobs, whatever scrapePool says, as Prometheus. */
static void write_dropped_counts(const struct pool_status *pools, size_t n, struct json_writer *w)
{
    json_begin_object(w);
    for (size_t i = 0; i < n; i++) {
        json_key(w, pools[i].job);
        json_i64(w, (int64_t)pools[i].dropped_total);
    }
    json_end_object(w);
}

static bool is_state(struct str state, const char *name)
{
    return !state.n || (state.n == 3 && strncasecmp(state.p, "any", 3) == 0) ||
           (state.n == strlen(name) && strncasecmp(state.p, name, state.n) == 0);
}

static void handle_targets(struct http_request *r, void *arg)
{
    struct api *api = arg;
    struct pool_status *pools;
    struct tunnels tunnels;
    size_t n;
    struct api_params p;
    struct str state, pool;
    struct err err;
    struct buf out;
    struct json_writer w;

    if (api_params_read(r, &p) < 0)
        return;
    state = api_param(&p, "state");
    pool = api_param(&p, "scrapePool");
    buf_init(&out, 0);
    api_begin_data(&w, &out);
    json_begin_object(&w);
    json_key(&w, "activeTargets");
    json_begin_array(&w);
    if (collect_tunnels(api->c.collect, r->arena, &tunnels.items, &tunnels.n, &err) < 0 ||
        (is_state(state, "active") && write_active(api, r->arena, pool, &tunnels, &w, &err) < 0) ||
        pool_statuses(api, r->arena, &pools, &n, &err) < 0) {
        buf_fini(&out);
        api_reply_err(r, &err);
        return;
    }
    json_end_array(&w);
    json_key(&w, "droppedTargets");
    json_begin_array(&w);
    if (is_state(state, "dropped"))
        write_dropped(pools, n, pool, &w);
    json_end_array(&w);
    json_key(&w, "droppedTargetCounts");
    if (is_state(state, "dropped"))
        write_dropped_counts(pools, n, &w);
    else
        json_put_null(&w);
    if (tunnels.n)
        write_tunnels(&w, &tunnels);
    json_end_object(&w);
    api_end_data(&w, NULL);
    api_reply_data(r, &out);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Of the jobs in the configuration and of the collectors of our own. */
static void handle_scrape_pools(struct http_request *r, void *arg)
{
    struct api *api = arg;
    struct target_status *targets;
    struct pool_status *pools;
    size_t targets_n, n;
    const char **names;
    struct err err;
    struct buf out;
    struct json_writer w;

    if (collect_status(api->c.collect, r->arena, &targets, &targets_n, &err) < 0 ||
        pool_statuses(api, r->arena, &pools, &n, &err) < 0 ||
        !(names = arena_new_array(r->arena, const char *, targets_n + n + 1, &err))) {
        api_reply_err(r, &err);
        return;
    }
    for (size_t i = 0; i < n; i++)
        names[i] = pools[i].job;
    for (size_t i = 0; i < targets_n; i++)
        names[n++] = targets[i].job;
    qsort(names, n, sizeof *names, by_name);
    buf_init(&out, 0);
    api_begin_data(&w, &out);
    json_begin_object(&w);
    json_key(&w, "scrapePools");
    json_begin_array(&w);
    for (size_t i = 0; i < n; i++)
        if (!i || strcmp(names[i], names[i - 1]) != 0)
            json_cstr(&w, names[i]);
    json_end_array(&w);
    json_end_object(&w);
    api_end_data(&w, NULL);
    api_reply_data(r, &out);
}

void api_target_routes(struct api *api)
{
    api_route(api, "/api/v1/targets", HTTP_GET, handle_targets);
    api_route(api, "/api/v1/scrape_pools", HTTP_GET, handle_scrape_pools);
}
