/* member: a process of a group, read each pass.
 *
 * stat is read of every process of the machine; of a member also status, io, its descriptors and
 * limits. One that did not run since the pass before has neither read nor written: most of that is
 * read again only each IDLE_PASSES passes.
 *
 * Threads: that of the collector.
 */
#ifndef COLLECT_PROCESS_MEMBER_H
#define COLLECT_PROCESS_MEMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collect/process/group.h"

struct host_run;
struct oom_source;
struct pid_stat;

struct member {
    size_t group;
    int watch;              /* exits_watch; -1: none */
    struct oom_source *oom; /* NULL: its control group counts nothing */
    bool is_new;            /* not read yet */
    bool may_see;           /* /proc shows us its exit status, once it is a zombie */
    bool has_left;          /* its end is counted: it is a zombie */
    struct counts counts;   /* as last read */
    uint64_t resident_bytes, swapped_bytes, descriptors_max;
};

/* What one pass knows. */
struct pass {
    struct host_run *run;
    int proc;               /* the folder /proc */
    bool is_here;           /* it is that of this kernel, not a copy */
    uint64_t number;        /* 0: the first */
    uint64_t boot_s;        /* Unix time */
    uint64_t uptime;        /* ticks */
    uint64_t uptime_before; /* of the pass before; 0: there was none */
    double passed_s;        /* since then */
    uint64_t watched_since; /* uptime of the first pass */
    uint64_t page_bytes;
    uint64_t partial; /* processes that were not read whole: another user's */
};

/* Each process has its turn once in so many passes, not all in the same. */
bool pass_is_turn(const struct pass *p, uint64_t pid, unsigned passes);

void member_read(struct member *m, struct pass *pass, uint64_t pid, const struct pid_stat *stat,
                 struct group *group);

#endif
