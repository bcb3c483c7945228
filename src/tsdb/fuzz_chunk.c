/* All small decoders of a block: the first byte says which, the second how many values. Mode 0
 * takes the rest as doubles and demands that they come back. */
#include <stdlib.h>

#include "base/cursor.h"
#include "base/mem.h"
#include "tsdb/chunk.h"
#include "tsdb/column.h"
#include "tsdb/postings.h"
#include "tsdb/presence.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void round_trip(struct cursor *c)
{
    SCOPED(buf_fini) struct buf out = {0};
    double v[CHUNK_VALUES_MAX], got[CHUNK_VALUES_MAX];
    size_t n = 0;

    while (n < CHUNK_VALUES_MAX && cursor_left(c) >= 8)
        v[n++] = cursor_f64(c);
    if (!n)
        return;
    chunk_encode(v, n, &out);
    if (chunk_decode(buf_str(&out), got, n) < 0 || memcmp(v, got, n * sizeof *v) != 0)
        abort();
}

static void column(struct str in)
{
    SCOPED(mem_freep) ts_ms *ts = NULL;
    size_t n;

    if (column_count(in, &n) < 0 || n > 100000)
        return;
    ts = mem_new_array(ts_ms, n + 1);
    (void)!column_decode(in, ts, n);
}

static void postings(struct str in)
{
    uint32_t list[5000], some[100];
    size_t n = 100;
    struct postings p;

    for (uint32_t i = 0; i < 100; i++)
        some[i] = i * 47;
    if (postings_open(in, 5000, &p) < 0)
        return;
    (void)!postings_unpack(&p, list);
    (void)!postings_keep_common(&p, some, &n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor c = cursor_of(data, size);
    unsigned mode = cursor_u8(&c) % 6;
    size_t n = 1 + (size_t)cursor_u8(&c) * 8;
    double values[CHUNK_VALUES_MAX];
    int64_t ints[INTS_MAX];
    uint64_t bits[INTS_MAX / 64];
    struct str rest;

    if (c.failed)
        return 0;
    n = n > INTS_MAX ? INTS_MAX : n;
    rest = (struct str){(const char *)c.p, cursor_left(&c)};
    if (mode == 0)
        round_trip(&c);
    else if (mode == 1)
        (void)!chunk_decode(rest, values, n);
    else if (mode == 2)
        (void)!ints_decode(rest, ints, n);
    else if (mode == 3)
        column(rest);
    else if (mode == 4)
        postings(rest);
    else
        (void)!presence_decode(rest, bits, n);
    return 0;
}
