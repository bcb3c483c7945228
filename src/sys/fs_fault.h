/* fs_fault: a file system in memory that fails on command, for tests.
 *
 * It behaves as the real one (sys/fs.c) until told otherwise. Calls are counted by kind; the n-th
 * call of a kind can fail, be shortened, or be torn by a power cut. A power cut keeps what was
 * synced and any subset of what was not: of appended bytes by 512-byte sectors (a lost one reads as
 * zeros), of names by operations (create, rename, unlink, link, mkdir, rmdir) whose folder was not
 * synced.
 *
 * Errors: an injected failure is ERR_OS with the errno given.
 * Threads: any; one lock. Do not change bytes through fs_fault_bytes while others read.
 */
#ifndef SYS_FS_FAULT_H
#define SYS_FS_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sys/fs.h"

struct rng;

enum fs_call {
    FS_CREATE,
    FS_OPEN, /* open_read and open_append */
    FS_APPEND,
    FS_PREAD,
    FS_DATASYNC,
    FS_TRUNCATE,
    FS_RENAME,
    FS_UNLINK,
    FS_LINK,
    FS_MKDIR,
    FS_RMDIR,
    FS_LIST,
    FS_SYNC_DIR,
    FS_SPACE,
    FS_CALLS,
    FS_ANY = FS_CALLS, /* counts all of the above */
};

enum fs_fault {
    FS_FAIL,      /* nothing is done */
    FS_FAIL_FROM, /* neither by this call nor by any later one of the kind */
    FS_SHORT,     /* append: half is written, then the error. pread: half is read, no error.
                   * datasync: all is durable and the error comes nevertheless. */
    FS_POWER_OFF, /* append: half is written. Then, and for every later call, EIO, until
                   * fs_fault_power_cut */
};

struct fs *fs_fault_new(void); /* fs_free */

/* The nth call (from 1, counted from now) of the kind. One fault is armed at a time. */
void fs_fault_arm(struct fs *fs, enum fs_call call, uint64_t nth, enum fs_fault fault, int os);
void fs_fault_disarm(struct fs *fs);
/* All as it is at one moment, whatever other threads write meanwhile: what a kill would leave.
 * Everything in the copy is synced, and nothing is armed; fs_free. */
struct fs *fs_fault_copy(struct fs *fs);
bool fs_fault_fired(const struct fs *fs);
/* Calls of the kind since fs_fault_new. */
uint64_t fs_fault_calls(const struct fs *fs, enum fs_call call);

/* Files together never exceed this: what does not fit is ENOSPC after the part that did. */
void fs_fault_capacity(struct fs *fs, uint64_t bytes);

/* The machine loses power and comes back: see above. Handles open now stay dead (EIO) until they
 * are closed. `rng` decides what survives; NULL: only what was synced. */
void fs_fault_power_cut(struct fs *fs, struct rng *rng);

/* The bytes of a file, to be read or changed in place; NULL: no such file. Valid until the file
 * is written to. */
unsigned char *fs_fault_bytes(struct fs *fs, const char *name, size_t *n);
/* Makes or replaces a file, durable at once. */
void fs_fault_put(struct fs *fs, const char *name, const void *p, size_t n);

#endif
