/* group: what the processes of one group come to, and how it is written.
 *
 * Threads: that of the collector.
 */
#ifndef COLLECT_PROCESS_GROUP_H
#define COLLECT_PROCESS_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collect/process/exits.h"
#include "collect/process/match.h"

struct host_run;

/* What only grows while a process lives. */
struct counts {
    uint64_t user_ticks, system_ticks;
    uint64_t read_bytes, written_bytes;
    uint64_t minor_faults, major_faults;
    uint64_t voluntary, nonvoluntary; /* context switches */
};

enum group_state {
    GROUP_RUNNING,
    GROUP_SLEEPING,
    GROUP_WAITING,
    GROUP_ZOMBIE,
    GROUP_OTHER,
    GROUP_STATES
};

struct group {
    struct match match;
    /* Since the start: */
    struct counts counts; /* of those that have gone too */
    uint64_t starts, exits[EXIT_REASONS];
    /* Of this pass: */
    uint64_t processes, threads, descriptors;
    uint64_t resident_bytes, virtual_bytes, swapped_bytes;
    uint64_t states[GROUP_STATES];
    double worst_descriptors;      /* open, of those that may be open */
    uint64_t living;               /* that are no zombies; the rest is theirs */
    uint64_t oldest_s, youngest_s; /* starts, Unix time */
    uint64_t largest_bytes;        /* resident */
    bool has_busiest;              /* one is known from the pass before */
    double busiest;                /* cores */
};

void group_begin(struct group *g); /* a pass */
/* Adds what `now` has more than `before`. */
void group_add_counts(struct group *g, const struct counts *now, const struct counts *before);
/* The families of groups[0..n) that belong to `set`. */
void groups_emit(const struct group *groups, size_t n, size_t set, struct host_run *r);

#endif
