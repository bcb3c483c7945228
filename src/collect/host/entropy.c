/* The kernel's random pool. */
#include "collect/host/groups.h"
#include "collect/host/run.h"

void entropy_collect(struct host_run *r)
{
    uint64_t bits;

    if (host_read_u64(r, FILES_PROC, "sys/kernel/random/entropy_avail", &bits))
        host_value(r, METRIC_GAUGE, "node_entropy_available_bits", "Bits of available entropy.",
                   (double)bits);
    if (host_read_u64(r, FILES_PROC, "sys/kernel/random/poolsize", &bits))
        host_value(r, METRIC_GAUGE, "node_entropy_pool_size_bits", "Bits of entropy pool.",
                   (double)bits);
}
