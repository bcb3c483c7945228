#include "collect/push/push.h"

#include <assert.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "collect/collect.h"
#include "collect/push/kept.h"
#include "collect/push/push_impl.h"
#include "collect/push/push_settings.h"
#include "model/labels.h"
#include "sys/fs.h"

#define PART        "push"
#define INTERVAL_MS 5000
#define MEMORY_MAX  (256u << 20) /* of all that is kept, and of pushes under way */

#define PER_SECOND 20 /* pings of one address, and beacons */
#define BURST      100

static const struct kept groups_file = {"state", "earshot push 1\n"};
static const struct kept pings_file = {"pings", "earshot pings 1\n"};
static const struct kept beacons_file = {"beacons", "earshot beacons 1\n"};

/* ---- the files ---- */

static void saved(struct push *p, int rc, const struct err *err)
{
    if (rc == 0) {
        p->told_failure = false;
        (void)atomic_fetch_add(&p->saves, 1);
        return;
    }
    (void)atomic_fetch_add(&p->save_failures, 1);
    if (!p->told_failure)
        log_error(p->context.log, PART, "what was pushed would not survive a restart: %s",
                  err->text);
    p->told_failure = true;
}

/* Where nothing changed since the last time there is nothing to do. */
static void save(struct push *p, const struct kept *file, uint64_t version, uint64_t *saved_version)
{
    SCOPED(buf_fini) struct buf bytes = {.p = NULL};
    struct err err = {.kind = ERR_NONE};
    int rc;

    if (!p->context.fs || version == *saved_version)
        return;
    kept_begin(file, &bytes);
    if (file == &groups_file)
        push_groups_write(p->groups, &bytes);
    else if (file == &pings_file)
        pings_write(p->pings, &bytes);
    else
        beacons_write(p->beacons, &bytes);
    rc = kept_write(file, p->context.fs, &bytes, &err);
    if (rc == 0)
        *saved_version = version;
    saved(p, rc, &err);
}

static void save_all(struct push *p)
{
    save(p, &groups_file, push_groups_count(p->groups).version, &p->saved_groups);
    save(p, &pings_file, pings_count(p->pings).version, &p->saved_pings);
    save(p, &beacons_file, beacons_count(p->beacons).version, &p->saved_beacons);
}

static int read_into(struct push *p, const struct kept *file, struct str body, struct err *err)
{
    if (file == &groups_file)
        return push_groups_read(p->groups, body, err);
    if (file == &pings_file)
        return pings_read(p->pings, body, err);
    return beacons_read(p->beacons, body, err);
}

static void begin_anew(struct push *p, const struct kept *file)
{
    if (file == &groups_file) {
        push_groups_free(p->groups);
        p->groups = push_groups_new(&p->budget);
    } else if (file == &pings_file) {
        pings_free(p->pings);
        p->pings = pings_new();
    } else {
        beacons_free(p->beacons);
        p->beacons = beacons_new();
    }
}

static void load(struct push *p, const struct kept *file)
{
    struct fs *fs = p->context.fs;
    SCOPED(buf_fini) struct buf bytes = {.p = NULL};
    struct str body;
    struct err err, aside;

    if (kept_read(file, fs, &bytes, &body, &err) == 0 &&
        (!body.p || read_into(p, file, body, &err) == 0))
        return;
    log_error(p->context.log, PART,
              "what was pushed before the restart could not be read from %s/%s: %s", fs->root,
              file->name, err.text);
    begin_anew(p, file);
    if (kept_put_aside(file, fs, &aside) == 0)
        log_error(p->context.log, PART, "the file is kept as %s/%s.damaged", fs->root, file->name);
}

static void load_all(struct push *p)
{
    load(p, &groups_file);
    load(p, &pings_file);
    load(p, &beacons_file);
    p->saved_groups = push_groups_count(p->groups).version;
    p->saved_pings = pings_count(p->pings).version;
    p->saved_beacons = beacons_count(p->beacons).version;
}

/* ---- the target ---- */

static int collect_all(void *arg, struct emit *emit, struct arena *scratch, struct err *err)
{
    struct push *p = arg;
    ts_ms now = p->context.clock->wall_ms(p->context.clock);
    size_t expired = push_groups_expire(p->groups, now, (int64_t)atomic_load(&p->ttl_ms));

    (void)atomic_fetch_add(&p->expired, expired);
    save_all(p);
    if (pings_emit(p->pings, now, emit, err) < 0 ||
        beacons_emit(p->beacons, p->context.host_name, now, emit, scratch, err) < 0)
        return -1;
    return push_groups_emit(p->groups, emit, scratch, err);
}

static int add_target(struct push *p, struct err *err)
{
    SCOPED(arena_fini) struct arena a;
    struct label pairs[] = {{STR("instance"), str_c(p->context.host_name)},
                            {STR("job"), STR("push")}};
    struct target_settings s = {.job = "push",
                                .interval_ms = INTERVAL_MS,
                                .timeout_ms = INTERVAL_MS,
                                .honor_labels = true,
                                .collector = {.name = "push",
                                              .collect = collect_all,
                                              .arg = p,
                                              .hangs_on = "the disk of the data directory"}};

    arena_init(&a, NULL); /* two labels */
    if (labels_build_sorted(&a, pairs, 2, &s.labels, err) < 0)
        return -1;
    s.discovered = s.labels;
    return collect_add(p->context.collect, &s, err);
}

void push_expose(struct push *p)
{
    struct err err;

    if (p->exposed)
        return;
    p->exposed = true;
    if (add_target(p, &err) < 0)
        log_error(p->context.log, PART, "what is pushed is not stored: %s", err.text);
}

/* ---- life ---- */

struct push *push_new(const struct push_context *context)
{
    static const struct push_settings nothing = {.pushgateway = false};
    struct push *p = mem_new(struct push);

    p->context = *context;
    p->settings = &nothing;
    budget_init(&p->budget, "memory of what is pushed", MEMORY_MAX, context->budget);
    p->groups = push_groups_new(&p->budget);
    p->pings = pings_new();
    p->beacons = beacons_new();
    rate_init(&p->ping_rate, PER_SECOND, BURST);
    rate_init(&p->beacon_rate, PER_SECOND, BURST);
    if (p->context.fs)
        load_all(p);
    return p;
}

void push_configure(struct push *p, const struct push_settings *settings)
{
    ts_ms now = p->context.clock->wall_ms(p->context.clock);

    p->settings = settings;
    pings_configure(p->pings, settings->pings, settings->pings_n, now);
    beacons_configure(p->beacons, settings->sources, settings->sources_n, settings->sessions_max);
    atomic_store(&p->ttl_ms, settings->ttl_ms);
    if (push_groups_count(p->groups).groups || pings_count(p->pings).names ||
        beacons_count(p->beacons).any)
        push_expose(p);
}

void push_free(struct push *p)
{
    if (!p)
        return;
    assert(p->under_way == 0);
    save_all(p);
    push_groups_free(p->groups);
    pings_free(p->pings);
    beacons_free(p->beacons);
    rate_fini(&p->ping_rate);
    rate_fini(&p->beacon_rate);
    if (p->context.fs)
        fs_free(p->context.fs);
    mem_free(p);
}

struct push_stats push_stats(struct push *p)
{
    struct push_stats stats = p->stats;
    struct push_groups_counts counts = push_groups_count(p->groups);

    stats.groups = counts.groups;
    stats.series = counts.series;
    stats.ping_names = pings_count(p->pings).names;
    stats.beacon_sessions = beacons_count(p->beacons).sessions;
    stats.expired = atomic_load(&p->expired);
    stats.saves = atomic_load(&p->saves);
    stats.save_failures = atomic_load(&p->save_failures);
    return stats;
}
