/* config: the files a person writes, as one checked structure. The folder's entry header.
 *
 * Reads earshot.yml (--config) and prometheus.yml (--prometheus-config). All mistakes are reported,
 * not the first, each as file:line:column with a way to mend it. A key that Prometheus knows and
 * earshot does not serve is checked, then becomes a warning with its line.
 *
 * Ownership: everything lives in the config's own arena, freed by config_free.
 * Threads: immutable once loaded.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "collect/entry_settings.h"
#include "collect/host/units_settings.h"
#include "collect/push/push_settings.h"
#include "pack/pack_settings.h"

struct buf;
struct ssh_settings;

struct config_label {
    const char *name, *value;
};

/* collect.host of earshot.yml. */
struct config_host {
    const char *job; /* "node" */
    bool enabled;
    int64_t interval_ms; /* 5 s */
    int64_t top;         /* 10 */
    bool psi;
    struct host_units units;
    const char *textfile_dir;                                               /* NULL: none */
    const char *proc, *sys;                                                 /* "/proc", "/sys" */
    const char *mounts_exclude, *fs_exclude, *disks_exclude, *nets_exclude; /* RE2; NULL: default */
};

struct config {
    const char *listen;
    const char *data;         /* NULL: not given */
    const char *external_url; /* NULL */
    const char **allowed_hosts;
    size_t allowed_hosts_n;
    bool insecure;
    int64_t retention_ms;     /* 0: unlimited */
    uint64_t retention_bytes; /* 0: unlimited */
    /* The same of lines of logs. */
    int64_t logs_retention_ms;
    uint64_t logs_retention_bytes;
    /* The same of events. */
    int64_t events_retention_ms;
    uint64_t events_retention_bytes;
    int64_t exemplars_max; /* 100,000; 0: none is stored */
    struct config_host host;
    struct scrape_job *jobs; /* [jobs_n] of both files */
    size_t jobs_n;
    struct entry_settings *entries; /* [entries_n] of collect.json, collect.redis ... */
    size_t entries_n;
    struct pack_uses packs;
    const char *pack_rules;      /* of all packs in use, filled in: a rule file of Prometheus */
    struct ssh_settings *hosts;  /* [hosts_n] */
    struct config_host *host_of; /* [hosts_n] collect.host of each; not enabled: none */
    size_t hosts_n;
    struct push_settings push;
    struct config_label *external_labels;
    size_t external_labels_n;
    int64_t evaluation_interval_ms;
    const char *prometheus_text; /* without comments, secrets masked */
    struct err *warnings;
    size_t warnings_n;
};

/* Either path may be NULL. `packs` says what the entries of `packs` stand for. On -1 `errors` holds
 * every mistake found ([*errors_n], heap). */
MUST_USE int config_load(const char *earshot_path, const char *prometheus_path,
                         const struct pack_reader *packs, struct config **out, struct err **errors,
                         size_t *errors_n);
void config_free(struct config *c);

/* The mistake as a person sees it: its line, then the line of the file with a caret below. Reads
 * the file again. */
void config_print_error(const struct err *e, struct buf *out);

#endif
