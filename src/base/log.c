#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

#define LINE_BYTES 1024

void log_at(struct log *log, enum log_level level, const char *part, const char *fmt, ...)
{
    char text[LINE_BYTES];
    va_list args;

    if (!log || level < log->level_min)
        return;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    log->write(log, level, part, text);
}
