/* relabel: rules that rewrite or drop a label set, as Prometheus' relabel_config
 * (https://prometheus.io/docs/prometheus/latest/configuration/configuration/#relabel_config).
 *
 * Rules run in order over one label set; the first that drops it ends the run. Regular expressions
 * are RE2, anchored at both ends; replacements take $1, ${1}, ${name} and $$ as Go's regexp.Expand.
 *
 * Ownership: rules live in the arena of the configuration they were read into, except the compiled
 * expressions (relabel_fini). Threads: immutable once made; any may run them.
 */
#ifndef MODEL_RELABEL_H
#define MODEL_RELABEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct arena;
struct err;
struct labels;
struct regex;

enum relabel_action {
    RELABEL_REPLACE,
    RELABEL_KEEP,
    RELABEL_DROP,
    RELABEL_KEEPEQUAL,
    RELABEL_DROPEQUAL,
    RELABEL_HASHMOD, /* of the MD5 of the source value: its last 8 bytes, big endian */
    RELABEL_LABELMAP,
    RELABEL_LABELDROP,
    RELABEL_LABELKEEP,
    RELABEL_LOWERCASE,
    RELABEL_UPPERCASE,
    RELABEL_ACTIONS,
};

extern const char *const relabel_action_names[RELABEL_ACTIONS]; /* "replace", ... */

struct relabel_rule {
    enum relabel_action action;
    const struct str *source; /* [source_n] label names */
    size_t source_n;
    struct str separator, target, replacement;
    struct regex *regex; /* owned; anchored */
    uint64_t modulus;
    bool utf8_names; /* any UTF-8 is a label name; else [a-zA-Z_][a-zA-Z0-9_]* */
};

struct relabel_rules {
    const struct relabel_rule *items; /* [n]; n 0: every label set stays as it is */
    size_t n;
};

/* Case does not matter, as in Prometheus. -1: no such action. */
int relabel_action_parse(struct str word, enum relabel_action *out);

/* A rule as written. Texts with p NULL were not given: the separator is then ";", the regex "(.*)",
 * the replacement "$1". They are borrowed by the rule for as long as it lives. */
struct relabel_given {
    enum relabel_action action;
    bool has_source;
    const struct str *source; /* [source_n] */
    size_t source_n;
    struct str separator, target, replacement, regex;
    uint64_t modulus;
    bool utf8_names;
};
/* Refuses what Prometheus refuses (no target_label, hashmod without modulus, a key that the action
 * does not take ...) with ERR_SYNTAX; *key is the key to blame, NULL: the rule as a whole. */
MUST_USE int relabel_init(struct relabel_rule *rule, const struct relabel_given *given,
                          const char **key, struct err *err);
void relabel_fini(struct relabel_rule *rule); /* zeroed is fine */

/* *kept false: dropped, and *out is untouched. The result is `in` itself when nothing changed, else
 * it lives in `a`. ERR_EVAL: a labelmap gives a label without a name. ERR_LIMIT: the result is too
 * large (labels.h, or 1,024 labels added). */
MUST_USE int relabel_apply(const struct relabel_rules *rules, struct arena *a,
                           const struct labels *in, bool *kept, const struct labels **out,
                           struct err *err);

#endif
