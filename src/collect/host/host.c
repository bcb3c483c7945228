#include "collect/host/host.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "collect/host/groups.h"
#include "collect/host/run.h"
#include "model/emit.h"
#include "text/regex.h"

/* Defaults as in Debian's node_exporter. Its pattern for mount points hides /mnt and /media too,
 * where people keep the disks they want to be told about; filesystem.c has a finer rule for those.
 */
#define MOUNTS_EXCLUDE "^/(dev|proc|run|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)"
#define FS_EXCLUDE                                                                                 \
    "^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|"        \
    "iso9660|mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|"     \
    "sysfs|tracefs)$"
#define DISKS_EXCLUDE "^(ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\\d+n\\d+p)\\d+$"
#define NETS_EXCLUDE  "^lo$"

#define GROUP(name, lane, free) {#name, lane, name##_collect, free},
static const struct host_group groups[] = {
#include "collect/host/groups.def"
};
#undef GROUP

struct group_state {
    void *state;
    bool broken; /* in the last pass */
};

/* One of the two collectors. */
struct host {
    enum host_lane lane;
    struct files *files;
    struct host_filters filters;
    struct group_state state[ARRAY_LEN(groups)];
    const struct clock *clock;
    struct log *log;
    char *textfile_dir; /* owned; NULL: none */
    size_t top;
    struct host_units units; /* owned */
    int64_t answer_ms;
    bool psi, far;
};

static void run_group(struct host_run *r, const struct host_group *g, struct group_state *s)
{
    r->state = &s->state;
    r->group = g->name;
    r->quiet = s->broken;
    r->present = r->broken = false;
    g->collect(r);
    s->broken = r->broken;
}

static int host_collect(void *arg, struct emit *emit, struct arena *scratch, struct err *err)
{
    struct host *h = arg;
    struct host_run r = {.files = h->files,
                         .scratch = scratch,
                         .emit = emit,
                         .err = err,
                         .filters = &h->filters,
                         .clock = h->clock,
                         .log = h->log,
                         .textfile_dir = h->textfile_dir,
                         .top = h->top,
                         .units = &h->units,
                         .answer_ms = h->answer_ms,
                         .psi = h->psi,
                         .far = h->far};
    bool present[ARRAY_LEN(groups)] = {0};

    for (size_t i = 0; i < ARRAY_LEN(groups) && !r.stopped; i++) {
        if (groups[i].lane != h->lane)
            continue;
        run_group(&r, &groups[i], &h->state[i]);
        present[i] = r.present;
    }
    host_family(&r, METRIC_GAUGE, "earshot_host_collector_success",
                "Whether what a part of the host collector reads could be read and understood.");
    for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
        if (present[i])
            host_sample1(&r, h->state[i].broken ? 0 : 1, "collector", str_c(groups[i].name));
    }
    return r.stopped ? -1 : 0;
}

static void host_free(void *arg)
{
    struct host *h = arg;

    if (!h)
        return;
    for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
        if (groups[i].free)
            groups[i].free(h->state[i].state);
    }
    for (size_t i = 0; i < h->units.n; i++)
        mem_free((char *)h->units.names[i]);
    mem_free((void *)h->units.names);
    regex_free(h->filters.mounts);
    regex_free(h->filters.fs);
    regex_free(h->filters.disks);
    regex_free(h->filters.nets);
    files_free(h->files);
    mem_free(h->textfile_dir);
    mem_free(h);
}

static int filter_new(const char *key, const char *pattern, const char *standard,
                      struct regex **out, struct err *err)
{
    if (regex_new(str_c(pattern ? pattern : standard), false, out, err) < 0)
        return err_context(err, "collect.host.%s", key);
    return 0;
}

static int filters_init(struct host_filters *f, const struct host_settings *s, struct err *err)
{
    f->mounts_default = !s->mounts_exclude;
    if (filter_new("mounts_exclude", s->mounts_exclude, MOUNTS_EXCLUDE, &f->mounts, err) < 0 ||
        filter_new("fs_exclude", s->fs_exclude, FS_EXCLUDE, &f->fs, err) < 0 ||
        filter_new("disks_exclude", s->disks_exclude, DISKS_EXCLUDE, &f->disks, err) < 0 ||
        filter_new("nets_exclude", s->nets_exclude, NETS_EXCLUDE, &f->nets, err) < 0)
        return -1;
    return 0;
}

static struct host_units copy_units(const struct host_units *from)
{
    const char **names = mem_new_array(const char *, from->n);

    for (size_t i = 0; i < from->n; i++)
        names[i] = mem_strdup(from->names[i]);
    return (struct host_units){from->mode, names, from->n};
}

static int host_new(const struct host_settings *s, enum host_lane lane, struct host **out,
                    struct err *err)
{
    struct host *h = mem_new(struct host);

    *h = (struct host){.lane = lane,
                       .clock = s->clock,
                       .log = s->log,
                       .top = s->top > 0 ? (size_t)s->top : 0,
                       .units = copy_units(&s->units),
                       .answer_ms = s->answer_ms,
                       .psi = s->psi,
                       .far = s->far};
    if (s->textfile_dir)
        h->textfile_dir = mem_strdup(s->textfile_dir);
    if (files_new(s->proc ? s->proc : "/proc", s->sys ? s->sys : "/sys", s->root ? s->root : "/",
                  &h->files, err) < 0 ||
        filters_init(&h->filters, s, err) < 0) {
        host_free(h);
        return -1;
    }
    if (s->far)
        files_open_anew(h->files);
    *out = h;
    return 0;
}

int host_collectors(const struct host_settings *settings, struct collector out[HOST_COLLECTORS],
                    struct err *err)
{
    struct host *fast, *slow;

    if (host_new(settings, HOST_FAST, &fast, err) < 0)
        return -1;
    if (host_new(settings, HOST_SLOW, &slow, err) < 0) {
        host_free(fast);
        return -1;
    }
    out[0] =
        (struct collector){.name = "host", .collect = host_collect, .free = host_free, .arg = fast};
    out[1] = (struct collector){.name = "host-slow",
                                .collect = host_collect,
                                .free = host_free,
                                .arg = slow,
                                .hangs_on =
                                    "a dead network mount, a sleeping disk, a sensor or systemd"};
    return 0;
}
