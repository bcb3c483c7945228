/* dns: names looked up in the DNS itself (c-ares), with records that getaddrinfo does not know.
 *
 * Blocks up to the deadline: call it on a lane that may wait (LANE_SLOW). The search list of
 * /etc/resolv.conf is followed, /etc/hosts is not read. Threads: any.
 */
#ifndef SYS_DNS_H
#define SYS_DNS_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct arena;
struct err;

enum dns_type { DNS_SRV, DNS_A, DNS_AAAA, DNS_MX, DNS_NS, DNS_TYPES };

struct dns_record {
    const char *target; /* an address for A and AAAA; else a name, without the dot at its end */
    uint16_t port;      /* of SRV, else 0 */
};

/* *n 0: the name has no such record, or does not exist. -1: no server has said so or otherwise.
 * `servers`: "127.0.0.1:5353,[::1]:53" instead of the system's; NULL: the system's. */
MUST_USE int dns_lookup(const char *servers, const char *name, enum dns_type type,
                        int64_t timeout_ms, struct arena *a, const struct dns_record **out,
                        size_t *n, struct err *err);

#endif
