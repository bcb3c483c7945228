/* follow: reads what is appended to the files of a path, through whatever rotation does to them.
 *
 * A file is known by device and inode, with a checksum of what stands before its position, so that
 *   - a renamed file is read to its end, and for a minute more, since its program may not have
 *     opened the new one yet
 *   - one that was emptied or written anew is read from its beginning, and what had not been read
 *     of it is taken from the copy that was made of it in the same folder (copytruncate)
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
#include "base/str.h"

struct clock;
struct err;
struct follow;
struct json_t;
struct json_writer;
struct log;
struct regex;

#define FOLLOW_FILES_MAX 256 /* of one path at once */

struct follow_settings {
    const char *path;           /* glob(7); borrowed, as `begins` */
    const struct regex *begins; /* as in splitter.h; NULL: its rules */
    size_t line_max;
    bool from_beginning; /* of the files that are there at the first look */
};

struct follow_pass {
    const struct clock *clock;
    struct log *log;
    int64_t until_ns; /* monotonic: then the rest waits for the next pass */
    void (*entry)(void *arg, struct str text);
    /* All entries told so far stand before the positions that follow_write writes; NULL: nobody
     * asks. Called each quarter of a megabyte. */
    void (*settled)(void *arg);
    void *arg;
};

/* What the passes left out, since the start of the program. */
struct follow_counts {
    uint64_t bytes, cut, lost_files, left_out_files;
};

struct follow *follow_new(const struct follow_settings *settings);
void follow_free(struct follow *f); /* NULL is fine */
/* Reads what has come. The first pass in which there is a file only takes note of where it begins.
 * ERR_OS, ERR_EVAL: no file can be read, and why; what could be read has been told. */
MUST_USE int follow_read(struct follow *f, const struct follow_pass *pass, struct err *err);
struct follow_counts follow_counts(const struct follow *f);

/* Members of an object that is open; and from one. */
void follow_write(const struct follow *f, struct json_writer *w);
void follow_load(struct follow *f, const struct json_t *root);

#endif
