/* identity: what a process is recognised by. Each part is read when it is first asked for, since
 * most processes are in no group and most groups ask for one part alone.
 *
 * Threads: that of the collector. Memory is the pass's scratch.
 */
#ifndef COLLECT_PROCESS_IDENTITY_H
#define COLLECT_PROCESS_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct host_run;

struct identity {
    struct host_run *run;
    int proc; /* the folder /proc */
    uint64_t pid;
    int64_t start_s; /* Unix time */
    struct str name; /* of the command */

    bool has_command, has_exe, has_cgroup, has_user, has_container_name, user_known;
    struct str command, exe, cgroup, container_name;
    uint64_t user;
};

/* The whole command line, its words parted by blanks, in one line; empty when it has ended. */
struct str identity_command(struct identity *id);
/* The program's path. Who may not see it gets the first word of the command line. */
struct str identity_exe(struct identity *id);
struct str identity_cgroup(struct identity *id);
/* Whose rights it has. False: it has just ended. */
bool identity_user(struct identity *id, uint64_t *out);
/* As Docker or Podman call the container; empty when there is none or its name is kept from us. */
struct str identity_container_name(struct identity *id);

#endif
