/* families: what was last said of each metric family, so that the store hears of it once.
 *
 * Targets and senders repeat type and help with every scrape. Kept are two hashes a family and its
 * type, nothing of the text.
 *
 * Threads: none of its own.
 */
#ifndef COLLECT_FAMILIES_H
#define COLLECT_FAMILIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "model/metadata.h"

/* Families kept; past it all are forgotten and told again. */
#define FAMILIES_MAX (1u << 16)

struct families {
    struct family_entry *entries; /* owned; [cap], a power of two */
    size_t n, cap;
    bool changed; /* another thing was said of a known family, or all were forgotten, since the
                   * owner cleared this: what two places say of one may be told in turns */
    /* The family noted last, that was of another type before; both METRIC_UNKNOWN: it was not.
     * Nothing said of a type, or "untyped", is no other type. */
    enum metric_type type_before, type_after;
};

void families_init(struct families *f);
void families_fini(struct families *f);
/* True when it is new or differs from what was noted, and notes it. */
bool families_note(struct families *f, const struct metadata *m);
/* What was noted did not reach the store: all are told again. */
void families_forget(struct families *f);

#endif
