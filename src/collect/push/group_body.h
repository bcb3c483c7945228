/* group_body: the body of a push, text format 0.0.4, as the families of one group.
 *
 * Each family is kept as text that can be exposed as it is: the labels of the group's key are set
 * in every sample, whatever the body said of them, and `instance` is always there, perhaps empty,
 * so that nobody adds another one. A family never changes once it is made; groups, snapshots and
 * savers share it by reference.
 *
 * push_time_seconds and push_failure_time_seconds of a body are left out: they are the group's own.
 *
 * Errors: ERR_SYNTAX with the place in the body; ERR_LIMIT past the bounds below or the budget.
 * Threads: any; references are counted atomically.
 */
#ifndef COLLECT_PUSH_GROUP_BODY_H
#define COLLECT_PUSH_GROUP_BODY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"
#include "model/metadata.h"

struct arena;
struct budget;
struct err;
struct group_key;

#define GROUP_SERIES_MAX 50000u      /* of one push */
#define GROUP_TEXT_MAX   (32u << 20) /* bytes, with the labels of the key */

#define PUSH_TIME_NAME    "push_time_seconds"
#define PUSH_FAILURE_NAME "push_failure_time_seconds"

struct push_family {
    atomic_uint refs;
    struct budget *budget;
    size_t charged;
    struct str name; /* owned, as all below */
    enum metric_type type;
    struct str text;
    uint64_t *series; /* [series_n] hashes of the label sets; no two alike */
    size_t series_n;
};

struct push_family *push_family_ref(struct push_family *f);
void push_family_unref(struct push_family *f);

struct group_body {
    struct push_family **families; /* [n] in the arena; one reference each */
    size_t n;
    bool has_timestamps; /* a push must not */
};

/* The references are the caller's: group_body_fini. */
MUST_USE int group_body_read(struct str body, const struct group_key *key, struct budget *budget,
                             struct arena *a, struct group_body *out, struct err *err);
void group_body_fini(struct group_body *b);

#endif
