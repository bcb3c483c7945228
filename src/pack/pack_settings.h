/* pack_settings: what the entries of `packs` in an earshot.yml come to: YAML as under `collect`,
 * which config reads like a person's own.
 *
 * Ownership: the arena that was given. Threads: immutable once made.
 */
#ifndef PACK_PACK_SETTINGS_H
#define PACK_PACK_SETTINGS_H

#include <stddef.h>

#include "base/attr.h"

struct arena;
struct bindings;
struct err;
struct yaml;
struct yaml_errors;

/* One pack in use. */
struct pack_use {
    const char *name;              /* "soundbox" */
    const char *instance;          /* of all its series; NULL: each target's own */
    const char *id;                /* tells it from all others: "soundbox 127.0.0.1:5309" */
    const struct yaml *at;         /* where it is asked for */
    const struct yaml *collect;    /* a map, as `collect` of an earshot.yml; NULL: `host` has it */
    const struct yaml *host;       /* a map, as an entry of `hosts`; NULL: reached directly */
    const struct yaml *options;    /* a map: what the person gave by name; NULL: nothing */
    const struct bindings *values; /* of its parameters; NULL: its defaults */
    const char *host_name;         /* behind which of `hosts`, set by who reads them; NULL: here */
};

struct pack_uses {
    struct pack_use *items; /* [n] */
    size_t n;
};

/* What `packs` of a configuration stands for. Mistakes go to `errors`, each with its place; -1 only
 * when memory ran out. */
typedef int pack_expand_fn(struct arena *a, const struct yaml *packs, struct yaml_errors *errors,
                           struct yaml_errors *warnings, struct pack_uses *out, struct err *err);

/* Whose rules, and what they need to know of this machine. */
struct pack_rules_wanted {
    const struct pack_use *uses; /* [n]; a name alone is the pack with its defaults */
    size_t n;
    const char *node_job;        /* what the series of this host have as their job */
    const char *const *reserves; /* [reserves_n] groups that take GPU memory in advance; none: the
                                    usual */
    size_t reserves_n;
    struct yaml_errors *warnings; /* what a person should know, with its place */
};

/* All of them as one rule file of Prometheus, with parameters and tuning in it. -1: memory. */
typedef int pack_rules_fn(struct arena *a, const struct pack_rules_wanted *wanted, const char **out,
                          struct err *err);

/* What config needs of packs. */
struct pack_reader {
    pack_expand_fn *expand;
    pack_rules_fn *rules;
};

#endif
