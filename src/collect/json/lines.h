/* lines: the lines that a file grows by.
 *
 * A file that is there at first is read from its beginning, or, when it is large, from the first
 * line of its last LINES_READ_MAX bytes on; then what is appended. A line counts once it has its
 * newline. A file that was replaced is read to its end before the new one is begun; one that was
 * cut is begun anew. That there is none any more is an error, once all of it was read.
 *
 * Threads: one at a time; it may block (a dead network mount).
 */
#ifndef COLLECT_JSON_LINES_H
#define COLLECT_JSON_LINES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/str.h"

#define LINES_READ_MAX (4u << 20) /* of one call */
#define LINES_LINE_MAX (1u << 20) /* a longer line is left out */

struct err;

struct lines {
    const char *path; /* borrowed */
    int fd;           /* -1: not open */
    dev_t device;
    ino_t inode;
    int64_t offset;    /* of what was read */
    struct buf part;   /* a line that has no end yet */
    bool skips;        /* the line under way is left out: it began before we did, or is too long */
    bool opened;       /* once; what comes later is read from its beginning */
    uint64_t too_long; /* lines left out for that */
};

void lines_init(struct lines *l, const char *path);
void lines_fini(struct lines *l);

/* Calls `line` for each, without its newline; -1 from it is handed on. At most LINES_READ_MAX bytes
 * are read, the rest by the next call. */
MUST_USE int lines_read(struct lines *l, int (*line)(void *arg, struct str text, struct err *err),
                        void *arg, struct err *err);

#endif
