/* push_impl: the inside that the files of push.h share. */
#ifndef COLLECT_PUSH_PUSH_IMPL_H
#define COLLECT_PUSH_PUSH_IMPL_H

#include <stdatomic.h>

#include "base/arena.h"
#include "collect/push/groups.h"
#include "collect/push/push.h"

struct push {
    struct push_context context;
    struct budget budget;
    struct push_groups *groups;
    struct push_stats stats; /* on the loop */
    bool pushgateway;        /* on the loop */
    bool exposed;            /* on the loop: the target runs */
    atomic_llong ttl_ms;
    atomic_ullong expired, saves, save_failures; /* counted by the target */
    uint64_t saved_version;                      /* the target's */
    bool told_failure;                           /* the target's: that it cannot be saved */
    size_t under_way;
};

/* Something was pushed: there is something to expose from now on. */
void push_expose(struct push *p);

#endif
