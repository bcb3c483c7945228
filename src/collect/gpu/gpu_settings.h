/* gpu_settings: collect.gpu as config reads it. Lives in the configuration's arena. */
#ifndef COLLECT_GPU_GPU_SETTINGS_H
#define COLLECT_GPU_GPU_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

/* AUTO: the first of the others that answers, in this order. */
enum gpu_source { GPU_AUTO, GPU_NVML, GPU_SYSFS, GPU_NVIDIA_SMI, GPU_SOURCES };

struct gpu_settings {
    enum gpu_source source;
    const char *nvidia_smi;     /* a path; NULL: looked up in PATH */
    bool per_process;           /* memory and use by group of processes */
    const char *const *exclude; /* [exclude_n] UUIDs */
    size_t exclude_n;
    const char *proc, *sys; /* those of collect.host: "/proc", "/sys" */
};

#endif
