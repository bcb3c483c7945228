/* push_impl: the inside that the files of push.h share. */
#ifndef COLLECT_PUSH_PUSH_IMPL_H
#define COLLECT_PUSH_PUSH_IMPL_H

#include <stdatomic.h>

#include "base/arena.h"
#include "collect/push/beacons.h"
#include "collect/push/groups.h"
#include "collect/push/pings.h"
#include "collect/push/push.h"
#include "collect/push/rate.h"

struct push {
    struct push_context context;
    struct budget budget;
    struct push_groups *groups;
    struct pings *pings;
    struct beacons *beacons;
    /* The loop's. */
    const struct push_settings *settings; /* borrowed */
    struct rate ping_rate, beacon_rate;
    struct push_stats stats;
    bool exposed; /* the target runs */
    atomic_llong ttl_ms;
    atomic_ullong expired, saves, save_failures; /* counted by the target */
    /* The target's: what was saved, and that something cannot be. */
    uint64_t saved_groups, saved_pings, saved_beacons;
    bool told_failure;
    size_t under_way;
};

/* Something was pushed: there is something to expose from now on. */
void push_expose(struct push *p);

#endif
