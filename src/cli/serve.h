/* serve: the running server. What the files of this command share.
 *
 *   serve.c          flags and configuration into settings; start, and the order of the end
 *   serve_host.c     this host's collectors
 *   serve_self.c     earshot's own metrics
 */
#ifndef CLI_SERVE_H
#define CLI_SERVE_H

#include <stdbool.h>

#include "base/attr.h"
#include "collect/pools.h"

struct clock;
struct collect;
struct config;
struct db;
struct err;
struct log;
struct api;
struct self;

/* A configuration, kept as long as pools use jobs of it. */
struct serve_generation {
    struct pools_owner owner; /* first */
    struct config *config;
};
struct serve_generation *serve_generation_new(struct config *config); /* one reference */

/* Adds this host, if it is to be collected. `host_name` is `instance` of its series. */
MUST_USE int serve_add_host(struct collect *collect, const struct config *config,
                            const char *host_name, const struct clock *clock, struct log *log,
                            struct err *err);

/* For earshot_config_*. */
struct serve_config_state {
    bool last_reload_successful;
    double last_reload_seconds; /* when it was loaded, Unix time */
};

/* Own metrics with the sections of store and configuration; both are borrowed. */
struct self *serve_new_self(struct db *db, struct serve_config_state *config);
void serve_add_api(struct self *self, struct api *api);
/* Stores them under job "earshot". */
MUST_USE int serve_add_self(struct collect *collect, struct self *self, const char *instance,
                            struct err *err);

#endif
