/* match: which processes are in a group by themselves, without asking for their parents.
 *
 * Threads: that of the collector.
 */
#ifndef COLLECT_PROCESS_MATCH_H
#define COLLECT_PROCESS_MATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct err;
struct host_run;
struct identity;
struct process_group_settings;
struct regex;

struct match {
    const struct process_group_settings *settings;
    struct regex *command; /* owned */
    uint64_t pid;          /* in the pid file; 0: none */
    int64_t pid_written_s; /* when, Unix time */
};

/* ERR_SYNTAX when the pattern does not compile. */
MUST_USE int match_init(struct match *m, const struct process_group_settings *settings,
                        struct err *err);
void match_fini(struct match *m);
/* Once a pass. The pid that was in the file before and the one that is now are both to be looked
 * at again when this says true. */
bool match_read_pid_file(struct match *m, struct host_run *r, uint64_t *before);
bool match_takes(const struct match *m, struct identity *id);

#endif
