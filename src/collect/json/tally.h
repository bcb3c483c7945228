/* tally: what a metric of collect.json remembers from one answer to the next: the label sets it has
 * had, and the ids it has seen.
 *
 *   tally_begin -> tally_add ... -> tally_end
 *
 * A label set seen once stays, with 0 when nothing is counted under it. Ids:
 *
 *   first seen  an id that is gone is forgotten; what comes back begins anew
 *   once        those of the first answer are known and not counted: when they came is not known.
 *               An id that is gone stays known while there is room
 *
 * The same answer taken twice is counted once. What is past the bounds is refused, not stored.
 *
 * Threads: one at a time.
 */
#ifndef COLLECT_JSON_TALLY_H
#define COLLECT_JSON_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/str.h"

#define TALLY_GROUPS_MAX 1000
#define TALLY_IDS_MAX    100000

enum tally_kind { TALLY_COUNT, TALLY_FIRST_SEEN, TALLY_ONCE };

struct err;
struct labels;

struct tally_group {
    struct labels *labels; /* owned */
    double value;          /* of the answer; TALLY_ONCE: since the start */
};

struct tally {
    enum tally_kind kind;
    struct tally_group *groups; /* owned; [groups_n] in the order they came */
    size_t groups_n, groups_cap;
    struct map ids;
    uint64_t answer; /* number of the one under way */
    bool begun;      /* TALLY_ONCE: an answer has come before this one */
    ts_ms now;
};

void tally_init(struct tally *t, enum tally_kind kind);
void tally_fini(struct tally *t);

void tally_begin(struct tally *t, ts_ms now);
/* Both: false when there is no room for more labels or ids. The labels are there from now on. */
MUST_USE bool tally_note(struct tally *t, const struct labels *labels);
/* One element with these labels. `id`: of TALLY_FIRST_SEEN and TALLY_ONCE. */
MUST_USE bool tally_add(struct tally *t, const struct labels *labels, struct str id);
void tally_end(struct tally *t);

#endif
