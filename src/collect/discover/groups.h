/* groups: what a discovery has found in one place, as a list of target groups; and the reader of
 * the texts that say it: [{"targets": ["a:1"], "labels": {"k": "v"}}, ...], in JSON or YAML.
 *
 * Reading is strict, as Prometheus': a key that is neither of the two, a target that is no text, or
 * a label whose name is none refuses the whole text.
 *
 * Ownership: a list owns all it holds. Threads: one at a time while it is filled, then any may
 * read it; references are counted on the loop.
 */
#ifndef COLLECT_DISCOVER_GROUPS_H
#define COLLECT_DISCOVER_GROUPS_H

#include <stddef.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/str.h"
#include "collect/scrape_settings.h"
#include "model/labels.h"

struct err;

struct target_groups {
    struct budget budget;
    struct arena arena;
    struct target_group *items; /* [n] */
    size_t n, cap;
    unsigned refs;
};

#define TARGET_GROUPS_BYTES_MAX (64u << 20) /* of a text */

/* `parent`: what its memory is charged to besides. */
MUST_USE struct target_groups *target_groups_new(struct budget *parent);
struct target_groups *target_groups_ref(struct target_groups *g);
void target_groups_unref(struct target_groups *g); /* NULL is fine */

/* What is said of each group: where it is from. A label that the group gives itself is replaced. */
struct target_groups_origin {
    const char *source; /* the groups' sources are "source:0", "source:1" ... */
    struct label label; /* __meta_url and the like */
};
MUST_USE int target_groups_read_json(struct target_groups *g, struct str text,
                                     const struct target_groups_origin *origin, struct err *err);
/* `file` is for messages, as text/yaml.h. */
MUST_USE int target_groups_read_yaml(struct target_groups *g, struct str text, const char *file,
                                     const struct target_groups_origin *origin, struct err *err);
/* A group of one target with these labels; the group itself has none. Texts are copied. */
MUST_USE int target_groups_add(struct target_groups *g, const char *source, struct label labels[],
                               size_t n, struct err *err);

#endif
