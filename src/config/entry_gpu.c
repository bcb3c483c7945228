/* collect.gpu: a map and not a list, since it is this machine's. */
#include <string.h>

#include "collect/entry_settings.h"
#include "collect/gpu/gpu_settings.h"
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
