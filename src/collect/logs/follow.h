/* follow: reads what is appended to the files of a path, through whatever rotation does to them.
 *
 * A file is known by device and inode, with a checksum of what stands before its position, so that
 *   - a renamed file is read to its end, and for a minute more, since its program may not have
 *     opened the new one yet
 *   - one that was emptied or written anew is read from its beginning, and what had not been read
 *     of it is taken from the copy that was made of it in the same folder (copytruncate)
 *   - one that was made and renamed again between two looks is found by its name in the folder and
 *     read too; where it is compressed already it is not, but counted
 *   - the copy itself, where the path's pattern takes it in, is not read a second time
 *
 * The position is always the beginning of an entry that has not been told yet: one that may still
 * grow (a traceback) is read again from there, also after a restart.
 *
 * Threads: one at a time. May hang where the files do.
 */
#ifndef COLLECT_LOGS_FOLLOW_H
#define COLLECT_LOGS_FOLLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "collect/logs/source.h"

struct follow;

#define FOLLOW_FILES_MAX 256 /* of one path at once */

struct follow_settings {
    const char *path;           /* glob(7); borrowed, as `begins`; NULL: follow_look_at */
    const struct regex *begins; /* as in splitter.h; NULL: its rules */
    size_t line_max;
    bool from_beginning; /* of the files that are there at the first look */
    bool wrapped;        /* a container's: unwrap.h */
};

struct follow *follow_new(const struct follow_settings *settings);
void follow_free(struct follow *f); /* NULL is fine */
/* Instead of the path: these, borrowed until the next call. */
void follow_look_at(struct follow *f, const char *const paths[], size_t n);
/* Reads what has come. The first pass in which there is a file only takes note of where it begins.
 * ERR_OS, ERR_EVAL: no file can be read, and why; what could be read has been told. */
MUST_USE int follow_read(struct follow *f, const struct source_pass *pass, struct err *err);
struct source_counts follow_counts(const struct follow *f);

/* Members of an object that is open; and from one. */
void follow_write(const struct follow *f, struct json_writer *w);
void follow_load(struct follow *f, const struct json_t *root);

#endif
