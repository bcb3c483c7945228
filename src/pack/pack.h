/* pack: what earshot knows about services of one kind: how to recognise one, what to collect of it,
 * which rules to judge it by. The folder's entry header.
 *
 * A pack is plain text (packs/<name>/, described in packs/README.md) that is part of the program.
 * packs_load gives all of them as data; packs_expand makes of the `packs` of a configuration what
 * stands under `collect`, packs_rules the rules to judge it by.
 *
 * Ownership: the arena that was given, and texts of the program itself. Threads: any; immutable.
 */
#ifndef PACK_PACK_H
#define PACK_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"
#include "pack/pack_settings.h"

enum pack_type {
    PACK_TEXT,
    PACK_URL, /* with a scheme; a slash at its end is not counted */
    PACK_SECRET,
    PACK_NUMBER,
    PACK_DURATION,
    PACK_SIZE,
    PACK_BOOL,
    PACK_PATH,
    PACK_LOGIN, /* user:password */
    PACK_LOG,   /* a path, or a map: {unit: NAME}, {container: NAME} */
    PACK_TEXTS, /* a list */
    PACK_REGEX, /* RE2; in a regex of a rule it stands as it is */
    PACK_ANY,   /* what the collector takes; it checks */
};

struct pack_parameter {
    const char *name;
    enum pack_type type;
    const struct yaml *value; /* when none is given; NULL: there is none then */
    bool may_be_off;          /* `off` stands for none */
    bool has_file;            /* it may stand in a file: `<name>_file` */
    const char *help;         /* one line */
    /* {ALERT: {LEVEL: FACTOR}}: the thresholds that it sets, as times its value; NULL: none. */
    const struct yaml *tunes;
    const char
        *later; /* what will read it, which this version does not have; NULL: it has effect */
};

/* An answer to GET that tells the service. All that is given must hold. */
struct pack_http {
    uint16_t port; /* 0: any of `ports`, and whatever else is being looked at */
    const char *path;
    int status;        /* 0: 2xx */
    const char *match; /* RE2 found in the body; NULL: anything */
    const char *json;  /* a path (text/json_path.h) that the body has; NULL: anything */
};

/* Signs by which a service is known; each list may be empty. One sign is enough. */
struct pack_recognise {
    bool always;                  /* it is there on every machine */
    const char *const *processes; /* RE2, found anywhere in a command line */
    size_t processes_n;
    const char *const *exes; /* base names of programs */
    size_t exes_n;
    const uint16_t *ports; /* where such a service usually listens: to look at, no sign */
    size_t ports_n;
    const char *const *families; /* how names in its exposition begin */
    size_t families_n;
    const struct pack_http *http;
    size_t http_n;
    const char *const *paths; /* files, sockets, folders; may hold * */
    size_t paths_n;
    const char *const *redis; /* glob patterns of keys in a Redis */
    size_t redis_n;
};

struct pack {
    const char *name;  /* of its folder */
    const char *title; /* "Sound Box" */
    const char *about; /* "music, sound and speech generation" */
    /* The parameter whose URL says where it is; its host:port is the instance. NULL: none. */
    const struct pack_parameter *address;
    const struct pack_parameter *parameters; /* [parameters_n] its own */
    size_t parameters_n;
    struct pack_recognise recognise;
    const struct yaml *collect;  /* with ${name} where parameters go; NULL: nothing */
    const struct yaml *behind;   /* as an entry of `hosts`, likewise: where it is; NULL: here */
    const struct yaml *patterns; /* of its log sources, by name; NULL: none */
    struct str rules;            /* rules.yml as it is; n 0: none */
};

struct packs {
    const struct pack *items; /* [n] by name */
    size_t n;
};

/* All that the program carries. -1: memory, or a pack that is wrong in itself. */
MUST_USE int packs_load(struct arena *a, struct packs *out, struct err *err);
/* NULL: there is none of that name. */
const struct pack *packs_find(const struct packs *packs, struct str name);
const struct pack_parameter *pack_parameter(const struct pack *pack, struct str name);

pack_expand_fn packs_expand;
pack_rules_fn packs_rules;
extern const struct pack_reader packs_reader; /* these two */

#endif
