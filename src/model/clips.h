/* clips: the pieces of work that a source saw end, or at work, since it last told of them.
 *
 * So many are kept as may be told in a minute. Of more those stay that say most on a chart: what is
 * at work or was told to be, what failed, and else the longest. A busy source (10,000 short tasks a
 * second) costs a comparison each; what is not kept is counted.
 *
 * Texts are copied, cut to CLIP_TEXT_MAX bytes. Threads: one at a time.
 */
#ifndef MODEL_CLIPS_H
#define MODEL_CLIPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

#define CLIPS_MAX     60
#define CLIP_TEXT_MAX 100u

struct clip;
struct emit;
struct emit_clip;
struct err;

struct clips {
    struct clip *items; /* owned; [n] */
    size_t n, cap;
    size_t least;      /* which of a full house goes first */
    uint64_t left_out; /* since the last emit */
};

/* All zero is a good beginning. */
void clips_fini(struct clips *c);
void clips_add(struct clips *c, const struct emit_clip *clip, bool failed);
/* Tells of all, and begins anew; to an emit that does not keep clips, too. */
MUST_USE int clips_emit(struct clips *c, struct emit *emit, struct err *err);

#endif
