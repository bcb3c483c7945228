#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "cli/serve.h"
#include "collect/collect.h"
#include "collect/host/host.h"
#include "collect/scrape_settings.h"
#include "collect/target_make.h"
#include "config/config.h"
#include "http/client.h"
#include "model/labels.h"

/* More is not taken from any target, whatever its job says. */
#define BODY_MAX ((size_t)256 << 20)

static int add_target(struct collect *collect, struct arena *a, const struct scrape_job *job,
                      struct client *client, const struct target_group *group,
                      const struct labels *own, struct err *err)
{
    uint64_t body_bytes = job->limits.body_bytes;
    struct target_settings s = {.job = job->name,
                                .honor_labels = job->honor_labels,
                                .honor_timestamps = job->honor_timestamps,
                                .client = client,
                                .body_max =
                                    body_bytes && body_bytes < BODY_MAX ? body_bytes : BODY_MAX};
    struct made_target made;

    if (target_make(job, group->labels, own, a, &made, err) < 0)
        return -1;
    if (made.dropped)
        return 0;
    s.labels = made.labels;
    s.discovered = made.discovered;
    s.url = made.url;
    s.interval_ms = made.interval_ms;
    s.timeout_ms = made.timeout_ms;
    return collect_add(collect, &s, err);
}

static void add_job(struct collect *collect, struct arena *a, const struct scrape_job *job,
                    struct log *log)
{
    struct client *client = client_new(job->client);

    for (size_t i = 0; i < job->static_groups_n; i++) {
        const struct target_group *group = &job->static_groups[i];

        for (size_t k = 0; k < group->targets_n; k++) {
            struct err skipped = {0};
            struct str address = labels_get(group->targets[k], STR("__address__"));

            arena_reset(a);
            if (add_target(collect, a, job, client, group, group->targets[k], &skipped) < 0)
                log_warn(log, "serve", "target %.*s of job %s is left out: %s",
                         STR_ARGS(str_take(address, 200)), job->name, skipped.text);
        }
    }
    client_unref(client);
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
    for (size_t i = 0; i < config->jobs_n; i++)
        add_job(collect, &a, &config->jobs[i], log);
    return 0;
}
