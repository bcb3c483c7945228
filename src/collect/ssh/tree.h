/* tree: files of a far machine in memory (/dev/shm, mode 0700), to be read as if they were its
 * /proc and /sys.
 *
 * A tree is locked by whoever has it; one that nobody has locked was left by a process that was
 * killed, and goes when the next is made. Locks, unlike process numbers, are not given to others
 * later, and mean the same to those who run apart and share the memory (containers).
 *
 * Threads: one at a time. Errors: name the folder.
 */
#ifndef COLLECT_SSH_TREE_H
#define COLLECT_SSH_TREE_H

#include "base/attr.h"
#include "base/str.h"

struct err;
struct tree;

/* With empty folders proc and sys. */
MUST_USE int tree_new(struct tree **out, struct err *err);
void tree_free(struct tree *t); /* NULL is fine */

/* Its root, proc, sys; borrowed. */
const char *tree_folder(const struct tree *t);
const char *tree_proc(const struct tree *t);
const char *tree_sys(const struct tree *t);

/* From here to tree_end, what is put is there; all else goes. */
void tree_begin(struct tree *t);
/* `path` is absolute and was checked: no part of it leads upwards. What cannot be put is left out,
 * and tree_check fails until the next tree_begin. */
void tree_put(struct tree *t, struct str path, struct str content);
void tree_put_folder(struct tree *t, struct str path);
/* A symbolic link, which need not lead anywhere. */
void tree_put_link(struct tree *t, struct str path, struct str target);
void tree_end(struct tree *t);
MUST_USE int tree_check(const struct tree *t, struct err *err);

#endif
