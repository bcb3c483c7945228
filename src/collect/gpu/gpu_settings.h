/* gpu_settings: collect.gpu as config reads it. Lives in the configuration's arena. */
#ifndef COLLECT_GPU_GPU_SETTINGS_H
#define COLLECT_GPU_GPU_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

/* AUTO: the first of the others that answers, in this order. */
enum gpu_source { GPU_AUTO, GPU_NVML, GPU_SYSFS, GPU_NVIDIA_SMI, GPU_SOURCES };

struct process_groups;

struct gpu_settings {
    enum gpu_source source;
    const char *nvidia_smi;     /* a path; NULL: looked up in PATH */
    bool per_process;           /* memory and use by group of processes */
    const char *const *exclude; /* [exclude_n] UUIDs */
    size_t exclude_n;
    /* Those of collect.process and of packs on this machine: a process that is in a group is told
     * under the group's name. */
    const struct process_groups *const *groups; /* [groups_n] */
    size_t groups_n;
    const char *proc, *sys; /* those of collect.host: "/proc", "/sys" */
};

#endif
