/* serve_entries: the entries of the lists under `collect`, as they run: one target each.
 *
 * A reload leaves an entry alone that reads as before; a changed one starts anew and goes on with
 * its series.
 */
#ifndef CLI_SERVE_ENTRIES_H
#define CLI_SERVE_ENTRIES_H

#include <stddef.h>

#include "base/attr.h"

struct clock;
struct collect;
struct collector;
struct config;
struct err;
struct gpu_counts;
struct json_counts;
struct log;
struct logs_shared;
struct pools_owner;
struct redis_firsts;
struct serve_entries;
struct ssh_hosts;

/* What the entries left out, for earshot's own metrics. */
extern struct json_counts serve_json_counts;
extern struct gpu_counts serve_gpu_counts;
/* What stands first in queues, for the API. */
extern struct redis_firsts serve_redis_firsts;
/* With the data directory, which is to be set before any entry runs. */
extern struct logs_shared serve_logs;

/* A collector for each entry of the configuration, [config->entries_n], heap; this checks what only
 * making them can. Any thread. */
MUST_USE int serve_entries_make(const struct config *config, struct ssh_hosts *hosts,
                                const struct clock *clock, struct log *log, struct collector **out,
                                struct err *err);
void serve_entries_discard(struct collector *collectors, size_t n);

MUST_USE struct serve_entries *serve_entries_new(struct collect *collect, const char *host_name);
/* These entries and no others, from here on; takes the collectors over, also when it fails. A
 * reference to the owner is held for each entry that runs. */
MUST_USE int serve_entries_apply(struct serve_entries *s, const struct config *config,
                                 struct collector *collectors, struct pools_owner *owner,
                                 struct err *err);
void serve_entries_free(struct serve_entries *s); /* program end, after lanes_free; NULL is fine */

#endif
