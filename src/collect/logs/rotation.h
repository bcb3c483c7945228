/* rotation: what became of a log file, found in its folder.
 *
 * Threads: none of its own. May hang where the folder does.
 */
#ifndef COLLECT_LOGS_ROTATION_H
#define COLLECT_LOGS_ROTATION_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct follow_file;

/* Both open it; -1: it is not there. */
int rotation_find_itself(const struct follow_file *file, struct stat *st);
/* x.log-20250304, x.log.1 of x.log, with all that it had before its position. */
int rotation_find_copy(const struct follow_file *file, char found[PATH_MAX], struct stat *st);

/* Where in `fd`, a file that was written anew with all it had (rsync) or cut at its beginning
 * (tail -n 1000 x >y; cat y >x, or mv), that stands which was read of `file` last; 0: nowhere, or
 * it cannot be told. */
uint64_t rotation_find_kept(const struct follow_file *file, int fd);

/* A copy of `of` may be called so: x.log.1, x.log.bak, x-20250304.log of x.log. */
bool rotation_is_copy_name(const char *path, const char *of);

/* By its name it is compressed: no lines are in it. */
bool rotation_is_packed(const char *path);

/* A file that took the name of `file` after it, and lost it again. */
struct rotated {
    char *path; /* owned */
    int64_t changed_ns;
};

/* What was rotated after `file`, oldest first, and how many of them are compressed, which are not
 * read. `knows` tells which are known already; `made`: only what was made after it was written, as
 * a copy is and a file that got another name is not. An empty one may still be being made. */
size_t rotation_find_later(const struct follow_file *file, bool made,
                           bool (*knows)(const void *arg, const struct stat *st), const void *arg,
                           struct rotated **out, uint64_t *compressed);
void rotation_free(struct rotated *list, size_t n);

#endif
