/* follow_impl: what follow.c follows, and follow_state.c keeps over restarts. */
#ifndef COLLECT_LOGS_FOLLOW_IMPL_H
#define COLLECT_LOGS_FOLLOW_IMPL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "collect/logs/follow.h"
#include "collect/logs/source.h"
#include "collect/logs/unwrap.h"

struct follow_file;
struct stat;

struct follow {
    struct follow_settings settings;
    const char *const *paths; /* borrowed; [paths_n] */
    size_t paths_n;
    bool by_pattern;           /* which may take in a copy of a file */
    struct follow_file *files; /* owned */
    size_t n, cap;
    bool looked;  /* what is found from now on was made later */
    bool seen;    /* the last look has found a file */
    bool started; /* there has been a file: its events count from 0 */
    char *buffer; /* owned; only during a pass */
    size_t buffer_bytes;
    struct unwrap unwrap;
    bool told_left_out;
    int told_unread; /* errno of the last one told; 0: none */
    struct err why;  /* of the last file that this pass could not read */
    size_t failed;   /* how many of `files` those are */
    struct source_counts counts;
};

struct follow_file *follow_add_file(struct follow *f, const char *path, const struct stat *st,
                                    int fd);
/* Whether this pass found another file under the name. */
bool follow_has_successor(const struct follow *f, const char *path);

#endif
