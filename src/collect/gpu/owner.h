/* owner: what the owner of a process is called: the service a person knows, not the interpreter.
 *
 * In this order: a known model server by its command line; the systemd unit; the script that an
 * interpreter runs (main.py and its like: the folder it is in); the program.
 *
 * Threads: that of `files`.
 */
#ifndef COLLECT_GPU_OWNER_H
#define COLLECT_GPU_OWNER_H

#include <stdint.h>

#include "base/str.h"

struct files;

#define OWNER_BYTES 128

/* "unknown" when /proc does not tell: it is gone, or belongs to somebody else. Lives in `out`. */
struct str owner_of(struct files *files, uint32_t pid, char out[OWNER_BYTES]);
/* The same from what /proc/PID/cmdline and /proc/PID/cgroup hold; n 0: they do not tell. */
struct str owner_of_texts(struct str cmdline, struct str cgroup, char out[OWNER_BYTES]);

#endif
