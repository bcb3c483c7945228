/* follow_file: one of the files that follow.h reads: which one it is, and what tells that it still
 * is.
 *
 * Threads: none of its own. May hang where the file does.
 */
#ifndef COLLECT_LOGS_FOLLOW_FILE_H
#define COLLECT_LOGS_FOLLOW_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "collect/logs/splitter.h"
#include "collect/logs/unwrap.h"

#define FILE_TAIL_MAX 512 /* bytes before the position that tell whether the file is the same */

struct follow_file {
    char *path;   /* owned; where it was last seen */
    char *before; /* owned; where it was until this pass; NULL: there as well */
    uint64_t device, inode, position;
    uint32_t tail_bytes, tail_crc; /* of what stands before the position; 0: nothing but NULs */
    int fd;                        /* -1: not opened since the state was read */
    bool present;                  /* the path still leads to it */
    bool moved;                    /* it does not, and what came between it and the next is known */
    bool ended;                    /* a copy of one that was emptied: nothing more comes */
    bool copy;                     /* of another that is read: what they share is read there */
    bool fresh;                    /* found by this pass, which only takes note of it */
    int64_t quiet_since_ns;        /* its size has not changed since; 0: not looked at yet */
    int64_t changed_ns;            /* when it was last written, by its own clock */
    uint64_t size;                 /* when last looked at */
    struct splitter splitter;
    struct unwrap_at at; /* of a container's */
};

/* -1 with errno; a FIFO or a device is EINVAL. */
int file_open(const char *path, struct stat *st);
/* How many bytes could be read; errno is left alone unless it failed. */
size_t file_read(int fd, void *p, size_t n, uint64_t at);
void file_note_tail(struct follow_file *file);
/* Goes on by n bytes, which these are. */
void file_pass(struct follow_file *file, const char *bytes, size_t n);
/* Whether the bytes before this position in `fd` are those that stand before that of `file`. False
 * with errno: it could not be read. */
bool file_has_tail(int fd, const struct follow_file *file);
int64_t file_changed_ns(const struct stat *st);

#endif
