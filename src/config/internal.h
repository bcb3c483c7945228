/* internal: what the files of this folder share. */
#ifndef CONFIG_INTERNAL_H
#define CONFIG_INTERNAL_H

#include "base/arena.h"
#include "base/err.h"
#include "config/config.h"
#include "http/client_settings.h"
#include "text/yaml.h"

struct entry_settings;
struct map;
struct pack_use;
struct entry_source;
struct process_groups;
struct rabbitmq_settings;
struct redis_url;
struct zone;

/* A config while it is being loaded, with the arena that it lives in. */
struct config_builder {
    struct config *config;
    struct arena *arena;
    struct yaml_errors errors, warnings;
    size_t jobs_cap, entries_cap;
    struct map *jobs;                /* by name, over all files: given twice is a mistake */
    const char *host;                /* behind which of hosts what is read is; NULL: none */
    const struct pack_reader *packs; /* what the entries of `packs` stand for; NULL: nothing */
    struct pack_use *uses;           /* [uses_n] of all machines */
    size_t uses_n, uses_cap;
    const char *const *reserves; /* [reserves_n] of collect.gpu */
    size_t reserves_n;
    const struct pack_use *use;   /* whose entries are being read; NULL: a person's own */
    struct entry_source *sources; /* [sources_n] what is asked, and by whom */
    size_t sources_n, sources_cap;
    struct process_groups *process_groups; /* of collect.process, or of b->use; NULL: none yet */
    bool failed;                           /* the arena's budget; `err` says so */
    struct err err;
};

/* Copies live in the arena; without memory they set b->failed, and texts are "". */
const char *builder_copy(struct config_builder *b, struct str s);
void *builder_array(struct config_builder *b, size_t n, size_t size); /* NULL: b->failed */
/* The key's text; `otherwise`, not copied, when it is not there or empty. */
const char *builder_text(struct config_builder *b, const struct yaml *map, const char *key,
                         const char *otherwise);
/* Of the file that the node is in, "" or with a slash at its end; borrowed. */
struct str builder_folder(const struct yaml *at);
/* The node's text as a path: relative ones begin at the file's folder. */
const char *builder_path(struct config_builder *b, const struct yaml *node);
/* The key `method`, of a request; servers tell capital letters from small ones. */
const char *builder_method(struct config_builder *b, const struct yaml *map, const char *otherwise);
/* The zone of times that name none: `host` (NULL, also when the node is), UTC or a name of the tz
 * database. */
const struct zone *builder_zone(struct config_builder *b, const struct yaml *node);
/* The node's text as it is. */
const char *builder_item(struct config_builder *b, const struct yaml *node);
/* Each entry of a list by `copy`; *n 0 when it is none. */
const char *const *builder_texts(struct config_builder *b, const struct yaml *list,
                                 const char *(*copy)(struct config_builder *b,
                                                     const struct yaml *node),
                                 size_t *n);

/* What global says for all jobs of a file. */
struct job_defaults {
    int64_t interval_ms, timeout_ms; /* 1m, 10s */
    struct scrape_limits limits;
    uint64_t keep_dropped_targets;
    bool legacy_names;
};

/* Adds one entry of scrape_configs, which schema_check has seen. Mistakes go to b->errors. */
void job_read(struct config_builder *b, const struct yaml *job, const struct job_defaults *global);
/* Reads intervals and limits of `map` over the defaults in *d. */
void job_read_defaults(struct config_builder *b, const struct yaml *map, const char *what,
                       struct job_defaults *d);
/* Parts that other readers use too. */
void job_read_rules(struct config_builder *b, const struct yaml *list, bool legacy_names,
                    struct relabel_rules *out);
const struct labels *job_read_labels(struct config_builder *b, const struct yaml *map);
uint64_t job_hash_tree(uint64_t hash, const struct yaml *node);
/* Frees what does not live in the arena: compiled expressions. */
void job_fini(const struct scrape_job *job);

/* `x` or `x_file`; a path begins at the file's folder. */
struct client_secret client_read_secret_of(struct config_builder *b, const struct yaml *map,
                                           const char *key, const char *key_file);
struct client_tls client_read_tls(struct config_builder *b, const struct yaml *map);

/* The kinds of entries: each reads its own keys and fills name, instance and url of the entry.
 * Returns the kind's settings; NULL: b->failed. */
const void *entry_read_redis(struct config_builder *b, const struct yaml *node,
                             struct entry_settings *entry);
const void *entry_read_celery(struct config_builder *b, const struct yaml *node,
                              struct entry_settings *entry);
/* Where a Celery keeps its results: struct redis_settings. NULL: it was not said, or b->failed. */
const void *entry_celery_results(struct config_builder *b, const struct yaml *node,
                                 const char **place);
/* Where the Flower beside a Celery is scraped; NULL: there is none, or b->failed. */
const char *entry_flower_url(struct config_builder *b, const struct yaml *node);
const void *entry_read_rabbitmq(struct config_builder *b, const struct yaml *node,
                                struct entry_settings *entry);
/* The i-th target beside that of `entry`: its settings, and its URL in *url. NULL: no more. */
const void *entry_rabbitmq_beside(struct config_builder *b, const struct yaml *node,
                                  const struct entry_settings *entry, size_t i, const char **url);
/* A broker of collect.celery that is asked by its management API, http://... */
const struct rabbitmq_settings *entry_celery_amqp(struct config_builder *b, struct str broker,
                                                  const char *const *queues, size_t queues_n,
                                                  struct entry_settings *entry);
/* The URL of a Redis as it is now: names and databases come from it. False: it was told why. */
bool entry_read_redis_url(struct config_builder *b, const struct yaml *node, const char *key_file,
                          const struct client_secret *from, struct redis_url *out);

/* The entries under `collect` but scrape and host, which schema_check has seen: those of the pack
 * b->use, or a person's own. What is one a machine is read apart. */
void entries_read(struct config_builder *b, const struct yaml *collect);
/* collect.gpu; `map` NULL: with all its defaults. */
void entries_read_gpu(struct config_builder *b, const struct yaml *map);
/* After all of them: gives collect.gpu the groups of processes of this machine. */
void entries_share_groups(struct config_builder *b);
/* Remembers that the entry asks there; `place` NULL: nowhere that another could ask. */
void entries_note_source(struct config_builder *b, const struct yaml *node,
                         const struct entry_settings *entry, const char *place);
/* After all of them: what a pack asks is asked by nobody else. */
void entries_check_sources(struct config_builder *b);

/* What the entries of `packs` stand for, checked; into config->packs. */
void used_packs_find(struct config_builder *b, const struct yaml *packs);
/* The map of collect.host or collect.gpu, of which there is one for the machine: the person's, or
 * that of a pack. NULL: nobody wants it. */
const struct yaml *used_packs_machine_map(struct config_builder *b, const struct yaml *collect,
                                          const char *key);
void used_packs_read(struct config_builder *b);
/* A pack whose rules are wanted, behind `host`, or NULL: on this machine. */
void used_packs_note(struct config_builder *b, const struct pack_use *use, const char *host);
/* Those of a server without any file. */
void used_packs_defaults(struct config_builder *b);
/* After all of them: their rules; into config->pack_rules. `watch`: those over earshot too. */
void used_packs_rules(struct config_builder *b, bool watch);
/* Mistakes from errors[before] on that stand in the pack's own text follow from what a person asked
 * of it, and are told where it is asked for. */
void used_packs_relocate(struct config_builder *b, size_t before, const struct pack_use *use);
/* collect.push and beacon over their defaults; NULL: those. */
void push_read(struct config_builder *b, const struct yaml *push, const struct yaml *beacon);
/* Settings of one entry: struct <kind>_settings. NULL: b->failed. */
const void *entry_read_gpu(struct config_builder *b, const struct yaml *node,
                           struct entry_settings *entry);
const void *entry_read_json(struct config_builder *b, const struct yaml *node,
                            struct entry_settings *entry);
const void *entry_read_docker(struct config_builder *b, const struct yaml *node,
                              struct entry_settings *entry);
const void *entry_read_path(struct config_builder *b, const struct yaml *node,
                            struct entry_settings *entry);
/* Of any kind that has no more than a URL. */
const void *entry_read_metrics(struct config_builder *b, const struct yaml *node,
                               struct entry_settings *entry);
/* `given`, or its /metrics where it names no path. NULL: b->failed. */
const char *entry_exposition_url(struct config_builder *b, const char *given);
/* host:port of a URL. */
const char *entry_instance_of(struct config_builder *b, struct str url);
const void *entry_read_probe(struct config_builder *b, const struct yaml *node,
                             struct entry_settings *entry);
const void *entry_read_logs(struct config_builder *b, const struct yaml *node,
                            struct entry_settings *entry);
/* What a kind has of its own; name and instance are set where the kind knows them. */
const void *entry_read_postgres(struct config_builder *b, const struct yaml *node,
                                struct entry_settings *entry);
const void *entry_read_process(struct config_builder *b, const struct yaml *node,
                               struct entry_settings *entry);
/* True: an earlier entry's target is this one's too. */
bool entry_join_process(struct config_builder *b, const struct yaml *node,
                        struct entry_settings *entry);

/* The entries of `hosts`, with what is collected there. */
void hosts_read(struct config_builder *b, const struct yaml *list);
/* Is this entry the one of that name? */
bool hosts_is_called(const struct yaml *entry, const char *name);
/* collect.host. */
void config_read_host(struct config_builder *b, const struct yaml *map, struct config_host *h);
/* collect.scrape. */
void config_read_jobs(struct config_builder *b, const struct yaml *list);

/* Where the targets of a job are found, but for static_configs. */
void discovery_read(struct config_builder *b, const struct yaml *node, struct scrape_job *job);
/* How the peers of a job or of a discovery are asked. NULL: b->failed. */
const struct client_settings *client_read(struct config_builder *b, const struct yaml *map);

/* The URL with its password as <secret>. NULL when memory ran out. */
const char *mask_url(struct arena *a, struct str url, struct err *err);
/* False: the line of a file seems to hold a password. */
bool mask_may_be_shown(struct str line);
/* The tree as YAML again, without comments, secrets as <secret>. NULL when memory ran out. */
const char *mask_print(struct arena *a, const struct yaml *root, struct err *err);

#endif
