/* host: this machine, read from /proc and /sys under node_exporter's names. The entry header.
 *
 * host_collectors gives two native collectors:
 *
 *   host       what the kernel answers from memory: cpu, memory, load, disks, network, processes
 *   host-slow  what can hang: statfs on a dead NFS, hwmon and other sensors behind a slow bus
 *
 * Both are added with collect_add under the same job and interval, as two targets, so that a stuck
 * statfs never holds up the rest. Targets must differ: the second's `labels` also hold
 * collector="host-slow", and its `sample_labels` are the first's, so that its samples do not tell.
 * Their families do not overlap, except earshot_host_collector_success{collector}, whose series do
 * not.
 *
 * A group (one file here, e.g. meminfo.c) whose files are not there writes nothing. One whose file
 * cannot be read or understood leaves out what it could not read, logs that once until it is well
 * again, and shows earshot_host_collector_success 0. Names, exclusions and what is left out:
 * docs/host-collector.md.
 *
 * Ownership: the caller takes over `arg` of each collector (collector.free). Settings are copied,
 * but for clock and log, which must outlive the collectors.
 * Threads: each collector on one thread at a time; they share nothing.
 */
#ifndef COLLECT_HOST_HOST_H
#define COLLECT_HOST_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "collect/collect.h"
#include "collect/host/units_settings.h"

struct clock;
struct err;
struct log;

struct host_settings {
    const char *proc, *sys; /* NULL: "/proc", "/sys" */
    const char *root;       /* NULL: "/"; os-release, udev's data and mount points are below it */
    const char *mounts_exclude, *fs_exclude, *disks_exclude, *nets_exclude; /* RE2; NULL: default */
    const char *textfile_dir; /* of *.prom files; NULL: none */
    /* proc, sys and root are another machine's, brought here (ssh/far.h): what system calls would
     * tell of this one comes from files, or is left out. */
    bool far;
    int64_t top;             /* processes kept by CPU, memory and I/O each; 0: none */
    struct host_units units; /* of systemd on this machine; `far` has none */
    int64_t answer_ms;       /* how long systemd may take to answer a question */
    bool psi;                /* read /proc/pressure */
    const struct clock *clock;
    struct log *log; /* NULL: none */
};

#define HOST_COLLECTORS 2

/* A pattern that does not compile is ERR_SYNTAX and names its key; a proc or sys that cannot be
 * opened is ERR_OS. */
MUST_USE int host_collectors(const struct host_settings *settings,
                             struct collector out[HOST_COLLECTORS], struct err *err);

#endif
