/* far: collectors of this machine, reading another one's files.
 *
 * A shell on the far machine prints the files that a collector reads, once a cycle and on request;
 * nothing is written there, and nothing started but grep, date and stat. Here they are put into a
 * tree of memory (/dev/shm, mode 0700), which the collector reads as if it were /proc and /sys. It
 * is the same collector, with the same names: what is not in the tree is absent, as on a machine
 * that does not have it.
 *
 * The clock that far_clock gives shows the far machine's time.
 *
 * Errors: of the connection, in words for a person; the cycle fails.
 * Threads: far_new and far_free any; the rest that of the collector (LANE_SLOW).
 */
#ifndef COLLECT_SSH_FAR_H
#define COLLECT_SSH_FAR_H

#include <stdint.h>

#include "base/attr.h"

struct clock;
struct collector;
struct err;
struct far;

/* What of a machine is printed. */
enum far_part {
    FAR_HOST,      /* what the kernel answers from memory, and each process' stat */
    FAR_HOST_SLOW, /* file systems, CPUs, temperatures */
    FAR_PROCESSES, /* what groups of processes need of each */
};

struct far_settings {
    const char *socket_path; /* a way to the far shell (ways.h); copied */
    enum far_part part;
    int64_t timeout_ms; /* of a cycle */
    const struct clock *clock;
};

MUST_USE int far_new(const struct far_settings *settings, struct far **out, struct err *err);
void far_free(struct far *f); /* NULL is fine */

/* Folders of the tree, and the far machine's clock; borrowed. */
const char *far_proc(const struct far *f);
const char *far_sys(const struct far *f);
const char *far_root(const struct far *f);
const struct clock *far_clock(const struct far *f);

/* A collector that refreshes the tree, then lets `inner` read it. Takes both over. */
struct collector far_collector(struct far *f, const struct collector *inner);

#endif
