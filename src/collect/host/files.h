/* files: reads the small files of /proc and /sys, again and again, cheaply.
 *
 * files_read keeps the file open and reads it from offset 0 each time, which makes the kernel write
 * it anew without the cost of a path walk. files_read_at opens, reads and closes: for attributes of
 * devices that come and go (as many as a thousand, so they must not hold descriptors).
 *
 * What was read lies in one buffer: valid until the next read.
 *
 * Errors: an enum, since a missing file is no error here. FILES_FAILED leaves errno in files_errno.
 * Threads: one at a time.
 */
#ifndef COLLECT_HOST_FILES_H
#define COLLECT_HOST_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct arena;
struct err;
struct files;

enum files_root { FILES_PROC, FILES_SYS, FILES_ROOT, FILES_ROOTS };

enum files_result {
    FILES_READ,
    FILES_ABSENT, /* no such file or device, or the kernel has it switched off */
    FILES_FAILED, /* it is there and cannot be read */
};

#define FILES_BYTES_MAX (8u << 20) /* of one file; larger ones are FILES_FAILED with EFBIG */

MUST_USE int files_new(const char *proc, const char *sys, const char *root, struct files **out,
                       struct err *err);
void files_free(struct files *f); /* NULL is fine */
/* Nothing is kept open: files may go and come again under the same name, as in /proc they do not.
 */
void files_open_anew(struct files *f);

/* `path` is a literal, relative to the root. */
enum files_result files_read(struct files *f, enum files_root root, const char *path,
                             struct str *out);
/* Relative to a directory of files_dir or files_open_dir. */
enum files_result files_read_at(struct files *f, int dir, const char *path, struct str *out);
/* When it was changed last, unix seconds; false: it is not there. */
bool files_mtime(int dir, const char *path, double *out);
int files_errno(const struct files *f);

/* A directory, kept open; -1 when it is not there. `path` is a literal. */
int files_dir(struct files *f, enum files_root root, const char *path);
int files_root_dir(const struct files *f, enum files_root root);
/* A directory below another; -1 when it is not there. The caller closes it. */
int files_open_dir(int dir, const char *path);

struct files_entry {
    const char *name;
    uint64_t inode;
    bool regular; /* a plain file, not a link or folder */
};
/* Names in `dir` but for . and .., in the kernel's order; copied into `a`. */
MUST_USE int files_list(struct files *f, int dir, struct arena *a, struct files_entry **out,
                        size_t *n, struct err *err);

/* The absolute path of an open directory, links resolved; empty when it cannot be told. */
struct str files_real_path(int dir, char *out, size_t size);

/* Where a root was opened, for messages. */
const char *files_root_path(const struct files *f, enum files_root root);

#endif
