/* rate: how often an address may send: a bucket of tokens each, filled at a steady rate.
 *
 * A bounded number of addresses is remembered. When there are more, those whose buckets are full
 * again are forgotten, which changes nothing for them; if there is none, a new address is let
 * through without a bucket, rather than that one who has many addresses shuts out all others.
 *
 * Threads: the loop's. The clock is an argument.
 */
#ifndef COLLECT_PUSH_RATE_H
#define COLLECT_PUSH_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "base/str.h"

#define RATE_ADDRESSES_MAX 4096

struct rate {
    double per_second, burst;
    struct map buckets;
};

void rate_init(struct rate *r, double per_second, double burst);
void rate_fini(struct rate *r);
/* Takes one token; false: there is none. */
bool rate_take(struct rate *r, struct str address, int64_t now_ns);

#endif
