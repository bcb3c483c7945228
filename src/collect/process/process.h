/* process: groups of processes under process-exporter's names, and why their processes ended. The
 * entry header.
 *
 * One pass over /proc each cycle. A new process is looked at once, and again when it runs another
 * program; one that is in a group is read each pass. See README.md for what is kept in between,
 * and docs/processes.md for names and rights.
 *
 * Ownership: the caller takes over `arg` of the collector (collector.free). The settings, clock and
 * log must outlive it.
 * Threads: one at a time.
 */
#ifndef COLLECT_PROCESS_PROCESS_H
#define COLLECT_PROCESS_PROCESS_H

#include <stdbool.h>

#include "base/attr.h"

struct clock;
struct collector;
struct err;
struct log;
struct process_settings;

struct process_context {
    const char *proc, *sys, *root; /* "/proc", "/sys", "/" */
    bool far;                      /* as host_settings: another machine's */
    const struct clock *clock;
    struct log *log; /* NULL: none */
};

/* A pattern that does not compile is ERR_SYNTAX, a folder that cannot be opened ERR_OS. */
MUST_USE int process_collector(const struct process_settings *settings,
                               const struct process_context *context, struct collector *out,
                               struct err *err);

#endif
