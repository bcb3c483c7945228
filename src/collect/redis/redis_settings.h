/* redis_settings: one entry of collect.redis as config reads it.
 *
 * Ownership: the configuration's arena. Threads: immutable once loaded.
 */
#ifndef COLLECT_REDIS_REDIS_SETTINGS_H
#define COLLECT_REDIS_REDIS_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "http/client_settings.h"

#define REDIS_FIRST_MAX 100 /* entries of one queue */

/* A key, or a glob of Redis' for keys, in one database. */
struct redis_key {
    unsigned db;
    const char *name;
};

/* How one gets in; collect.celery uses it too. */
struct redis_access {
    struct client_secret url;                /* as text/redis_url.h; a file is read at each use */
    struct client_secret username, password; /* before those in the URL */
    struct client_tls tls;
};

/* A queue whose first entries are kept for people (first.h). */
struct redis_first {
    struct redis_key key;
    unsigned n; /* 1 to REDIS_FIRST_MAX */
};

struct redis_settings {
    struct redis_access access;
    const struct redis_key *keys;     /* [keys_n] sizes are asked for */
    const struct redis_key *patterns; /* [patterns_n] keys are counted */
    const struct redis_first *first;  /* [first_n] */
    size_t keys_n, patterns_n, first_n;
    bool commandstats, latency;
};

#endif
