/* info: the text that INFO and CLUSTER INFO answer, read into findings under redis_exporter's
 * names.
 *
 * Lines that nobody has a name for are passed over, and so are lines that do not read as they
 * should: another server or version writes others. Nothing here fails; what grows without bound is
 * stopped by findings.
 *
 * Threads: any.
 */
#ifndef COLLECT_REDIS_INFO_H
#define COLLECT_REDIS_INFO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct findings;

struct info_options {
    bool commandstats, latency;
    int64_t now_s; /* Unix time, for the start of the server */
};

/* What else the cycle needs to know. Views of the text. */
struct info_facts {
    struct str version, role, run_id;
    bool cluster;     /* it is a node of a cluster */
    bool known;       /* it is an answer to INFO at all: it says its version */
    bool db_seen[64]; /* those that have keys */
};

void info_read(struct str text, const struct info_options *options, struct findings *f,
               struct info_facts *out);
/* The answer to CLUSTER INFO: redis_cluster_*. */
void info_read_cluster(struct str text, struct findings *f);

#endif
