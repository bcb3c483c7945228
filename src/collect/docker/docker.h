/* docker: the containers of a Docker or a Podman on this machine, under cAdvisor's names. The
 * folder's entry header.
 *
 * Each cycle asks the engine for its list. What the list does not tell (health, restarts, exit
 * code, process) is asked of a container whose line in the list has changed, or whose process is
 * no longer the one that was told: a container that just runs costs nothing more there. CPU,
 * memory and network are read from the kernel's files, which asks for no right; where they cannot
 * be read (another namespace, no control group) the engine is asked for them.
 *
 *   place     where engines listen          engine   GET over a Unix socket, bounded
 *   answers   JSON of the engine            usage    control groups, /proc/PID/net/dev
 *   ledger    what is known of containers from cycle to cycle, and what is counted of them
 *   tell      samples
 *
 * Threads: it waits for the socket, on a thread of its own (hangs_on), never longer than the
 * entry's timeout.
 */
#ifndef COLLECT_DOCKER_DOCKER_H
#define COLLECT_DOCKER_DOCKER_H

#include "base/attr.h"

struct clock;
struct collector;
struct entry_settings;
struct err;
struct log;

struct docker_context {
    const char *proc, *sys; /* "/proc", "/sys" */
    const struct clock *clock;
    struct log *log;
};

/* `entry` is borrowed until the collector is freed, as are clock and log. */
MUST_USE int docker_collector(const struct entry_settings *entry,
                              const struct docker_context *context, struct collector *out,
                              struct err *err);

#endif
