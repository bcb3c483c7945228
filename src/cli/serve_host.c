#include "base/arena.h"
#include "base/err.h"
#include "cli/serve.h"
#include "collect/collect.h"
#include "collect/host/host.h"
#include "config/config.h"
#include "model/labels.h"

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

int serve_add_host(struct collect *collect, const struct config *config, const char *host_name,
                   const struct clock *clock, struct log *log, struct err *err)
{
    SCOPED(arena_fini) struct arena a;

    arena_init(&a, NULL); /* a few label sets */
    return config->host.enabled ? add_host(collect, &a, config, host_name, clock, log, err) : 0;
}
