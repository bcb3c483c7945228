/* gpu: the GPUs of this machine under the names of NVIDIA's DCGM exporter, with memory and use by
 * service. The folder's entry header.
 *
 *   nvml    NVIDIA's library, loaded when it is there       smi    nvidia-smi where it is not
 *   amd     AMD's driver in /sys                            owner  what a process is called
 *   report  what was found, and the series it becomes
 *
 * A machine without a GPU is no failure: it is said once, then looked again every minute, since a
 * driver may be loaded late. A source that is named in the configuration and not there is one.
 *
 * Threads: drivers and nvidia-smi can hang: a thread of its own (hangs_on).
 */
#ifndef COLLECT_GPU_GPU_H
#define COLLECT_GPU_GPU_H

#include <stdatomic.h>

#include "base/attr.h"

struct clock;
struct collector;
struct entry_settings;
struct err;
struct log;

/* What was left out; any thread. */
struct gpu_counts {
    atomic_uint_fast64_t values_invalid; /* lines and cells of nvidia-smi */
};

/* All that is given is borrowed until the collector is freed. */
MUST_USE int gpu_collector(const struct entry_settings *entry, const struct clock *clock,
                           struct log *log, struct gpu_counts *counts, struct collector *out,
                           struct err *err);

#endif
