/* push_settings: what a person may say of pushes (collect.push and beacon), as config reads it.
 *
 * Ownership: whoever made it; plain data.
 */
#ifndef COLLECT_PUSH_PUSH_SETTINGS_H
#define COLLECT_PUSH_PUSH_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A job that is expected to tell of itself. */
struct push_ping {
    const char *name;
    int64_t every_ms; /* between two successes */
    int64_t grace_ms; /* later than that by so much is late */
};

struct push_settings {
    bool pushgateway;
    int64_t ttl_ms; /* of a group without a push; 0: for ever */
    const struct push_ping *pings;
    size_t pings_n;
    const char *const *sources; /* services that a beacon may name */
    size_t sources_n;
    const char *const *allowed_origins; /* of beacons, besides our own; "*": all */
    size_t allowed_origins_n;
    size_t sessions_max; /* of beacons */
};

#endif
