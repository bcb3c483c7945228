/* serve: the running server. What the files of this command share.
 *
 *   serve.c          flags and configuration into settings; start, and the order of the end
 *   serve_host.c     this host's collectors
 *   serve_entries.c  those of the lists under `collect`
 *   serve_far.c      those of machines behind SSH
 *   serve_reload.c   another configuration while it runs
 *   serve_state.c    events: where they are kept, and those of this process and host
 *   serve_self.c     earshot's own metrics
 */
#ifndef CLI_SERVE_H
#define CLI_SERVE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/api.h"
#include "base/arena.h"
#include "base/attr.h"
#include "collect/collect.h"
#include "collect/host/host.h"
#include "collect/pools.h"
#include "sys/log.h"
#include "sys/loop.h"

struct args;
struct clock;
struct config;
struct config_host;
struct db;
struct err;
struct events;
struct fetcher;
struct fs;
struct http_server;
struct lanes;
struct log;
struct logstore;
struct reload;
struct push;
struct remote_write;
struct self;
struct serve_entries;
struct serve_far;
struct ssh_hosts;
struct serve_packages;
struct state;

#define SERVE_FLAGS_MAX  16
#define SERVE_PATH_BYTES 512

/* A configuration, kept as long as pools use jobs of it. */
struct serve_generation {
    struct pools_owner owner; /* first */
    struct config *config;
};
struct serve_generation *serve_generation_new(struct config *config); /* one reference */

/* This host's targets, as they run. */
struct serve_host {
    struct cycle *cycles[HOST_COLLECTORS];
    size_t n;
};

/* For earshot_config_*. */
struct serve_config_state {
    bool last_reload_successful;
    double last_reload_seconds; /* when it was loaded, Unix time */
};

/* What happened, and where it is kept. */
struct serve_state {
    struct state *state;
    struct events *events;
    struct serve_packages *packages; /* owned: looks for changes of packages */
};

struct serve {
    const struct args *args;
    /* What the listener was made of: a key that a reload cannot change is compared with it. */
    struct serve_generation *first;
    struct serve_generation *generation; /* in use */
    struct config *config;               /* of generation */
    struct log_writer log;
    struct budget budget; /* process-wide */
    const struct clock *clock;
    struct loop *loop;
    struct lanes *lanes;
    struct db *db;
    struct logstore *lines;
    struct serve_state state;
    struct fetcher *fetcher;
    struct collect *collect;
    struct serve_host host;
    struct ssh_hosts *hosts;
    struct serve_far *far;
    struct serve_entries *entries;
    struct pools *pools;
    struct self *self;
    struct serve_config_state config_state;
    struct remote_write *write;
    struct push *push;
    struct http_server *server;
    struct api *api;
    struct reload *reload;
    _Atomic(struct api *) committed; /* whom the writer tells; set once the api is there */
    bool ending;
    atomic_bool exhausted; /* memory is: all arenas refuse, which ends all queries */
    struct loop_message relax;
    struct loop_timer *relaxed;
    unsigned features;
    int64_t late_window_ms;
    char listen[128], data[SERVE_PATH_BYTES], host_name[256];
    char config_files[2 * SERVE_PATH_BYTES]; /* what a reload reads, for people */
    char own_file[SERVE_PATH_BYTES];         /* the earshot.yml that is ours to add to; "": none */
    struct api_flag flags[SERVE_FLAGS_MAX];
    size_t flags_n;
};

/* Where data are kept unless somebody says where. */
MUST_USE int serve_default_data(char out[SERVE_PATH_BYTES], struct err *err);
/* The earshot.yml to be read: that of --config, or, without any file among the flags, the one of
 * the data directory if there is one by now. NULL: none. */
const char *serve_config_path(const struct serve *s);
/* --retention beats the file. */
MUST_USE int serve_override(const struct args *args, struct config *config, struct err *err);
void serve_log_warnings(struct serve *s);
/* Where it listens, also when the port was left to the kernel. */
void serve_address(const struct serve *s, char out[160]);

/* The collectors of this host, which check its settings; any thread. */
MUST_USE int serve_make_host(const struct config_host *settings, const struct clock *clock,
                             struct log *log, struct collector out[HOST_COLLECTORS],
                             struct err *err);
/* Takes the collectors over, also when it fails. `host_name` is `instance` of their series. */
MUST_USE int serve_add_host(struct collect *collect, const struct config_host *settings,
                            const char *host_name,
                            const struct collector collectors[HOST_COLLECTORS],
                            struct serve_host *out, struct err *err);
/* Their series become stale after `wait_ms`, unless they go on in targets that are added. */
void serve_remove_host(struct collect *collect, struct serve_host *host, int64_t wait_ms);
void serve_free_collectors(const struct collector collectors[HOST_COLLECTORS]);
bool serve_is_same_host(const struct config_host *a, const struct config_host *b);

/* The database of events; its thread begins with the first. After open_store, whose folder it is
 * in.
 */
void serve_open_state(struct serve *s, struct fs *fs);
/* All events told are stored before it returns. */
void serve_close_state(struct serve *s);
/* From here on changes of this host's packages are events. On the loop. */
void serve_watch_packages(struct serve *s);
void serve_stop_watching(struct serve *s);
/* Something happened to earshot itself. */
void serve_tell(struct serve *s, const char *kind, const char *text);

struct reload *serve_new_reload(struct serve *s);

/* Own metrics with the sections of the stores and the configuration; all are borrowed. */
struct self *serve_new_self(struct db *db, struct logstore *lines,
                            struct serve_config_state *config);
void serve_add_state(struct self *self, struct serve_state *state);
void serve_add_api(struct self *self, struct api *api);
/* Stores them under job "earshot". */
MUST_USE int serve_add_self(struct collect *collect, struct self *self, const char *instance,
                            struct err *err);

#endif
