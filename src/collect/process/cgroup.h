/* cgroup: what the text of /proc/PID/cgroup tells: the unit and the container a process is in, and
 * where the kernel counts what it killed there.
 *
 * Threads: none of its own. Views point into the text.
 */
#ifndef COLLECT_PROCESS_CGROUP_H
#define COLLECT_PROCESS_CGROUP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

#define CGROUP_PATH_MAX 512

/* Is it in this unit of systemd, or below? `unit` without an ending is a service. */
bool cgroup_has_unit(struct str text, struct str unit);
/* The id (64 hexadecimal digits) of the innermost container; empty when there is none. */
struct str cgroup_container(struct str text);
/* Is it in this machine of systemd-nspawn or this container of LXC, whose groups have their name?
 */
bool cgroup_has_machine(struct str text, struct str name);
/* Below /sys: the file that counts kills for lack of memory; "" when there is none. */
void cgroup_oom_file(struct str text, char out[CGROUP_PATH_MAX]);
/* Below /sys: the folder of the group that has a container's id in its path, in the hierarchy of
 * this controller ("memory"), or in the second version's, where it has none of its own. "": it is
 * in none. */
void cgroup_container_folder(struct str text, struct str controller, struct str id,
                             char out[CGROUP_PATH_MAX]);

#endif
