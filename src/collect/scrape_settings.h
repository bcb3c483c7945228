/* scrape_settings: one scrape job, as `scrape_configs` of a prometheus.yml has it.
 *
 * config reads it, collect runs it: a job's discovery brings label sets (`struct target_group`),
 * target_make.h turns each into a target, pool.h keeps the targets of the job in step.
 *
 * Ownership: everything lives in the configuration's arena, which outlives the pool that runs it.
 * Threads: immutable once loaded.
 */
#ifndef COLLECT_SCRAPE_SETTINGS_H
#define COLLECT_SCRAPE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/relabel.h"
#include "sys/dns.h"

struct client_settings; /* http/client_settings.h */
struct labels;

struct scrape_param {
    struct str name, value;
};

/* 0: no limit. More than the limit fails the scrape whole, as in Prometheus. */
struct scrape_limits {
    uint64_t samples; /* after metric relabelling */
    uint64_t labels;  /* of a series */
    uint64_t label_name_bytes, label_value_bytes;
    uint64_t targets;    /* after relabelling: all of the job go down */
    uint64_t body_bytes; /* decoded; never more than 128 MB */
    /* Of a target, that the store has until it cuts its head. It alone fails nothing: series past
     * it are refused, those that are there go on. Of our own collectors alone. */
    uint64_t series;
};

/* Targets that came from one place together: an entry of static_configs, of a file, of an answer.
 */
struct target_group {
    const char *source;                  /* unique within its discovery */
    const struct labels *const *targets; /* [targets_n] __address__ and what belongs to one */
    size_t targets_n;
    const struct labels *labels; /* of all of them; a target's own win */
};

struct file_discovery {
    const char *const *globs; /* '*' only in the last part */
    size_t globs_n;
    int64_t refresh_ms; /* 5m; changes are noticed at once besides */
};

struct http_discovery {
    const char *url;
    const char *shown_url; /* without a password: what labels and messages say */
    int64_t refresh_ms;    /* 1m */
    const struct client_settings *client;
};

struct dns_discovery {
    const char *const *names;
    size_t names_n;
    enum dns_type type;
    uint16_t port;
    int64_t refresh_ms; /* 30s */
};

struct scrape_job {
    const char *name;
    const char *host; /* behind which of `hosts` its targets are; NULL: none */
    int64_t interval_ms, timeout_ms;
    const char *scheme, *metrics_path;
    const struct scrape_param *params; /* [params_n] sorted by name, values of one name in order */
    size_t params_n;
    bool honor_labels, honor_timestamps;
    bool legacy_names;                    /* names with more than [a-zA-Z0-9_:] fail the scrape */
    const struct client_settings *client; /* never NULL; redirects among it */
    struct relabel_rules relabel, metric_relabel;
    struct scrape_limits limits;
    uint64_t keep_dropped_targets; /* 0: all are kept for the API */

    const struct target_group *static_groups;
    size_t static_groups_n;
    const struct file_discovery *files;
    size_t files_n;
    const struct http_discovery *https;
    size_t https_n;
    const struct dns_discovery *dnss;
    size_t dnss_n;

    /* Over everything above as it was written: an unchanged job is left alone by a reload. */
    uint64_t fingerprint;
};

#endif
