/* err: what went wrong, where, in words for a person.
 *
 * Functions that can fail return 0 or -1 and fill a `struct err` in the caller's storage; it never
 * allocates, so it can report exhaustion too. Whoever first knows fills it; callers on the way up
 * may put words in front with err_context().
 *
 * Threads: none of its own; a struct err belongs to one caller.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdint.h>

#include "base/attr.h"

enum err_kind {
    ERR_NONE,
    ERR_NOMEM,
    ERR_OS,      /* err.os says which */
    ERR_CORRUPT, /* bytes on disk are not what was written */
    ERR_SYNTAX,  /* the user's text does not parse */
    ERR_TYPE,    /* it parses, but does not mean anything */
    ERR_EVAL,    /* it means something, but not on these data */
    ERR_LIMIT,   /* a budget or bound is used up */
    ERR_BUSY,    /* one that many share is used up by the others: later it may work */
    ERR_TIMEOUT,
    ERR_CANCELLED,
};

struct span {
    uint32_t line, column, length; /* 1-based, in bytes; line 0: not in a text */
};

struct err {
    enum err_kind kind; /* what code may branch on */
    int os;             /* errno when kind is ERR_OS */
    struct span at;     /* where in the user's own YAML, PromQL or exposition */
    char file[96];
    char text[400];
};

/* Each of the five is an expression of value -1, so that `return err_set(...)` reads well, and the
 * compiler sees that this path fails. `e` may be NULL.
 *
 *   err_set(e, kind, fmt, ...)
 *   err_at(e, kind, span, fmt, ...)
 *   err_os(e, os, fmt, ...)       kind ERR_OS; appends ": " and the meaning of `os`
 *   err_context(e, fmt, ...)      puts words and ": " in front of the text
 *   err_in_file(e, file)          names the file the span refers to, unless one is named already
 */
#define err_set(e, ...)      (err_put_text((e), __VA_ARGS__), -1)
#define err_at(e, ...)       (err_put_at((e), __VA_ARGS__), -1)
#define err_os(e, ...)       (err_put_os((e), __VA_ARGS__), -1)
#define err_context(e, ...)  (err_put_context((e), __VA_ARGS__), -1)
#define err_in_file(e, file) (err_put_file((e), (file)), -1)

void err_put_text(struct err *e, enum err_kind kind, const char *fmt, ...) PRINTF_LIKE(3, 4);
void err_put_at(struct err *e, enum err_kind kind, struct span at, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
void err_put_os(struct err *e, int os, const char *fmt, ...) PRINTF_LIKE(3, 4);
void err_put_context(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);
void err_put_file(struct err *e, const char *file);

void err_clear(struct err *e);

/* "file:line:column: text", leaving out what is unknown. Returns out. `size` >= 1. */
const char *err_format(const struct err *e, char *out, unsigned size);

/* "syntax", "limit", ...: for logs and JSON. */
const char *err_kind_name(enum err_kind kind);

#endif
