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

/* Each returns -1 always, so that `return err_set(...)` reads well. `e` may be NULL. */
int err_set(struct err *e, enum err_kind kind, const char *fmt, ...) PRINTF_LIKE(3, 4);
int err_at(struct err *e, enum err_kind kind, struct span at, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
/* As err_set with kind ERR_OS; appends ": " and the meaning of `os`. */
int err_os(struct err *e, int os, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Puts words and ": " in front of the text. Returns -1. */
int err_context(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Names the file the span refers to, unless one is named already. Returns -1. */
int err_in_file(struct err *e, const char *file);

void err_clear(struct err *e);

/* "file:line:column: text", leaving out what is unknown. Returns out. `size` >= 1. */
const char *err_format(const struct err *e, char *out, unsigned size);

/* "syntax", "limit", ...: for logs and JSON. */
const char *err_kind_name(enum err_kind kind);

#endif
