/* push_settings: what a person may say of pushes (collect.push, beacon), as config reads it.
 *
 * Ownership: the configuration's arena. Threads: immutable once loaded.
 */
#ifndef COLLECT_PUSH_PUSH_SETTINGS_H
#define COLLECT_PUSH_PUSH_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text/cron.h"

struct labels;

/* A job that tells when it ran. */
struct ping_settings {
    const char *name;
    int64_t every_ms; /* 0: by cron */
    struct cron cron;
    int64_t grace_ms;
};

/* Who may send browser metrics. */
struct beacon_source {
    const char *name;     /* of a pack in use, or of collect.push.sources */
    const char *instance; /* NULL: this host's name */
    bool named;           /* in collect.push.sources: its counters are there from the start */
    const struct labels *labels; /* of the pack, beside job and instance; NULL: none */
};

struct push_settings {
    bool pushgateway;
    int64_t ttl_ms;                    /* of a group without a push; 0: for ever */
    const struct ping_settings *pings; /* [pings_n] */
    size_t pings_n;
    const struct beacon_source *sources; /* [sources_n], names differ */
    size_t sources_n;
    const char *const *origins; /* [origins_n] of pages; "*": all */
    size_t origins_n;
    size_t sessions_max;
};

#endif
