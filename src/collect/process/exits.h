/* exits: why a process that is no child of ours has ended.
 *
 * From Linux 6.15 on, whoever held a descriptor of a process may ask it for the exit status,
 * without any right. On older ones only a process that nobody has waited for yet tells it, in
 * /proc, to its own user and root.
 *
 * Threads: any.
 */
#ifndef COLLECT_PROCESS_EXITS_H
#define COLLECT_PROCESS_EXITS_H

#include <stdbool.h>
#include <stdint.h>

enum exit_reason { EXIT_EXIT, EXIT_CRASH, EXIT_SIGNAL, EXIT_OOM, EXIT_UNKNOWN, EXIT_REASONS };
const char *exit_reason_name(enum exit_reason reason);

/* A descriptor of the process, for exits_status; -1: there is none. Close it. */
int exits_watch(uint64_t pid);
/* As waitpid gives it; false: not known. */
bool exits_status(int fd, int *out);
/* Of a status: EXIT_EXIT, EXIT_CRASH or EXIT_SIGNAL. A shell's 128 + n is taken as signal n. */
enum exit_reason exits_judge(int status);
bool exits_was_killed(int status); /* SIGKILL, which is also what the kernel kills with */

#endif
