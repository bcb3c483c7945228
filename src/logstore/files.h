/* files: which segments there are, oldest first, as the writer and every search see them.
 *
 * A segment is called by the time at which it was begun, "1764246600123.sqlite", so names sort by
 * age. Beside it SQLite keeps "-wal" and "-shm".
 *
 * Threads: none of its own; logstore.c guards it.
 */
#ifndef LOGSTORE_FILES_H
#define LOGSTORE_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "logstore/segment.h"

struct err;

#define FILE_PATH_BYTES 512

struct file {
    int64_t begun_ms, written_ms; /* by the wall clock; the last time */
    uint64_t bytes;
    struct segment_info info;
};

struct files {
    const char *folder; /* borrowed */
    struct file *items; /* owned; [n] */
    size_t n, cap;
};

void file_path(const char *folder, int64_t begun_ms, char out[FILE_PATH_BYTES]);
/* Those in the folder, without what is in them. No folder: none. */
MUST_USE int files_scan(struct files *f, struct err *err);
void files_fini(struct files *f);
struct file *files_add(struct files *f, int64_t begun_ms); /* the newest */
void files_forget(struct files *f, size_t i);
/* With all that SQLite keeps beside it. What is gone already is fine. */
MUST_USE int file_delete(const char *folder, int64_t begun_ms, struct err *err);
/* x.sqlite becomes x.sqlite.damaged. */
MUST_USE int file_move_aside(const char *folder, int64_t begun_ms, struct err *err);
/* Its size, now. */
void file_look(const char *folder, struct file *file);

#endif
