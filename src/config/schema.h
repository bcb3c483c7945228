/* schema: which keys a map of a configuration file may have, of which type, and what becomes of
 * each; as tables. The tables are in schema_earshot.c and schema_prometheus.c, with schema_client.c
 * and schema_discovery.c for what several maps of a prometheus.yml share.
 *
 * schema_check walks a tree once and collects every mistake and warning; the readers (job.c,
 * config.c) then take values out without looking at types again.
 */
#ifndef CONFIG_SCHEMA_H
#define CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

#include "text/yaml.h"

enum key_type {
    KEY_ANY, /* not looked at */
    KEY_STR,
    KEY_BOOL,
    KEY_INT, /* >= 0 */
    KEY_NUMBER,
    KEY_DURATION,
    KEY_SIZE,
    KEY_REGEX,
    KEY_URL,      /* http or https, with a host */
    KEY_STRS,     /* list of texts */
    KEY_STR_MAP,  /* map of texts */
    KEY_STRS_MAP, /* map of lists of texts */
    KEY_LABELS,   /* map of label names and values */
    KEY_MAP,      /* of `sub`; without `sub`: any map */
    KEY_MAPS,     /* list of maps of `sub` */
};

enum key_use {
    USE_SERVED,
    USE_SILENT,  /* taken; makes no difference here */
    USE_WARNED,  /* checked, then a warning: `note` says what follows from its absence */
    USE_REFUSED, /* an error, unless it is false or off: `note` says what to do */
};

struct schema;

struct key {
    const char *name;
    enum key_type type;
    enum key_use use;
    const char *note; /* of USE_WARNED and USE_REFUSED */
    const struct schema *sub;
};

struct schema_check {
    struct yaml_errors *errors;
    struct yaml_errors *warnings;
    bool quiet; /* below a key that was warned of already */
};

struct schema {
    const char *what;       /* "scrape_configs": for messages */
    const struct key *keys; /* [n] */
    size_t n;
    const struct schema *also; /* keys that many maps have in common; NULL: none */
    void (*check)(const struct yaml *map, struct schema_check *c); /* what spans keys; NULL: none */
};

/* static const struct schema name_, of the table name_##_keys. */
#define SCHEMA(name_, what_, ...)                                                                  \
    static const struct schema name_ = {                                                           \
        .what = (what_), .keys = name_##_keys, .n = ARRAY_LEN(name_##_keys), __VA_ARGS__}

/* YAML_NULL, a key without a value, is fine: all defaults. */
void schema_check(const struct schema *schema, const struct yaml *node, struct schema_check *c);
/* Is the key known, and an error here? */
bool schema_is_refused(const struct schema *schema, struct str key);

/* True when the key is there with any value but null. */
bool schema_has(const struct yaml *map, const char *key);
/* As schema_has, and it is no empty text: what Prometheus calls given. */
bool schema_gives(const struct yaml *map, const char *key);
/* The key's text, {"", 0} when it is not there. */
struct str schema_text(const struct yaml *map, const char *key);

extern const struct schema schema_prometheus;    /* prometheus.yml */
extern const struct schema schema_scrape_config; /* one entry of scrape_configs */
extern const struct schema schema_earshot;       /* earshot.yml */
/* A file of scrape_config_files. */
extern const struct schema schema_scrape_file;
/* The keys that all HTTP clients have, and those of what finds targets, clients' among them. */
extern const struct schema schema_http_client;
extern const struct schema schema_relabel;
/* What the entries under `collect` have in common; with the keys of HTTP clients. */
extern const struct schema schema_entry, schema_http_entry;
extern const struct schema schema_entry_json, schema_entry_postgres, schema_entry_redis;
extern const struct schema schema_entry_celery, schema_entry_gpu, schema_entry_rabbitmq;
extern const struct schema schema_entry_logs, schema_entry_metrics;
extern const struct schema schema_entry_path, schema_entry_nginx, schema_entry_docker;
extern const struct schema schema_entry_probe;
extern const struct schema schema_collect; /* `collect` of an earshot.yml */
extern const struct schema schema_tls_config;
extern const struct schema schema_entry_process;
extern const struct schema schema_discovery;
extern const struct schema schema_hosts, schema_hosts_collect; /* one entry of hosts */
/* The targets in static_configs of `map`. */
void schema_check_addresses(const struct yaml *map, struct schema_check *c);
/* Reserved and odd names among the keys of the map. */
void schema_check_headers(const struct yaml *headers, struct schema_check *c);

#endif
