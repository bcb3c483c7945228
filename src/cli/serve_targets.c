#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "cli/serve.h"
#include "collect/collect.h"
#include "collect/host/host.h"
#include "config/config.h"
#include "http/client.h"
#include "http/client_settings.h"
#include "model/labels.h"
#include "text/duration.h"

/* Labels while they are gathered; a name given again replaces. */
struct label_list {
    struct arena *arena;
    struct label *items;
    size_t n, cap;
};

static int put_label(struct label_list *l, struct str name, struct str value, struct err *err)
{
    assert(name.p);
    for (size_t i = 0; i < l->n; i++) {
        if (str_eq(l->items[i].name, name)) {
            l->items[i].value = value;
            return 0;
        }
    }
    if (arena_grow(l->arena, (void **)&l->items, &l->cap, l->n + 1, sizeof *l->items, err) < 0)
        return -1;
    l->items[l->n++] = (struct label){name, value};
    return 0;
}

static int put_duration(struct label_list *l, struct str name, int64_t ms, struct err *err)
{
    char text[32];
    struct str kept = arena_str(l->arena, str_c(duration_print(ms, text)), err);

    return kept.p ? put_label(l, name, kept, err) : -1;
}

/* __param_NAME is the first value of each parameter; params are sorted by name and encoded. */
static int put_params(struct label_list *l, const struct config_target *t, struct err *err)
{
    struct str before = {NULL, 0};

    for (size_t i = 0; i < t->params_n; i++) {
        struct str value = str_c(t->params[i]), name = str_split(&value, '=');
        const char *label;

        if (i > 0 && str_eq(name, before))
            continue;
        before = name;
        label = arena_printf(l->arena, err, "__param_%.*s", STR_ARGS(name));
        if (!label || put_label(l, str_c(label), value, err) < 0)
            return -1;
    }
    return 0;
}

/* What Prometheus calls discoveredLabels: everything, before any relabelling. */
static int build_discovered(struct arena *a, const struct config_target *t,
                            const struct labels **out, struct err *err)
{
    struct label_list l = {.arena = a};

    if (put_label(&l, STR("job"), str_c(t->job), err) < 0 || put_params(&l, t, err) < 0)
        return -1;
    for (size_t i = 0; i < t->labels_n; i++) {
        if (put_label(&l, str_c(t->labels[i].name), str_c(t->labels[i].value), err) < 0)
            return -1;
    }
    if (put_label(&l, STR("__address__"), str_c(t->address), err) < 0 ||
        put_label(&l, STR("__scheme__"), str_c(t->scheme), err) < 0 ||
        put_label(&l, STR("__metrics_path__"), str_c(t->metrics_path), err) < 0 ||
        put_duration(&l, STR("__scrape_interval__"), t->interval_ms, err) < 0 ||
        put_duration(&l, STR("__scrape_timeout__"), t->timeout_ms, err) < 0)
        return -1;
    return labels_build(a, l.items, l.n, out, err);
}

/* What the series carry: job, instance and the labels without two leading underscores. */
static int build_labels(struct arena *a, const struct config_target *t, const struct labels **out,
                        struct err *err)
{
    struct label_list l = {.arena = a};

    if (put_label(&l, STR("job"), str_c(t->job), err) < 0 ||
        put_label(&l, STR("instance"), str_c(t->address), err) < 0)
        return -1;
    for (size_t i = 0; i < t->labels_n; i++) {
        struct str name = str_c(t->labels[i].name), value = str_c(t->labels[i].value);

        if (!str_starts(name, STR("__")) && value.n > 0 && put_label(&l, name, value, err) < 0)
            return -1;
    }
    return labels_build(a, l.items, l.n, out, err);
}

static const char *build_url(struct arena *a, const struct config_target *t, struct err *err)
{
    SCOPED(buf_fini) struct buf url;

    buf_init(&url, 0);
    buf_addf(&url, "%s://%s%s%s", t->scheme, t->address, t->metrics_path[0] == '/' ? "" : "/",
             t->metrics_path);
    for (size_t i = 0; i < t->params_n; i++)
        buf_addf(&url, "%c%s", i == 0 && !strchr(t->metrics_path, '?') ? '?' : '&', t->params[i]);
    return arena_cstr(a, buf_str(&url), err);
}

static int add_target(struct collect *collect, struct arena *a, const struct config_target *t,
                      struct err *err)
{
    struct target_settings s = {.job = t->job,
                                .interval_ms = t->interval_ms,
                                .timeout_ms = t->timeout_ms,
                                .honor_labels = t->honor_labels,
                                .honor_timestamps = t->honor_timestamps,
                                .body_max = t->body_max};
    int rc = -1;

    if (build_labels(a, t, &s.labels, err) < 0 || build_discovered(a, t, &s.discovered, err) < 0)
        return -1;
    s.url = build_url(a, t, err);
    s.client = client_new(
        &(struct client_settings){.follow_redirects = t->follow_redirects, .compression = true});
    if (s.url)
        rc = collect_add(collect, &s, err);
    client_unref(s.client);
    return rc;
}

static int add_host(struct collect *collect, struct arena *a, const struct config *config,
                    const char *host_name, const struct clock *clock, struct log *log,
                    struct err *err)
{
    const struct config_host *h = &config->host;
    struct host_settings settings = {.proc = h->proc,
                                     .sys = h->sys,
                                     .mounts_exclude = h->mounts_exclude,
                                     .fs_exclude = h->fs_exclude,
                                     .disks_exclude = h->disks_exclude,
                                     .nets_exclude = h->nets_exclude,
                                     .top = h->top,
                                     .psi = h->psi,
                                     .clock = clock,
                                     .log = log};
    struct label pairs[] = {{STR("collector"), {NULL, 0}},
                            {STR("instance"), str_c(host_name)},
                            {STR("job"), str_c(h->job)}};
    struct collector collectors[HOST_COLLECTORS];
    const struct labels *labels;
    size_t added = 0;

    if (labels_build_sorted(a, pairs + 1, 2, &labels, err) < 0 ||
        host_collectors(&settings, collectors, err) < 0)
        return err_context(err, "collect.host");
    for (; added < HOST_COLLECTORS; added++) {
        struct target_settings s = {.job = h->job,
                                    .labels = labels,
                                    .sample_labels = labels,
                                    .interval_ms = h->interval_ms,
                                    .timeout_ms = h->interval_ms,
                                    .collector = collectors[added]};

        pairs[0].value = str_c(collectors[added].name);
        if (added > 0 && labels_build_sorted(a, pairs, 3, &s.labels, err) < 0)
            break;
        s.discovered = s.labels;
        if (collect_add(collect, &s, err) < 0)
            break;
    }
    if (added == HOST_COLLECTORS)
        return 0;
    for (; added < HOST_COLLECTORS; added++)
        collectors[added].free(collectors[added].arg);
    return -1;
}

int serve_add_targets(struct collect *collect, const struct config *config, const char *host_name,
                      const struct clock *clock, struct log *log, struct err *err)
{
    SCOPED(arena_fini) struct arena a;

    arena_init(&a, NULL); /* one target at a time, of a configuration that was bounded */
    if (config->host.enabled && add_host(collect, &a, config, host_name, clock, log, err) < 0)
        return -1;
    for (size_t i = 0; i < config->targets_n; i++) {
        struct err skipped = {0};

        arena_reset(&a);
        if (add_target(collect, &a, &config->targets[i], &skipped) < 0)
            log_warn(log, "serve", "target %s of job %s is left out: %s",
                     config->targets[i].address, config->targets[i].job, skipped.text);
    }
    return 0;
}
