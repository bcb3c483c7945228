#include "collect/process/process.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "collect/collect.h"
#include "collect/host/run.h"
#include "collect/process/group.h"
#include "collect/process/process_settings.h"
#include "collect/process/roster.h"

struct watch {
    const struct process_settings *settings;
    const struct clock *clock;
    struct log *log;
    struct files *files;  /* owned */
    struct group *groups; /* owned; [groups_n] */
    size_t groups_n;
    struct roster roster;
    void *state; /* of host_run: unused */
    bool broken; /* in the pass before */
    uint64_t failed;
};

static int collect(void *arg, struct emit *emit, struct arena *scratch, struct err *err)
{
    struct watch *w = arg;
    struct host_run r = {.files = w->files,
                         .scratch = scratch,
                         .emit = emit,
                         .err = err,
                         .clock = w->clock,
                         .log = w->log,
                         .state = &w->state,
                         .group = "process",
                         .quiet = w->broken};

    if (roster_pass(&w->roster, &r) < 0)
        return -1;
    w->broken = r.broken;
    groups_emit(w->groups, w->groups_n, w->settings->set, &r);
    host_value(&r, METRIC_COUNTER, "namedprocess_scrape_partial_errors",
               "Times that a process could not be read whole, as its I/O by other users.",
               (double)w->roster.partial);
    return r.stopped ? -1 : 0;
}

static void watch_free(void *arg)
{
    struct watch *w = arg;

    roster_fini(&w->roster);
    for (size_t i = 0; i < w->groups_n; i++)
        match_fini(&w->groups[i].match);
    mem_free(w->groups);
    files_free(w->files);
    mem_free(w);
}

static int make_groups(struct watch *w, struct err *err)
{
    const struct process_groups *all = w->settings->groups;

    w->groups = mem_new_array(struct group, all->n);
    for (; w->groups_n < all->n; w->groups_n++)
        if (match_init(&w->groups[w->groups_n].match, &all->items[w->groups_n], err) < 0)
            return -1;
    return 0;
}

int process_collector(const struct process_settings *settings,
                      const struct process_context *context, struct collector *out, struct err *err)
{
    struct watch *w = mem_new(struct watch);

    w->settings = settings;
    w->clock = context->clock;
    w->log = context->log;
    w->roster.kernel.fd = -1;
    if (files_new(context->proc, context->sys, context->root, &w->files, err) < 0 ||
        make_groups(w, err) < 0) {
        watch_free(w);
        return -1;
    }
    if (context->far)
        files_open_anew(w->files);
    roster_init(&w->roster, w->groups, w->groups_n, strcmp(context->proc, "/proc") == 0,
                files_root_dir(w->files, FILES_ROOT));
    *out = (struct collector){.name = "process",
                              .collect = collect,
                              .free = watch_free,
                              .arg = w,
                              .hangs_on = "/proc, where the kernel holds a process"};
    return 0;
}
