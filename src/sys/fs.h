/* fs: files of the data directory, as an argument, so that a test can fail the n-th call.
 *
 * One `struct fs` stands for one directory; names are relative to it ("wal/3-1.log"). The real one
 * is made by fs_open_dir (which takes the directory's lock), the scripted one is in sys/fs_fault.h.
 *
 * Errors: ERR_OS with the name and the errno; short writes are finished, EINTR retried.
 * Threads: any. One handle: append, truncate and close by one thread at a time; pread, datasync and
 * size by any thread beside them. datasync covers the appends that had returned when it began.
 * close only when no other call on the handle is under way.
 */
#ifndef SYS_FS_H
#define SYS_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct arena;
struct err;
struct fs;
struct fs_file;

struct fs_entry {
    const char *name; /* without the folder */
    uint64_t bytes;
    int64_t mtime_s;
    bool folder;
};

struct fs_space {
    uint64_t total_bytes, free_bytes; /* free to us, not to root */
};

struct fs_ops {
    int (*create)(struct fs *fs, const char *name, struct fs_file **out, struct err *err);
    int (*open_read)(struct fs *fs, const char *name, struct fs_file **out, struct err *err);
    int (*open_append)(struct fs *fs, const char *name, struct fs_file **out,
                       struct err *err); /* makes it if it is not there */
    void (*close)(struct fs_file *f);    /* NULL is fine */
    int (*append)(struct fs_file *f, const void *p, size_t n, struct err *err);
    int (*pread)(struct fs_file *f, uint64_t offset, void *p, size_t n, size_t *got,
                 struct err *err); /* *got < n only at the end of the file */
    int (*datasync)(struct fs_file *f, struct err *err);
    int (*truncate)(struct fs_file *f, uint64_t bytes, struct err *err);
    int (*size)(struct fs_file *f, uint64_t *out, struct err *err);
    int (*rename)(struct fs *fs, const char *from, const char *to,
                  struct err *err); /* replaces `to` atomically; a folder goes with all in it */
    int (*unlink)(struct fs *fs, const char *name, struct err *err); /* absent: fine */
    int (*link)(struct fs *fs, const char *from, const char *to, struct err *err); /* hard */
    int (*mkdir)(struct fs *fs, const char *name, struct err *err);                /* there: fine */
    int (*rmdir)(struct fs *fs, const char *name, struct err *err); /* empty; absent: fine */
    int (*list)(struct fs *fs, const char *folder, struct arena *a, struct fs_entry **out,
                size_t *n, struct err *err); /* sorted by name; an absent folder is empty */
    int (*sync_dir)(struct fs *fs, const char *folder, struct err *err);
    int (*space)(struct fs *fs, struct fs_space *out, struct err *err);
    void (*free)(struct fs *fs);
};

struct fs {
    const struct fs_ops *ops;
    char root[256]; /* for messages */
};

/* Makes the directory if it is not there (mode 0700) and locks it (flock on `lock`). One clear
 * message each for: not a directory, read-only, another owner, in use by pid N. `read_only` takes
 * no lock and refuses to write: for `earshot tsdb stat`. */
MUST_USE int fs_open_dir(const char *path, bool read_only, struct fs **out, struct err *err);
void fs_free(struct fs *fs); /* releases the lock */

#endif
