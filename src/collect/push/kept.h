/* kept: a small file that is kept over a restart: written whole by way of another name, and checked
 * when it is read. A line that says what it is, the body, CRC32C of all before it.
 *
 * Threads: one at a time for one name.
 */
#ifndef COLLECT_PUSH_KEPT_H
#define COLLECT_PUSH_KEPT_H

#include "base/attr.h"
#include "base/str.h"

#define KEPT_MAX (1u << 30) /* bytes */

struct err;
struct fs;

struct kept {
    const char *name;  /* "state": also "state.new", "state.damaged" */
    const char *magic; /* its first line, with the newline */
};

/* Begins a file in *bytes; the body goes behind it. */
void kept_begin(const struct kept *k, struct buf *bytes);
MUST_USE int kept_write(const struct kept *k, struct fs *fs, struct buf *bytes, struct err *err);
/* The body, in *bytes; p NULL when there is no such file. */
MUST_USE int kept_read(const struct kept *k, struct fs *fs, struct buf *bytes, struct str *body,
                       struct err *err);
/* Under its name "x.damaged". */
MUST_USE int kept_put_aside(const struct kept *k, struct fs *fs, struct err *err);

#endif
