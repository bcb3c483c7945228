/* look: what runs on a far machine, asked of its shell once: who listens, which processes there
 * are, what they have open. Here it becomes a tree that is read like the /proc of this machine.
 *
 * Nothing is written there, and nothing started but sh, grep and ls.
 *
 * Threads: one at a time.
 */
#ifndef COLLECT_SSH_LOOK_H
#define COLLECT_SSH_LOOK_H

#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"
#include "sys/ask.h"

struct err;
struct tree;

struct look {
    struct ask ask; /* first */
    struct buf answer;
};

/* `shell_path`: a way to VIA_SHELL. Then ask_all. */
MUST_USE int look_init(struct look *l, const char *shell_path, int64_t wait_ms, struct err *err);
/* What came of it. Errors: it did not come whole. */
MUST_USE int look_tree(const struct look *l, struct tree **out, struct err *err);
void look_fini(struct look *l);

#endif
