/* log: one line a message, as an argument.
 *
 * Library folders never log a failure that they return; the caller that decides what happens logs
 * it, once. The real writer (logfmt to stderr) is in sys/log.h.
 *
 * Threads: any; an implementation writes whole lines.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/attr.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log {
    /* `text` has no newline; it may hold user data, so the writer escapes control characters. */
    void (*write)(struct log *log, enum log_level level, const char *part, const char *text);
    enum log_level level_min;
};

/* `part` is the folder that speaks: "tsdb", "scrape". `log` NULL: dropped. */
void log_at(struct log *log, enum log_level level, const char *part, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

#define log_debug(log, part, ...) log_at((log), LOG_DEBUG, (part), __VA_ARGS__)
#define log_info(log, part, ...)  log_at((log), LOG_INFO, (part), __VA_ARGS__)
#define log_warn(log, part, ...)  log_at((log), LOG_WARN, (part), __VA_ARGS__)
#define log_error(log, part, ...) log_at((log), LOG_ERROR, (part), __VA_ARGS__)

#endif
