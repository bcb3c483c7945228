/* pid: what /proc/PID says of one process.
 *
 * Threads: none of its own. The parsers take hostile text: they return false, or leave out what is
 * not understood.
 */
#ifndef COLLECT_HOST_PID_H
#define COLLECT_HOST_PID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct arena;
struct err;
struct files;

#define PID_TICKS_PER_SECOND 100 /* USER_HZ */
#define PID_NAME_MAX         64

/* /proc/PID/stat */
struct pid_stat {
    uint64_t parent, start; /* ticks since the boot */
    uint64_t user_ticks, system_ticks;
    uint64_t minor_faults, major_faults;
    uint64_t virtual_bytes, resident_pages;
    /* Where its stack begins: another one after exec. 0: kept from us, or it has ended. */
    uint64_t stack;
    /* As waitpid gives it; right only of a zombie, and only for whoever may see `stack` of it. */
    int exit_status;
    unsigned threads;
    char state;
    bool kernel;             /* a thread of the kernel's */
    char name[PID_NAME_MAX]; /* UTF-8; 15 bytes of a program */
};
bool pid_parse_stat(struct str text, struct pid_stat *out);

/* /proc/PID/io: bytes of storage. */
bool pid_parse_io(struct str text, uint64_t *read, uint64_t *written);

/* As long as a process lives its folder mostly has the same inode, and no other has it. */
struct pid_entry {
    uint64_t pid, inode;
};
/* The processes there are, by pid; in `a`. */
MUST_USE int pid_list(struct files *f, int proc, struct arena *a, struct pid_entry **out, size_t *n,
                      struct err *err);

/* Ticks since the boot from the text of /proc/uptime; 0: not understood. */
uint64_t pid_uptime(struct str text);

#endif
