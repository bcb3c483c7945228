/* process_stats: what the kernel says of this process, as Prometheus' client libraries report it.
 * A figure that cannot be had is 0. Threads: any. */
#ifndef COLLECT_PROCESS_STATS_H
#define COLLECT_PROCESS_STATS_H

#include "base/str.h"

struct process_stats {
    double cpu_seconds, resident_bytes, virtual_bytes, open_fds, max_fds, threads, start_seconds;
};

struct process_stats process_stats(void);
/* The parts that stand in /proc/PID/stat; ticks and page size are the machine's. */
void process_stats_parse(struct str stat, double ticks, double page_bytes, double boot_seconds,
                         struct process_stats *out);

#endif
