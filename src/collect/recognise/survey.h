/* survey: what runs on this machine, as /proc and /sys tell it: processes, what they listen on and
 * whom they are connected to. Nothing is asked yet.
 *
 * What this user may not see is left empty: of another user's process there is a command line, but
 * neither program nor descriptors. A socket without a known owner is given to the one process of
 * its user whose descriptors are hidden, where recognise.c finds that it fits. Processes of another
 * network (containers) are left out: their ports are not ours.
 *
 * Threads: waits for the kernel: LANE_SLOW. Ownership: the arena.
 */
#ifndef COLLECT_RECOGNISE_SURVEY_H
#define COLLECT_RECOGNISE_SURVEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct arena;
struct err;
struct files;

struct survey_process {
    uint64_t pid, user;
    struct str name;       /* of the command, at most 15 bytes */
    struct str words;      /* the command line, a NUL behind each word */
    struct str command;    /* the same in one line, blanks for control characters */
    struct str exe;        /* path; empty when hidden */
    struct str unit;       /* "redis.service"; empty when none */
    bool hidden;           /* its descriptors are */
    const uint16_t *peers; /* [peers_n] ports of loopback that it is connected to */
    size_t peers_n;
    const struct str *logs; /* [logs_n] files it writes that are called *access*.log */
    size_t logs_n;
};

struct survey_socket {
    uint16_t port; /* 0: of a Unix socket */
    struct str path;
    bool v6;         /* ::1 alone */
    bool other_only; /* an address that is not loopback */
    const char *via; /* of another machine: the way to its loopback (collect/via.h); else NULL */
    uint64_t user, inode;
    const struct survey_process *owner; /* NULL: not known */
};

struct survey {
    struct survey_process *processes; /* [processes_n] by pid */
    size_t processes_n;
    struct survey_socket *sockets; /* [sockets_n] that listen; TCP by port, then Unix */
    size_t sockets_n;
    size_t ports, units;                           /* how many there are */
    size_t tables_cut, sockets_cut, processes_cut; /* as of struct scan_cut */
    bool nvidia, amd;                              /* a GPU of theirs */
    struct str driver;                             /* of NVIDIA's; empty when none */
};

/* `via`: `files` are those of another machine, which is reached by it (collect/ssh/look.h); NULL:
 * of this one. */
MUST_USE int survey_read(struct files *files, const char *via, struct arena *a, struct survey *out,
                         struct err *err);

/* Of this program's own processes, running or not by now: never found. */
bool survey_is_ours(const struct survey_process *p);

#endif
