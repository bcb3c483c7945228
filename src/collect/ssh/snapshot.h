/* snapshot: the files of a far machine, as its shell prints them.
 *
 *     /proc/loadavg:0.10 0.20 0.30 1/200 4711
 *     /proc/meminfo:MemTotal:       16000000 kB
 *     /proc/meminfo:MemFree:         1000000 kB
 *     end
 *
 * It is what grep prints for several files: each line with its file's path and a colon in front;
 * lines of one file stand together. The shell may be anybody's: a path is taken only when it is
 * absolute, below /proc, /sys or /etc, and has no part that begins with a dot, but for what our own
 * script adds (/proc/.time).
 *
 * Threads: any.
 */
#ifndef COLLECT_SSH_SNAPSHOT_H
#define COLLECT_SSH_SNAPSHOT_H

#include <stdbool.h>

#include "base/str.h"

#define SNAPSHOT_PATH_MAX 200u

/* The next file. Its content is put into `content`, with a newline at each line's end. False: there
 * is none any more. Lines that are none of a file are left out. */
bool snapshot_next(struct str *rest, struct str *path, struct buf *content);

/* Does the text end with the line "end"? *n: bytes before it. */
bool snapshot_is_whole(struct str text, size_t *n);

#endif
