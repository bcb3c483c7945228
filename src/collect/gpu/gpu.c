#include "collect/gpu/gpu.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "collect/collect.h"
#include "collect/entry_settings.h"
#include "collect/gpu/amd.h"
#include "collect/gpu/gpu_settings.h"
#include "collect/gpu/grouping.h"
#include "collect/gpu/nvml.h"
#include "collect/gpu/report.h"
#include "collect/gpu/smi.h"
#include "collect/host/files.h"

#define PART          "gpu"
#define LOOK_AGAIN_NS INT64_C(60000000000)

struct gpu_collector {
    const struct gpu_settings *settings;
    const struct clock *clock;
    struct log *log;
    struct gpu_counts *counts;
    struct files *files;
    struct grouping *grouping; /* owned */
    int64_t timeout_ms;        /* of nvidia-smi */
    enum gpu_source in_use;    /* GPU_AUTO: none has answered */
    struct nvml *nvml;
    int64_t look_ns; /* when the sources are looked at again, while none answers */
    bool told_none, told_invalid;
    struct err why; /* of the last look; ERR_NONE: there is no GPU */
};

enum answer { ABSENT, ANSWERED, FAILED };

static const char *const source_names[GPU_SOURCES] = {
    [GPU_AUTO] = "any source",
    [GPU_NVML] = "NVML",
    [GPU_SYSFS] = "/sys/class/drm",
    [GPU_NVIDIA_SMI] = "nvidia-smi",
};

/* ---- the sources ---- */

static enum answer ask_nvml(struct gpu_collector *c, struct report *out, struct err *err)
{
    if (!c->nvml && nvml_open(&c->nvml, err) < 0)
        return FAILED;
    if (!c->nvml)
        return ABSENT;
    if (nvml_read(c->nvml, c->files, c->log, out, err) == 0)
        return ANSWERED;
    nvml_close(take(c->nvml));
    return FAILED;
}

static enum answer ask_sysfs(struct gpu_collector *c, struct report *out, struct err *err)
{
    size_t found;

    if (amd_read(c->files, out, &found, err) < 0)
        return FAILED;
    return found ? ANSWERED : ABSENT;
}

static enum answer ask_smi(struct gpu_collector *c, struct report *out, struct err *err)
{
    size_t invalid = 0;
    bool absent;
    int result = smi_read(c->settings->nvidia_smi, c->timeout_ms, out, &absent, &invalid, err);

    atomic_fetch_add(&c->counts->values_invalid, invalid);
    if (result < 0)
        return FAILED;
    if (absent && c->settings->nvidia_smi) {
        (void)err_set(err, ERR_OS, "nvidia_smi: there is no program %s", c->settings->nvidia_smi);
        return FAILED;
    }
    if (invalid && !c->told_invalid)
        log_warn(c->log, PART,
                 "%zu lines or cells of nvidia-smi could not be understood; they "
                 "are left out",
                 invalid);
    c->told_invalid = invalid > 0;
    return absent ? ABSENT : ANSWERED;
}

static enum answer ask(struct gpu_collector *c, enum gpu_source source, struct report *out,
                       struct err *err)
{
    switch (source) {
    case GPU_NVML:
        return ask_nvml(c, out, err);
    case GPU_SYSFS:
        return ask_sysfs(c, out, err);
    default:
        return ask_smi(c, out, err);
    }
}

/* ---- which of them ---- */

static void tell_none(struct gpu_collector *c)
{
    if (!c->told_none)
        log_info(
            c->log, PART,
            "no GPU is found: no libnvidia-ml.so.1 with a card, no card of AMD in %s/class/drm, "
            "no nvidia-smi; looked for again every minute",
            files_root_path(c->files, FILES_SYS));
    c->told_none = true;
}

/* The first that answers; else the first that failed says why. */
static enum answer look(struct gpu_collector *c, struct report *out)
{
    enum gpu_source only = c->settings->source;
    enum answer all = ABSENT;

    c->why = (struct err){.kind = ERR_NONE};
    for (enum gpu_source s = only ? only : GPU_NVML; s < GPU_SOURCES; s++) {
        struct err err = {.kind = ERR_NONE};
        enum answer one = ask(c, s, out, &err);

        if (one == ANSWERED) {
            log_info(c->log, PART, "GPUs are read by %s", source_names[s]);
            c->in_use = s;
            return ANSWERED;
        }
        if (one == FAILED && all == ABSENT) {
            all = FAILED;
            c->why = err;
        }
        if (only)
            break;
    }
    if (all == ABSENT && only) {
        (void)err_set(&c->why, ERR_EVAL, "source: %s finds no GPU", source_names[only]);
        return FAILED;
    }
    return all;
}

/* Sources that did not answer are left in peace for a while: nvidia-smi beside a broken driver
 * takes seconds. */
static int look_for_any(struct gpu_collector *c, struct report *out, struct err *err)
{
    int64_t now = c->clock->mono_ns(c->clock);

    if (now >= c->look_ns) {
        enum answer found = look(c, out);

        if (found == ANSWERED)
            return 0;
        c->look_ns = now + LOOK_AGAIN_NS;
        if (found == ABSENT)
            tell_none(c);
    }
    return c->why.kind == ERR_NONE ? 0 : err_set(err, c->why.kind, "%s", c->why.text);
}

static int read_again(struct gpu_collector *c, struct report *out, struct err *err)
{
    enum answer got = ask(c, c->in_use, out, err);

    if (got == ANSWERED)
        return 0;
    if (got == ABSENT)
        (void)err_set(err, ERR_EVAL, "%s no longer finds a GPU", source_names[c->in_use]);
    c->in_use = GPU_AUTO;
    c->look_ns = 0;
    c->told_none = false;
    return -1;
}

static int collect_gpus(void *arg, struct emit *emit, struct arena *scratch, struct err *err)
{
    struct gpu_collector *c = arg;
    struct report found = {.scratch = scratch, .settings = c->settings, .grouping = c->grouping};
    int rc;

    grouping_begin(c->grouping, c->files, scratch);
    rc = c->in_use ? read_again(c, &found, err) : look_for_any(c, &found, err);

    return rc < 0 ? -1 : report_emit(&found, emit, err);
}

static void free_collector(void *arg)
{
    struct gpu_collector *c = arg;

    nvml_close(c->nvml);
    grouping_free(c->grouping);
    files_free(c->files);
    mem_free(c);
}

int gpu_collector(const struct entry_settings *entry, const struct clock *clock, struct log *log,
                  struct gpu_counts *counts, struct collector *out, struct err *err)
{
    const struct gpu_settings *settings = entry->own;
    struct grouping *grouping;
    struct files *files;
    struct gpu_collector *c;

    if (grouping_new(settings, &grouping, err) < 0)
        return -1;
    if (files_new(settings->proc, settings->sys, "/", &files, err) < 0) {
        grouping_free(grouping);
        return -1;
    }
    c = mem_new(struct gpu_collector);
    *c = (struct gpu_collector){
        .settings = settings,
        .clock = clock,
        .log = log,
        .counts = counts,
        .files = files,
        .grouping = grouping,
        .timeout_ms = entry->job.timeout_ms - entry->job.timeout_ms / 10, /* its words come first */
    };
    *out = (struct collector){.name = "gpu",
                              .collect = collect_gpus,
                              .free = free_collector,
                              .arg = c,
                              .hangs_on = "a driver of a GPU, or nvidia-smi"};
    return 0;
}
