/* wire: the protobuf wire format, read within bounds.
 *
 * Spec: https://protobuf.dev/programming-guides/encoding/. A message is a row of fields; wire_next
 * gives one after the other, groups (obsolete) are refused. What a field means is the caller's:
 * see the tables of its readers. Inline, since a remote write request is some ten thousand
 * fields long.
 */
#ifndef TEXT_WIRE_H
#define TEXT_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

struct wire {
    const uint8_t *p, *end;
    bool broken; /* the bytes are no message; stays set */
};

struct wire_field {
    uint32_t number;
    enum wire_type type;
    uint64_t value;   /* varint, fixed64, fixed32 */
    struct str bytes; /* WIRE_BYTES: a view */
};

static inline struct wire wire_of(struct str s)
{
    const uint8_t *p = (const uint8_t *)s.p;

    return (struct wire){p, s.n ? p + s.n : p, false};
}

static inline uint64_t wire_varint(struct wire *w)
{
    uint64_t v = 0;

    if (w->p < w->end && *w->p < 0x80)
        return *w->p++;
    for (unsigned shift = 0; shift < 64 && w->p < w->end; shift += 7) {
        uint8_t byte = *w->p++;

        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            if (shift == 63 && byte > 1)
                break;
            return v;
        }
    }
    w->broken = true;
    return 0;
}

static inline uint64_t wire_fixed(struct wire *w, size_t bytes)
{
    uint64_t v = 0;

    if ((size_t)(w->end - w->p) < bytes) {
        w->broken = true;
        return 0;
    }
    memcpy(&v, w->p, bytes); /* little endian on both machines we run on */
    w->p += bytes;
    return v;
}
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "wire_fixed copies");

/* False at the end, and when broken. */
static inline bool wire_next(struct wire *w, struct wire_field *out)
{
    uint64_t tag;

    if (w->p >= w->end || w->broken)
        return false;
    tag = wire_varint(w);
    if (tag >> 3 == 0 || tag >> 32)
        w->broken = true;
    out->number = (uint32_t)(tag >> 3);
    out->type = (enum wire_type)(tag & 7);
    switch (out->type) {
    case WIRE_VARINT:
        out->value = wire_varint(w);
        break;
    case WIRE_FIXED64:
        out->value = wire_fixed(w, 8);
        break;
    case WIRE_FIXED32:
        out->value = wire_fixed(w, 4);
        break;
    case WIRE_BYTES: {
        uint64_t n = wire_varint(w);

        if (w->broken || n > (size_t)(w->end - w->p)) {
            w->broken = true;
            break;
        }
        out->bytes = (struct str){(const char *)w->p, (size_t)n};
        w->p += n;
        break;
    }
    default:
        w->broken = true;
    }
    return !w->broken;
}

static inline bool wire_is(const struct wire_field *f, uint32_t number, enum wire_type type)
{
    return f->number == number && f->type == type;
}

#endif
