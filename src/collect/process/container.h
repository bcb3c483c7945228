/* container: the name of a container, as Docker and Podman keep it in files.
 *
 * Threads: that of the collector. Memory is the pass's scratch.
 */
#ifndef COLLECT_PROCESS_CONTAINER_H
#define COLLECT_PROCESS_CONTAINER_H

#include "base/str.h"

struct host_run;

/* Empty when nobody knows it, or this user may not read it. `id`: 64 hexadecimal digits. */
struct str container_name(struct host_run *r, struct str id);

#endif
