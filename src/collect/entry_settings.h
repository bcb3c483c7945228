/* entry_settings: one entry of a list under `collect` (collect.redis, collect.json ...): what all
 * kinds have in common, and a pointer to what is the kind's own.
 *
 * config reads it (config/entry.c for the common part, config/<kind>.c for its own), cli makes one
 * target of it (cli/serve_entries.c).
 *
 * Ownership: everything lives in the configuration's arena. Threads: immutable once loaded.
 */
#ifndef COLLECT_ENTRY_SETTINGS_H
#define COLLECT_ENTRY_SETTINGS_H

#include "collect/alias_settings.h"
#include "collect/scrape_settings.h"

#define ENTRY_PATH_BYTES 108 /* of a Unix socket's address */

struct entry_settings {
    const char *kind;     /* "redis" */
    const char *name;     /* unique within its kind, pack and host */
    const char *host;     /* behind which of `hosts` it is; NULL: none */
    const char *instance; /* NULL: this machine's host name */
    /* What its collector connects to, host:port as seen from `host`, whatever the instance is
     * called; NULL: nothing, or `url`.
     */
    const char *place;
    const struct labels *labels; /* further ones */
    bool named;                  /* the name is label `name` of all that it brings */
    const char *source;          /* label of all that it brings; NULL: none */
    /* Label of the target's own series, and with `endpoint_on_samples` of all it brings. NULL:
     * none.
     */
    const char *endpoint;
    bool endpoint_on_samples;
    const char *pack; /* which it is of, with its instance; NULL: of none */
    /* Behind a host: a Unix socket that takes the place of its address, as cli finds it before the
     * collector is made; "": none. .s.PGSQL.N in a folder, for libpq. */
    char socket_path[ENTRY_PATH_BYTES];
    const char *url;               /* asked over HTTP by collect; NULL: its collector asks */
    bool may_be_missing;           /* there: HTTP status 404 or 501 is fine */
    const char *method, *body;     /* of that; NULL: GET, none */
    struct metric_aliases aliases; /* of its exposition */
    /* job.name, times, client, metric_relabel, limits.body_bytes and fingerprint are in use. */
    struct scrape_job job;
    const void *own; /* struct <kind>_settings */
};

#endif
