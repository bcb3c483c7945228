/* group_key: the grouping key of a Pushgateway path, /metrics/job/JOB{/LABEL/VALUE}.
 *
 * A name may end in "@base64": then what follows is its value in base64 with the alphabet for URLs
 * (RFC 4648, section 5), the padding left out or not; "=" alone is an empty value. A component is
 * percent-decoded by itself, so that %2F stands for a slash within a value.
 *
 * Two paths with the same labels are one group, in whatever order. The key is one text: names in
 * byte order, "name 0xff value 0xff" each; 0xff is in no UTF-8.
 *
 * Errors: ERR_SYNTAX with words for the sender. Threads: any.
 */
#ifndef COLLECT_PUSH_GROUP_KEY_H
#define COLLECT_PUSH_GROUP_KEY_H

#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"
#include "model/labels.h"

struct arena;
struct err;

struct group_key {
    struct label *labels; /* [n]; by name; values may be empty */
    size_t n;
    struct str text;
};

/* `path` as it came, not decoded, from "/metrics/job" on. The key lives in the arena. */
MUST_USE int group_key_read(struct str path, struct arena *a, struct group_key *out,
                            struct err *err);
/* From a key's text, checked in the same way. */
MUST_USE int group_key_of_text(struct str text, struct arena *a, struct group_key *out,
                               struct err *err);

#endif
