/* str: views of bytes, and a growable buffer to write text into.
 *
 * A `struct str` borrows; it need not end in NUL and may hold any byte. A `struct buf` owns its
 * bytes and is always NUL-terminated when non-empty. Buffers are for text whose size we decide or
 * bound ourselves (max_bytes); they are heap memory outside the arenas.
 *
 * Errors: a buf past its max_bytes drops what does not fit and sets `overflowed`; check it once at
 * the end.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"

struct str {
    const char *p;
    size_t n;
};

/* For literals and arrays whose size is known. */
#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
/* For printf: printf("%.*s", STR_ARGS(s)); */
#define STR_ARGS(s) (int)((s).n > INT32_MAX ? INT32_MAX : (s).n), (s).p

static inline struct str str_c(const char *s)
{
    return (struct str){s, s ? strlen(s) : 0};
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Bytewise order, shorter first on a tie: the order label names and values are sorted in. */
static inline int str_cmp(struct str a, struct str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;

    return c ? c : (a.n > b.n) - (a.n < b.n);
}

static inline bool str_starts(struct str s, struct str prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

static inline bool str_ends(struct str s, struct str suffix)
{
    return s.n >= suffix.n &&
           (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

/* s without its first n bytes; n is clamped. */
static inline struct str str_skip(struct str s, size_t n)
{
    n = n < s.n ? n : s.n;
    return (struct str){s.p + n, s.n - n};
}

static inline struct str str_take(struct str s, size_t n)
{
    return (struct str){s.p, n < s.n ? n : s.n};
}

/* Without blanks, tabs, CR and LF at both ends. */
struct str str_trim(struct str s);
/* Splits at the first `c`: returns the part before it and leaves the rest in *s. Without a `c`:
 * returns all and leaves *s with p NULL. */
struct str str_split(struct str *s, char c);
bool str_is_utf8(struct str s);
/* The candidate nearest to `s` by edit distance, NULL when none is near enough to suggest. */
const char *str_nearest(struct str s, const char *const candidates[], size_t n);
/* Among what other people named: nearer than that. Its position; n when none is near enough. */
size_t str_nearest_of(struct str s, const struct str candidates[], size_t n);

struct buf {
    char *p; /* owned */
    size_t n, cap;
    size_t max_bytes; /* 0: no bound */
    bool overflowed;
};

void buf_init(struct buf *b, size_t max_bytes);
void buf_fini(struct buf *b);
void buf_reset(struct buf *b); /* empties, keeps the memory */
void buf_add(struct buf *b, struct str s);
void buf_addc(struct buf *b, char c);
void buf_adds(struct buf *b, const char *s);
void buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Room for n more bytes to write at b->p + b->n; NULL past max_bytes. Caller raises b->n. */
char *buf_reserve(struct buf *b, size_t n);
static inline struct str buf_str(const struct buf *b)
{
    return (struct str){b->p ? b->p : "", b->n};
}

#endif
