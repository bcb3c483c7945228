/* roster: who is there, which group each process is in, and who has come and gone since the pass
 * before.
 *
 * Threads: that of the collector.
 */
#ifndef COLLECT_PROCESS_ROSTER_H
#define COLLECT_PROCESS_ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "collect/host/kernel_log.h"
#include "collect/process/oom.h"

struct group;
struct host_run;
struct process;

struct roster {
    struct group *groups; /* borrowed; [groups_n] */
    size_t groups_n;
    bool is_here; /* the processes are those of this kernel, not a copy of some /proc */

    struct process *list; /* owned; those of the last pass, by pid */
    size_t n, cap;
    struct process *next; /* owned; storage of the pass under way */
    size_t next_cap;
    struct oom oom;
    struct kernel_log kernel;
    struct killed *killed; /* owned; what the kernel log told of */
    size_t killed_n, killed_cap;
    uint64_t passes, boot_s, watched_since, uptime;
    int64_t at_ns;
    size_t watched; /* descriptors held */
    uint64_t partial;
};

void roster_init(struct roster *t, struct group *groups, size_t groups_n, bool is_here, int root);
void roster_fini(struct roster *t);
/* One pass. -1 when /proc cannot be listed; then the groups say nothing. */
MUST_USE int roster_pass(struct roster *t, struct host_run *r);

#endif
