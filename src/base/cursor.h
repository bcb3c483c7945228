/* cursor: reads foreign bytes without ever leaving them; its twin writes field by field.
 *
 * A read past the end sets `failed`, returns zeros, and every later read fails too: parse a whole
 * record, then check once. All numbers are little endian. Varints are LEB128 (as in protobuf).
 *
 * Writing goes into a struct buf (base/str.h).
 */
#ifndef BASE_CURSOR_H
#define BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct cursor {
    const unsigned char *start, *p, *end;
    bool failed;
};

struct cursor cursor_of(const void *p, size_t n);

static inline size_t cursor_left(const struct cursor *c)
{
    return (size_t)(c->end - c->p);
}

static inline size_t cursor_offset(const struct cursor *c)
{
    return (size_t)(c->p - c->start);
}

uint8_t cursor_u8(struct cursor *c);
uint16_t cursor_u16(struct cursor *c);
uint32_t cursor_u32(struct cursor *c);
uint64_t cursor_u64(struct cursor *c);
double cursor_f64(struct cursor *c); /* bit exact, NaN payloads too */
uint64_t cursor_uvarint(struct cursor *c);
int64_t cursor_svarint(struct cursor *c); /* zigzag */
/* Borrowed view of the next n bytes; {NULL, 0} on failure. */
struct str cursor_bytes(struct cursor *c, size_t n);
/* A varint length, then so many bytes. */
struct str cursor_vstr(struct cursor *c);
void cursor_skip(struct cursor *c, size_t n);

void put_u8(struct buf *b, uint8_t v);
void put_u16(struct buf *b, uint16_t v);
void put_u32(struct buf *b, uint32_t v);
void put_u64(struct buf *b, uint64_t v);
void put_f64(struct buf *b, double v);
void put_uvarint(struct buf *b, uint64_t v);
void put_svarint(struct buf *b, int64_t v);
void put_vstr(struct buf *b, struct str s);
/* Overwrites 4 bytes at `offset`, which were put before. */
void put_u32_at(struct buf *b, size_t offset, uint32_t v);

#endif
