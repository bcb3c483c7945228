/* kernel_log: what the kernel says of processes that it killed for lack of memory, from /dev/kmsg.
 *
 * The device shows each opener all records; one that was opened here begins with what is said from
 * then on. Reading it needs the right CAP_SYSLOG where kernel.dmesg_restrict is 1 (Debian's
 * default); without it there is never a kill here, and `readable` says so.
 *
 * Only records of the kernel's own count: what others write to the device has another facility.
 *
 * Threads: one at a time.
 */
#ifndef COLLECT_HOST_KERNEL_LOG_H
#define COLLECT_HOST_KERNEL_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define KERNEL_NAME_MAX 64

struct kernel_kill {
    uint64_t pid;
    uint64_t resident_bytes; /* what it held, as far as the record says */
    char name[KERNEL_NAME_MAX];
};

struct kernel_log {
    int fd;    /* -1: not readable */
    char *buf; /* owned */
    size_t n;
    bool skipping; /* the rest of a line that is too long */
};

/* `root`: the folder "/". */
void kernel_log_open(struct kernel_log *l, int root);
void kernel_log_close(struct kernel_log *l);
static inline bool kernel_log_readable(const struct kernel_log *l)
{
    return l->fd >= 0;
}
/* The next one; false: no more for now. */
bool kernel_log_next(struct kernel_log *l, struct kernel_kill *out);

/* One line of the device: "level,number,time,flags;text". False: it tells of no kill. */
bool kernel_log_parse(struct str line, struct kernel_kill *out);

#endif
