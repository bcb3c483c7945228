#include "base/cursor.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

struct cursor cursor_of(const void *p, size_t n)
{
    return (struct cursor){p, p, (const unsigned char *)p + n, false};
}

/* NULL when fewer than n bytes are left. */
static const unsigned char *advance(struct cursor *c, size_t n)
{
    const unsigned char *at = c->p;

    if (c->failed || cursor_left(c) < n) {
        c->failed = true;
        return NULL;
    }
    c->p += n;
    return at;
}

uint8_t cursor_u8(struct cursor *c)
{
    const unsigned char *at = advance(c, 1);

    return at ? *at : 0;
}

uint16_t cursor_u16(struct cursor *c)
{
    const unsigned char *at = advance(c, 2);
    uint16_t v = 0;

    if (at)
        memcpy(&v, at, 2);
    return le16toh(v);
}

uint32_t cursor_u32(struct cursor *c)
{
    const unsigned char *at = advance(c, 4);
    uint32_t v = 0;

    if (at)
        memcpy(&v, at, 4);
    return le32toh(v);
}

uint64_t cursor_u64(struct cursor *c)
{
    const unsigned char *at = advance(c, 8);
    uint64_t v = 0;

    if (at)
        memcpy(&v, at, 8);
    return le64toh(v);
}

double cursor_f64(struct cursor *c)
{
    uint64_t bits = cursor_u64(c);
    double v;

    memcpy(&v, &bits, 8);
    return v;
}

uint64_t cursor_uvarint(struct cursor *c)
{
    uint64_t v = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = cursor_u8(c);

        v |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            if (shift == 63 && byte > 1)
                c->failed = true;
            return c->failed ? 0 : v;
        }
    }
    c->failed = true;
    return 0;
}

int64_t cursor_svarint(struct cursor *c)
{
    uint64_t v = cursor_uvarint(c);

    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

struct str cursor_bytes(struct cursor *c, size_t n)
{
    const unsigned char *at = advance(c, n);

    return at ? (struct str){(const char *)at, n} : (struct str){NULL, 0};
}

struct str cursor_vstr(struct cursor *c)
{
    uint64_t n = cursor_uvarint(c);

    if (n > cursor_left(c)) {
        c->failed = true;
        return (struct str){NULL, 0};
    }
    return cursor_bytes(c, (size_t)n);
}

void cursor_skip(struct cursor *c, size_t n)
{
    (void)advance(c, n);
}

static void put(struct buf *b, const void *p, size_t n)
{
    buf_add(b, (struct str){p, n});
}

void put_u8(struct buf *b, uint8_t v)
{
    put(b, &v, 1);
}

void put_u16(struct buf *b, uint16_t v)
{
    v = htole16(v);
    put(b, &v, 2);
}

void put_u32(struct buf *b, uint32_t v)
{
    v = htole32(v);
    put(b, &v, 4);
}

void put_u64(struct buf *b, uint64_t v)
{
    v = htole64(v);
    put(b, &v, 8);
}

void put_f64(struct buf *b, double v)
{
    uint64_t bits;

    memcpy(&bits, &v, 8);
    put_u64(b, bits);
}

void put_uvarint(struct buf *b, uint64_t v)
{
    unsigned char bytes[10];
    size_t n = 0;

    while (v >= 0x80) {
        bytes[n++] = (unsigned char)(v | 0x80);
        v >>= 7;
    }
    bytes[n++] = (unsigned char)v;
    put(b, bytes, n);
}

void put_svarint(struct buf *b, int64_t v)
{
    put_uvarint(b, ((uint64_t)v << 1) ^ (uint64_t)(v >> 63));
}

void put_vstr(struct buf *b, struct str s)
{
    put_uvarint(b, s.n);
    buf_add(b, s);
}

void put_u32_at(struct buf *b, size_t offset, uint32_t v)
{
    if (b->overflowed)
        return;
    assert(offset + 4 <= b->n);
    v = htole32(v);
    memcpy(b->p + offset, &v, 4);
}
