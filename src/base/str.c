#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

struct str str_trim(struct str s)
{
    while (s.n && strchr(" \t\r\n", s.p[0]) && s.p[0])
        s = str_skip(s, 1);
    while (s.n && strchr(" \t\r\n", s.p[s.n - 1]) && s.p[s.n - 1])
        s.n--;
    return s;
}

struct str str_split(struct str *s, char c)
{
    const char *at = s->n ? memchr(s->p, c, s->n) : NULL;
    struct str head = *s;

    if (!at) {
        *s = (struct str){NULL, 0};
        return head;
    }
    head.n = (size_t)(at - s->p);
    *s = str_skip(*s, head.n + 1);
    return head;
}

/* Most text is ASCII: eight bytes at a time. */
static const unsigned char *skip_ascii(const unsigned char *p, const unsigned char *end)
{
    uint64_t eight;

    for (; end - p >= 8; p += 8) {
        memcpy(&eight, p, sizeof eight);
        if (eight & UINT64_C(0x8080808080808080))
            break;
    }
    return p;
}

/* The table of well-formed byte sequences of Unicode 15, section 3.9, table 3-7. */
bool str_is_utf8(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.p, *end = p + s.n;

    while ((p = skip_ascii(p, end)) < end) {
        unsigned char c = *p++;
        unsigned char low = 0x80, high = 0xbf;
        int more;

        if (c < 0x80)
            continue;
        if (c < 0xc2 || c > 0xf4)
            return false;
        more = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
        if (c == 0xe0)
            low = 0xa0;
        else if (c == 0xed)
            high = 0x9f;
        else if (c == 0xf0)
            low = 0x90;
        else if (c == 0xf4)
            high = 0x8f;
        for (; more; more--, low = 0x80, high = 0xbf)
            if (p == end || *p < low || *p++ > high)
                return false;
    }
    return true;
}

/* Levenshtein distance with one row; both texts are cut at 63 bytes, names are shorter. */
static size_t distance(struct str a, struct str b)
{
    size_t row[64];

    a = str_take(a, 63);
    b = str_take(b, 63);
    for (size_t j = 0; j <= b.n; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            size_t change = diagonal + (a.p[i - 1] != b.p[j - 1]);
            size_t best = row[j] + 1;

            diagonal = row[j];
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = change < best ? change : best;
        }
    }
    return row[b.n];
}

size_t str_nearest_of(struct str s, const struct str candidates[], size_t n)
{
    size_t nearest = n, best = s.n < 6 ? 1 : s.n / 3;

    for (size_t i = 0; i < n; i++) {
        size_t d;

        if (candidates[i].n > s.n + best || s.n > candidates[i].n + best)
            continue;
        d = distance(s, candidates[i]);
        if (d <= best && (nearest == n || d < best)) {
            best = d;
            nearest = i;
        }
    }
    return nearest;
}

const char *str_nearest(struct str s, const char *const candidates[], size_t n)
{
    const char *nearest = NULL;
    size_t best = s.n / 3 + 1;

    for (size_t i = 0; i < n; i++) {
        size_t d = distance(s, str_c(candidates[i]));

        if (d <= best && (!nearest || d < best)) {
            best = d;
            nearest = candidates[i];
        }
    }
    return nearest;
}

void buf_init(struct buf *b, size_t max_bytes)
{
    *b = (struct buf){.max_bytes = max_bytes};
}

void buf_fini(struct buf *b)
{
    mem_free(b->p);
    *b = (struct buf){.max_bytes = b->max_bytes};
}

void buf_reset(struct buf *b)
{
    b->n = 0;
    b->overflowed = false;
    if (b->p)
        b->p[0] = '\0';
}

char *buf_reserve(struct buf *b, size_t n)
{
    if (b->max_bytes && (n > b->max_bytes || b->n > b->max_bytes - n)) {
        b->overflowed = true;
        return NULL;
    }
    b->p = mem_grow(b->p, &b->cap, b->n + n + 1, 1);
    return b->p + b->n;
}

void buf_add(struct buf *b, struct str s)
{
    char *at = buf_reserve(b, s.n);

    if (!at)
        return;
    if (s.n)
        memcpy(at, s.p, s.n);
    b->n += s.n;
    b->p[b->n] = '\0';
}

void buf_addc(struct buf *b, char c)
{
    buf_add(b, (struct str){&c, 1});
}

void buf_adds(struct buf *b, const char *s)
{
    buf_add(b, str_c(s));
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list args, again;
    char *at;
    int n;

    va_start(args, fmt);
    va_copy(again, args);
    n = vsnprintf(NULL, 0, fmt, args);
    at = n < 0 ? NULL : buf_reserve(b, (size_t)n);
    if (at) {
        (void)vsnprintf(at, (size_t)n + 1, fmt, again);
        b->n += (size_t)n;
    }
    va_end(again);
    va_end(args);
}
