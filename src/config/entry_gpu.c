/* collect.gpu: a map and not a list, since it is this machine's. */
#include <string.h>

#include "base/hash.h"
#include "collect/entry_settings.h"
#include "collect/gpu/gpu_settings.h"
#include "collect/process/process_settings.h"
#include "config/internal.h"
#include "config/schema.h"

#define INTERVAL_MS 5000

static void read_source(struct config_builder *b, const struct yaml *node, struct gpu_settings *s)
{
    static const char *const words[GPU_SOURCES] = {[GPU_AUTO] = "auto",
                                                   [GPU_NVML] = "nvml",
                                                   [GPU_SYSFS] = "sysfs",
                                                   [GPU_NVIDIA_SMI] = "nvidia-smi"};

    if (!schema_gives(node, "source"))
        return;
    for (size_t i = 0; i < GPU_SOURCES; i++) {
        if (str_eq(schema_text(node, "source"), str_c(words[i]))) {
            s->source = (enum gpu_source)i;
            return;
        }
    }
    yaml_error(&b->errors, yaml_get(node, "source"),
               "source: expected auto, nvml, sysfs or nvidia-smi, found \"%.*s\"",
               STR_ARGS(str_take(schema_text(node, "source"), 60)));
}

const void *entry_read_gpu(struct config_builder *b, const struct yaml *node,
                           struct entry_settings *entry)
{
    struct gpu_settings *s = builder_array(b, 1, sizeof *s);

    if (!s)
        return NULL;
    entry->name = "gpu";
    entry->job.interval_ms = INTERVAL_MS;
    *s = (struct gpu_settings){
        .per_process = true, .proc = b->config->host.proc, .sys = b->config->host.sys};
    read_source(b, node, s);
    if (schema_gives(node, "nvidia_smi"))
        s->nvidia_smi = builder_path(b, yaml_get(node, "nvidia_smi"));
    yaml_read_bool(yaml_get(node, "per_process"), "", &s->per_process, &b->errors);
    s->exclude = builder_texts(b, yaml_get(node, "exclude"), builder_item, &s->exclude_n);
    return s;
}

static bool has_groups(const struct gpu_settings *s, const struct process_groups *groups)
{
    for (size_t i = 0; i < s->groups_n; i++)
        if (s->groups[i] == groups)
            return true;
    return false;
}

void entries_share_groups(struct config_builder *b)
{
    struct config *c = b->config;
    struct entry_settings *gpu = NULL;
    const struct process_groups **groups;
    struct gpu_settings *s;

    for (size_t i = 0; i < c->entries_n; i++)
        if (strcmp(c->entries[i].kind, "gpu") == 0 && !c->entries[i].host)
            gpu = &c->entries[i];
    groups = gpu && gpu->own ? builder_array(b, c->entries_n, sizeof *groups) : NULL;
    if (!groups)
        return;
    s = (struct gpu_settings *)gpu->own; /* made by entry_read_gpu, not yet handed out */
    s->groups = groups;
    for (size_t i = 0; i < c->entries_n; i++) {
        const struct entry_settings *e = &c->entries[i];
        const struct process_settings *own = e->own;

        if (strcmp(e->kind, "process") != 0 || e->host || !own)
            continue;
        /* Who is in which group decides about its series. */
        gpu->job.fingerprint = hash_mix(gpu->job.fingerprint, e->job.fingerprint);
        if (!has_groups(s, own->groups))
            groups[s->groups_n++] = own->groups;
    }
}
