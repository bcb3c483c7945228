/* log: the writer behind base/log.h: one logfmt line a message, in one write.
 *
 *     time=2026-11-21T22:59:21.123Z level=warn part=scrape msg="..."
 *
 * Messages may hold user data: control characters, quotes, bytes that are not UTF-8 and characters
 * that turn the direction of text are escaped, so that no message can forge a line or drive a
 * terminal. User and password in a URL are shown as <secret>, whoever forgot to hide them.
 *
 * Threads: any. A write that fails or would block loses the line, and is counted.
 */
#ifndef SYS_LOG_H
#define SYS_LOG_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/log.h"

struct buf;
struct clock;

struct log_writer {
    struct log log; /* first: hand &w->log around */
    const struct clock *clock;
    int fd;
    atomic_uint_fast64_t lost_lines;
};

void log_writer_init(struct log_writer *w, int fd, enum log_level level_min,
                     const struct clock *clock);
/* The line as it is written, with its newline; `line` is appended to. For tests. */
void log_format(struct buf *line, int64_t wall_ms, enum log_level level, const char *part,
                const char *text);

#endif
