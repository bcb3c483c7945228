#include "collect/path/path.h"

#include <errno.h>
#include <sys/statvfs.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "collect/collect.h"
#include "collect/entry_settings.h"
#include "collect/path/path_settings.h"
#include "collect/path/walk.h"
#include "model/emit.h"

#define PART       "collect.path"
#define WALK_EVERY INT64_C(60000000000) /* ns */

struct path {
    const struct path_settings *settings;
    int64_t timeout_ms;
    const struct clock *clock;
    struct log *log;
    bool told;          /* that files are not counted */
    bool walked, known; /* ever; `sum` holds */
    int64_t walked_ns;
    struct walk_sum sum;
};

static int put(const struct path *p, struct emit *emit, const char *name, const char *help,
               double value, struct err *err)
{
    const struct metadata family = {
        .family = str_c(name), .type = METRIC_GAUGE, .help = str_c(help)};
    const struct label label = {STR("path"), str_c(p->settings->path)};
    const struct emit_sample sample = {
        .name = str_c(name), .labels = &label, .labels_n = 1, .value = value};

    if (emit->family(emit, &family, err) < 0)
        return -1;
    return emit->sample(emit, &sample, err);
}

/* As df does it: of what is there for everybody, rounded up. */
static double percent_of(const struct statvfs *st)
{
    double used = (double)(st->f_blocks - st->f_bfree), all = used + (double)st->f_bavail;
    uint64_t whole;

    if (all <= 0)
        return 0;
    whole = (uint64_t)(100 * used / all);
    return (double)whole + ((double)whole * all < 100 * used);
}

static int put_disk(const struct path *p, struct emit *emit, struct err *err)
{
    struct statvfs st;
    double block;

    if (statvfs(p->settings->path, &st) < 0)
        return err_os(err, errno, "cannot look at %s", p->settings->path);
    block = (double)(st.f_frsize ? st.f_frsize : st.f_bsize);
    if (put(p, emit, "earshot_path_used_percent",
            "How full the disk of the folder is, as df tells it.", percent_of(&st), err) < 0 ||
        put(p, emit, "earshot_path_size_bytes", "Size of the disk of the folder.",
            block * (double)st.f_blocks, err) < 0)
        return -1;
    return put(p, emit, "earshot_path_avail_bytes", "What is free there for everybody.",
               block * (double)st.f_bavail, err);
}

/* Once a minute at most: there may be many. */
static void count_files(struct path *p)
{
    int64_t now = p->clock->mono_ns(p->clock);
    struct err err;

    if (p->walked && now - p->walked_ns < WALK_EVERY)
        return;
    p->walked = true;
    p->walked_ns = now;
    p->known = walk_files(p->settings->path, PATH_FILES_MAX, p->clock, now + p->timeout_ms * 500000,
                          &p->sum, &err) == 0;
    if (!p->known && !p->told)
        log_warn(p->log, PART, "%s: its files are not counted: %s", p->settings->path, err.text);
    p->told = !p->known;
}

static int collect(void *arg, struct emit *emit, struct arena *scratch, struct err *err)
{
    struct path *p = arg;

    (void)scratch;
    if (put_disk(p, emit, err) < 0)
        return -1;
    if (!p->settings->files)
        return 0;
    count_files(p);
    if (!p->known)
        return 0;
    if (put(p, emit, "earshot_path_files", "Regular files below the folder.", (double)p->sum.files,
            err) < 0)
        return -1;
    return put(p, emit, "earshot_path_file_bytes", "Size of these files together.",
               (double)p->sum.bytes, err);
}

int path_collector(const struct entry_settings *entry, const struct clock *clock, struct log *log,
                   struct collector *out, struct err *err)
{
    struct path *p = mem_new(struct path);

    (void)err; /* config has seen all that could be wrong */
    *p = (struct path){
        .settings = entry->own, .timeout_ms = entry->job.timeout_ms, .clock = clock, .log = log};
    *out = (struct collector){
        .name = "path",
        .collect = collect,
        .free = mem_free,
        .arg = p,
        .hangs_on = "the file system of its folder (a dead network mount, a sleeping disk)"};
    return 0;
}
