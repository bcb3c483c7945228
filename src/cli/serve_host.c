#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "cli/serve.h"
#include "config/config.h"
#include "model/labels.h"

#define ANSWER_MS 3000

/* A list of units and a type that are not told take two of them, which must end with the cycle. */
static int64_t answer_ms(const struct config_host *h)
{
    int64_t half = collect_wait_ms(h->interval_ms, h->interval_ms) / 2;

    return half < ANSWER_MS ? half : ANSWER_MS;
}

int serve_make_host(const struct config_host *h, const struct clock *clock, struct log *log,
                    struct collector out[HOST_COLLECTORS], struct err *err)
{
    const struct host_settings settings = {.proc = h->proc,
                                           .sys = h->sys,
                                           .mounts_exclude = h->mounts_exclude,
                                           .fs_exclude = h->fs_exclude,
                                           .disks_exclude = h->disks_exclude,
                                           .nets_exclude = h->nets_exclude,
                                           .top = h->top,
                                           .units = h->units,
                                           .answer_ms = answer_ms(h),
                                           .psi = h->psi,
                                           .textfile_dir = h->textfile_dir,
                                           .clock = clock,
                                           .log = log};

    return host_collectors(&settings, out, err) < 0 ? err_context(err, "collect.host") : 0;
}

static int add_all(struct collect *collect, struct arena *a, const struct config_host *h,
                   const char *host_name, const struct collector collectors[HOST_COLLECTORS],
                   struct serve_host *out, struct err *err)
{
    struct label pairs[] = {{STR("collector"), {NULL, 0}},
                            {STR("instance"), str_c(host_name)},
                            {STR("job"), str_c(h->job)}};
    const struct labels *labels;

    if (labels_build_sorted(a, pairs + 1, 2, &labels, err) < 0)
        return err_context(err, "collect.host");
    for (; out->n < HOST_COLLECTORS; out->n++) {
        struct target_settings s = {.job = h->job,
                                    .labels = labels,
                                    .sample_labels = labels,
                                    .interval_ms = h->interval_ms,
                                    .timeout_ms = h->interval_ms,
                                    .collector = collectors[out->n]};

        pairs[0].value = str_c(collectors[out->n].name);
        if (out->n > 0 && labels_build_sorted(a, pairs, 3, &s.labels, err) < 0)
            return err_context(err, "collect.host");
        s.discovered = s.labels;
        if (collect_add_removable(collect, &s, &out->cycles[out->n], err) < 0)
            return -1;
    }
    return 0;
}

int serve_add_host(struct collect *collect, const struct config_host *settings,
                   const char *host_name, const struct collector collectors[HOST_COLLECTORS],
                   struct serve_host *out, struct err *err)
{
    SCOPED(arena_fini) struct arena a;

    arena_init(&a, NULL); /* a few label sets */
    out->n = 0;
    if (add_all(collect, &a, settings, host_name, collectors, out, err) == 0)
        return 0;
    for (size_t i = out->n; i < HOST_COLLECTORS; i++)
        collectors[i].free(collectors[i].arg);
    return -1;
}

void serve_remove_host(struct collect *collect, struct serve_host *host, int64_t wait_ms)
{
    while (host->n > 0)
        collect_remove(collect, host->cycles[--host->n], wait_ms, NULL, NULL);
}

void serve_free_collectors(const struct collector collectors[HOST_COLLECTORS])
{
    for (size_t i = 0; i < HOST_COLLECTORS; i++)
        collectors[i].free(collectors[i].arg);
}

static bool is_same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool is_same_units(const struct host_units *a, const struct host_units *b)
{
    if (a->mode != b->mode || a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (strcmp(a->names[i], b->names[i]) != 0)
            return false;
    return true;
}

bool serve_is_same_host(const struct config_host *a, const struct config_host *b)
{
    return a->enabled == b->enabled && a->interval_ms == b->interval_ms && a->top == b->top &&
           a->psi == b->psi && is_same(a->job, b->job) && is_same(a->proc, b->proc) &&
           is_same(a->sys, b->sys) && is_same(a->mounts_exclude, b->mounts_exclude) &&
           is_same(a->fs_exclude, b->fs_exclude) && is_same(a->disks_exclude, b->disks_exclude) &&
           is_same(a->nets_exclude, b->nets_exclude) && is_same(a->textfile_dir, b->textfile_dir) &&
           is_same_units(&a->units, &b->units);
}
