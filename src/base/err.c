#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void fill(struct err *e, enum err_kind kind, int os, struct span at, const char *fmt,
                 va_list args)
{
    if (!e)
        return;
    e->kind = kind;
    e->os = os;
    e->at = at;
    e->file[0] = '\0';
    (void)vsnprintf(e->text, sizeof e->text, fmt, args);
}

void err_put_text(struct err *e, enum err_kind kind, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    fill(e, kind, 0, (struct span){0, 0, 0}, fmt, args);
    va_end(args);
}

void err_put_at(struct err *e, enum err_kind kind, struct span at, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    fill(e, kind, 0, at, fmt, args);
    va_end(args);
}

void err_put_os(struct err *e, int os, const char *fmt, ...)
{
    va_list args;
    size_t used;

    va_start(args, fmt);
    fill(e, ERR_OS, os, (struct span){0, 0, 0}, fmt, args);
    va_end(args);
    if (!e)
        return;
    used = strlen(e->text);
    (void)snprintf(e->text + used, sizeof e->text - used, ": %s", strerror(os));
}

void err_put_context(struct err *e, const char *fmt, ...)
{
    char text[sizeof e->text];
    va_list args;
    int n;

    if (!e)
        return;
    va_start(args, fmt);
    n = vsnprintf(text, sizeof text - 2, fmt, args);
    va_end(args);
    if (n < 0 || (size_t)n + 2 >= sizeof text)
        return;
    memcpy(text + n, ": ", 2);
    /* What does not fit is cut at the end: the words in front matter more. */
    memcpy(text + n + 2, e->text, sizeof text - (size_t)n - 2);
    text[sizeof text - 1] = '\0';
    memcpy(e->text, text, sizeof text);
}

void err_put_file(struct err *e, const char *file)
{
    if (e && !e->file[0])
        (void)snprintf(e->file, sizeof e->file, "%s", file);
}

void err_clear(struct err *e)
{
    if (e)
        memset(e, 0, sizeof *e);
}

const char *err_format(const struct err *e, char *out, unsigned size)
{
    if (e->at.line && e->file[0])
        (void)snprintf(out, size, "%s:%u:%u: %s", e->file, e->at.line, e->at.column, e->text);
    else if (e->at.line)
        (void)snprintf(out, size, "%u:%u: %s", e->at.line, e->at.column, e->text);
    else if (e->file[0])
        (void)snprintf(out, size, "%s: %s", e->file, e->text);
    else
        (void)snprintf(out, size, "%s", e->text);
    return out;
}

const char *err_kind_name(enum err_kind kind)
{
    static const char *const names[] = {
        [ERR_NONE] = "none",       [ERR_NOMEM] = "nomem",         [ERR_OS] = "os",
        [ERR_CORRUPT] = "corrupt", [ERR_SYNTAX] = "syntax",       [ERR_TYPE] = "type",
        [ERR_EVAL] = "eval",       [ERR_LIMIT] = "limit",         [ERR_BUSY] = "busy",
        [ERR_TIMEOUT] = "timeout", [ERR_CANCELLED] = "cancelled",
    };

    return (unsigned)kind < ARRAY_LEN(names) ? names[kind] : "unknown";
}
