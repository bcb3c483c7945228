/* unwrap: the lines that a container wrote, out of the file that its engine keeps of them.
 *
 *   {"log":"a line\n","stream":"stdout","time":"2025-03-04T08:00:01.2Z"}     Docker's json-file
 *   2025-03-04T08:00:01.2+01:00 stdout F a line                             k8s-file of Podman, CRI
 *
 * A long line comes in parts, of which only the last has a newline (F, not P, in the second form),
 * and the parts of stdout may lie among those of stderr. So a place in the lines is a place in the
 * file where no part is open, and how many lines behind it have been told already. A line that is
 * none of these is taken as it stands.
 *
 * Threads: one at a time.
 */
#ifndef COLLECT_LOGS_UNWRAP_H
#define COLLECT_LOGS_UNWRAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define UNWRAP_STREAMS 2

/* What a place is beside its byte. */
struct unwrap_at {
    uint64_t ahead;            /* lines behind it that have been told */
    bool drop[UNWRAP_STREAMS]; /* the rest of this stream's line is passed over */
};

struct unwrap_line {
    size_t end;     /* in `text`, behind its newline */
    size_t raw_end; /* the place behind it, with `at` */
    struct unwrap_at at;
    int64_t time_ms; /* 0: it has none */
    bool cut;
};

struct unwrap {
    size_t line_max;           /* bytes; what is longer is cut */
    struct buf text;           /* the lines, each with a newline */
    struct unwrap_line *lines; /* owned; [n] */
    size_t n, cap;
    size_t raw_end; /* the place behind all that was given, with `at` */
    struct unwrap_at at;
};

/* What the bytes given end with. */
enum unwrap_end {
    UNWRAP_MORE,  /* a line without a newline waits, and so does a part that is not the last */
    UNWRAP_FULL,  /* no more fits: such a part is a line, and what follows of it is passed over */
    UNWRAP_ENDED, /* nothing will come: both are lines */
};

void unwrap_init(struct unwrap *u, size_t line_max);
void unwrap_fini(struct unwrap *u);
/* Takes the lines of `raw`, which begins at the place `from`. */
void unwrap_read(struct unwrap *u, struct str raw, const struct unwrap_at *from,
                 enum unwrap_end end);

#endif
