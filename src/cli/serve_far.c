#include "cli/serve_far.h"

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/serve.h"
#include "collect/collect.h"
#include "collect/host/host.h"
#include "collect/pools.h"
#include "collect/ssh/far.h"
#include "collect/ssh/ssh_settings.h"
#include "collect/via.h"
#include "config/config.h"
#include "model/labels.h"

/* How long the series of a changed machine wait for its new targets, which come at once. */
#define HAND_OVER_MS 2000

/* One machine. */
struct running {
    const char *name;                   /* of `hosts`; borrowed from the owner's */
    const struct config_host *settings; /* the same */
    struct pools_owner *owner;          /* a reference for each target */
    struct cycle *cycles[HOST_COLLECTORS];
    size_t n;
};

struct serve_far {
    struct collect *collect;
    const struct clock *clock;
    struct log *log;
    struct running *items; /* owned; [n] */
    size_t n;
};

struct serve_far *serve_far_new(struct collect *collect, const struct clock *clock, struct log *log)
{
    struct serve_far *s = mem_new(struct serve_far);

    s->collect = collect;
    s->clock = clock;
    s->log = log;
    return s;
}

void serve_far_free(struct serve_far *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++)
        for (size_t k = 0; k < s->items[i].n; k++)
            pools_owner_unref(s->items[i].owner);
    mem_free(s->items);
    mem_free(s);
}

/* ---- targets ---- */

/* Both collectors of the tree, of which one is wanted. */
static int make_inner(const struct serve_far *s, const struct config_host *h, struct far *far,
                      size_t which, struct collector *out, struct err *err)
{
    const struct host_settings settings = {.proc = far_proc(far),
                                           .sys = far_sys(far),
                                           .root = far_root(far),
                                           .far = true,
                                           .mounts_exclude = h->mounts_exclude,
                                           .fs_exclude = h->fs_exclude,
                                           .disks_exclude = h->disks_exclude,
                                           .nets_exclude = h->nets_exclude,
                                           .top = h->top,
                                           .psi = h->psi,
                                           .clock = far_clock(far),
                                           .log = s->log};
    struct collector both[HOST_COLLECTORS];

    if (host_collectors(&settings, both, err) < 0)
        return -1;
    for (size_t i = 0; i < HOST_COLLECTORS; i++)
        if (i != which)
            both[i].free(both[i].arg);
    *out = both[which];
    return 0;
}

static int make(const struct serve_far *s, const struct config_host *h, const struct via *via,
                size_t which, struct collector *out, struct err *err)
{
    const struct far_settings settings = {.socket_path = via->socket_path,
                                          .part = which == 0 ? FAR_HOST : FAR_HOST_SLOW,
                                          .timeout_ms =
                                              collect_wait_ms(h->interval_ms, h->interval_ms),
                                          .clock = s->clock};
    struct collector inner;
    struct far *far;

    if (far_new(&settings, &far, err) < 0)
        return -1;
    if (make_inner(s, h, far, which, &inner, err) < 0) {
        far_free(far);
        return -1;
    }
    *out = far_collector(far, &inner);
    return 0;
}

static int add(struct serve_far *s, struct running *r, struct arena *a, struct err *err)
{
    const struct config_host *h = r->settings;
    struct label pairs[] = {{STR("collector"), {NULL, 0}},
                            {STR("host"), str_c(r->name)},
                            {STR("instance"), str_c(r->name)},
                            {STR("job"), str_c(h->job)}};
    struct target_settings t = {
        .job = h->job, .interval_ms = h->interval_ms, .timeout_ms = h->interval_ms};
    struct vias *vias = collect_context_of(s->collect)->vias;
    bool second = r->n > 0;
    int rc;

    if (labels_build_sorted(a, pairs + 1, 3, &t.sample_labels, err) < 0 ||
        vias->find(vias, r->name, VIA_SHELL, &t.via, err) < 0)
        return -1;
    rc = make(s, h, t.via, r->n, &t.collector, err);
    if (rc == 0) {
        pairs[0].value = str_c(t.collector.name);
        rc = labels_build_sorted(a, second ? pairs : pairs + 1, second ? 4 : 3, &t.labels, err);
        t.discovered = t.labels;
        if (rc == 0)
            rc = collect_add_removable(s->collect, &t, &r->cycles[r->n], err);
        if (rc < 0)
            t.collector.free(t.collector.arg);
    }
    via_unref(t.via);
    if (rc < 0)
        return -1;
    r->n++;
    r->owner->refs++;
    return 0;
}

static void start(struct serve_far *s, struct running *r)
{
    SCOPED(arena_fini) struct arena a;
    struct err err;

    arena_init(&a, NULL); /* a few labels */
    while (r->n < HOST_COLLECTORS) {
        if (add(s, r, &a, &err) == 0)
            continue;
        log_error(s->log, "ssh", "%s is not collected: %s", r->name, err.text);
        return;
    }
}

static void on_gone(void *arg)
{
    pools_owner_unref(arg);
}

static void stop(struct serve_far *s, struct running *r, int64_t wait_ms)
{
    while (r->n > 0)
        collect_remove(s->collect, r->cycles[--r->n], wait_ms, on_gone, r->owner);
}

/* ---- another configuration ---- */

static struct running *find(struct serve_far *s, const char *name)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->items[i].n > 0 && strcmp(s->items[i].name, name) == 0)
            return &s->items[i];
    return NULL;
}

/* Those that go, go before others come: their labels may be the same. */
static void take_over(struct serve_far *s, const struct config *config, struct running *items)
{
    for (size_t i = 0; i < config->hosts_n; i++) {
        struct running *old = find(s, config->hosts[i].name);

        if (!old)
            continue;
        if (serve_is_same_host(old->settings, &config->host_of[i])) {
            items[i] = *old;
            old->n = 0;
        } else {
            stop(s, old, config->host_of[i].enabled ? HAND_OVER_MS : 0);
        }
    }
    for (size_t i = 0; i < s->n; i++)
        stop(s, &s->items[i], 0);
}

void serve_far_apply(struct serve_far *s, const struct config *config, struct pools_owner *owner)
{
    struct running *items = mem_new_array(struct running, config->hosts_n + 1);

    take_over(s, config, items);
    for (size_t i = 0; i < config->hosts_n; i++) {
        if (items[i].n > 0 || !config->host_of[i].enabled)
            continue;
        items[i] = (struct running){
            .name = config->hosts[i].name, .settings = &config->host_of[i], .owner = owner};
        start(s, &items[i]);
    }
    mem_free(s->items);
    s->items = items;
    s->n = config->hosts_n;
}
