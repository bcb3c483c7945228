/* relabel: rules that rewrite or drop a label set, as Prometheus' relabel_config.
 *
 * Semantics:
 * https://prometheus.io/docs/prometheus/latest/configuration/configuration/#relabel_config Rules
 * run in order over one label set; the first that drops it ends the run. Regular expressions are
 * RE2, anchored at both ends; replacements take $1, ${1}, ${name} and $$.
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
struct label;
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
};

struct relabel_rule {
    enum relabel_action action;
    const struct str *source; /* [source_n] label names */
    size_t source_n;
    struct str separator, target, replacement;
    struct regex *regex; /* owned; anchored */
    uint64_t modulus;
};

struct relabel_rules {
    const struct relabel_rule *items; /* [n]; n 0: every label set stays as it is */
    size_t n;
};

/* "replace" ... in lower case. -1: no such action. */
int relabel_action_parse(struct str word, enum relabel_action *out);
/* Fills in Prometheus' defaults and refuses what Prometheus refuses (a keep without source_labels,
 * hashmod without modulus, a labeldrop with a target ...): ERR_SYNTAX naming the key. `regex` p
 * NULL: "(.*)". Copies nothing: the texts must live as long as the rule. */
struct relabel_given {
    enum relabel_action action;
    const struct str *source;
    size_t source_n;
    bool has_separator, has_replacement;
    struct str separator, target, replacement, regex;
    uint64_t modulus;
    bool utf8_names; /* any UTF-8 is a label name; else [a-zA-Z_][a-zA-Z0-9_]* */
};
MUST_USE int relabel_init(struct relabel_rule *rule, const struct relabel_given *given,
                          struct err *err);
void relabel_fini(struct relabel_rule *rule); /* zeroed is fine */

/* pairs[0..n): unique names, any order, values may be empty. *kept false: dropped, and *out is
 * untouched. The result has no empty values; it lives in `a` (its texts too). */
MUST_USE int relabel_apply(const struct relabel_rules *rules, struct arena *a,
                           const struct label pairs[], size_t n, bool *kept,
                           const struct labels **out, struct err *err);

#endif
