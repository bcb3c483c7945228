/* nginx: its stub_status page under nginx-prometheus-exporter's names. The entry header.
 *
 *   Active connections: 2
 *   server accepts handled requests
 *    12 12 34
 *   Reading: 0 Writing: 1 Waiting: 1
 *
 * Threads: any, one at a time.
 */
#ifndef COLLECT_NGINX_NGINX_H
#define COLLECT_NGINX_NGINX_H

#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct collector;
struct err;

struct nginx_status {
    uint64_t active, accepted, handled, requests, reading, writing, waiting;
};

/* ERR_SYNTAX: it is no such page. */
MUST_USE int nginx_status_parse(struct str body, struct nginx_status *out, struct err *err);

void nginx_collector(struct collector *out);

#endif
