#include "tsdb/column.h"

#include "base/cursor.h"
#include "tsdb/ints.h"

void column_encode(const ts_ms *ts, size_t n, struct buf *out)
{
    SCOPED(buf_fini) struct buf piece = {0};

    put_uvarint(out, n);
    for (size_t i = 0; i < n; i += INTS_MAX) {
        buf_reset(&piece);
        ints_encode(ts + i, n - i < INTS_MAX ? n - i : INTS_MAX, &piece);
        put_vstr(out, buf_str(&piece));
    }
}

int column_count(struct str in, size_t *n)
{
    struct cursor c = cursor_of(in.p, in.n);
    uint64_t count = cursor_uvarint(&c);

    /* A piece takes at least three bytes, so a claim that cannot be true is seen here. */
    if (c.failed || count > COLUMN_MAX || (count + INTS_MAX - 1) / INTS_MAX > cursor_left(&c))
        return -1;
    *n = (size_t)count;
    return 0;
}

int column_decode(struct str in, ts_ms *ts, size_t n)
{
    struct cursor c = cursor_of(in.p, in.n);

    if (cursor_uvarint(&c) != n)
        return -1;
    for (size_t i = 0; i < n; i += INTS_MAX) {
        struct str piece = cursor_vstr(&c);

        if (c.failed || ints_decode(piece, ts + i, n - i < INTS_MAX ? n - i : INTS_MAX) < 0)
            return -1;
    }
    for (size_t i = 1; i < n; i++)
        if (ts[i] <= ts[i - 1])
            return -1;
    return c.failed || cursor_left(&c) ? -1 : 0;
}
