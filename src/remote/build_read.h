/* build_read: remote read requests for tests, written field by field. */
#ifndef REMOTE_BUILD_READ_H
#define REMOTE_BUILD_READ_H

#include "base/cursor.h"
#include "base/str.h"
#include "text/snappy_block.h"

static inline void build_bytes(struct buf *out, unsigned number, struct str bytes)
{
    put_u8(out, (uint8_t)(number << 3 | 2));
    put_vstr(out, bytes);
}

static inline void build_varint(struct buf *out, unsigned number, int64_t v)
{
    put_u8(out, (uint8_t)(number << 3));
    put_uvarint(out, (uint64_t)v);
}

static inline void build_matcher(struct buf *query, int type, const char *name, const char *value)
{
    struct buf matcher = {0};

    build_varint(&matcher, 1, type);
    build_bytes(&matcher, 2, str_c(name));
    build_bytes(&matcher, 3, str_c(value));
    build_bytes(query, 3, buf_str(&matcher));
    buf_fini(&matcher);
}

static inline void build_block(struct str message, struct buf *out)
{
    struct snappy_writer w;

    buf_reset(out);
    snappy_writer_init(&w, 0);
    snappy_writer_add(&w, message);
    snappy_writer_flush(&w);
    put_uvarint(out, message.n);
    buf_add(out, buf_str(&w.out));
    snappy_writer_fini(&w);
}

#endif
