/* usage: what a container uses, as the kernel's files tell it: its control group, of either
 * version, and the network of its process. All of it may be read by anyone.
 *
 * What the engine says about the process is not believed blindly: a process counts as one of the
 * container only while its control group has the container's id in its path.
 *
 * Threads: one at a time.
 */
#ifndef COLLECT_DOCKER_USAGE_H
#define COLLECT_DOCKER_USAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"
#include "collect/docker/answers.h"

struct arena;
struct err;
struct files;

/* False: the process is not there, or is none of the container's. */
bool usage_is_inside(struct files *files, uint64_t pid, struct str id);
/* Of a container whose process is `pid`; without `net` no network. What cannot be read is left out.
 * False, with *out empty: the process is none of the container's. -1: no memory. */
MUST_USE int usage_read(struct files *files, uint64_t pid, struct str id, bool net, struct arena *a,
                        struct container_usage *out, bool *inside, struct err *err);

/* The text of /proc/PID/net/dev; loopback is left out. */
MUST_USE int usage_nets(struct str text, struct arena *a, struct container_usage *out,
                        struct err *err);

#endif
