#include "text/snappy_block.h"

#include <assert.h>
#include <snappy-c.h>

#include "base/arena.h"
#include "base/cursor.h"
#include "base/err.h"
#include "base/mem.h"

/* A copy of 64 bytes takes at least 3, so no block grows by more. */
#define RATIO_MAX 22

int snappy_block_size(struct str block, size_t bytes_max, const char *mend, size_t *out,
                      struct err *err)
{
    size_t claimed;

    if (snappy_uncompressed_length(block.p, block.n, &claimed) != SNAPPY_OK)
        return err_set(err, ERR_SYNTAX,
                       "the body is not in snappy's block format (nor is the framed one taken)");
    if (claimed > bytes_max)
        return err_set(err, ERR_LIMIT,
                       "the body has %zu bytes decompressed, at most %zu are taken: %s", claimed,
                       bytes_max, mend);
    if (claimed > block.n * RATIO_MAX)
        return err_set(err, ERR_SYNTAX, "the snappy block of %zu bytes claims to hold %zu", block.n,
                       claimed);
    *out = claimed;
    return 0;
}

int snappy_block_read(struct str block, size_t size, struct arena *a, struct str *out,
                      struct err *err)
{
    char *p = arena_alloc(a, size, err);
    size_t n = size;

    if (!p)
        return -1;
    if (snappy_uncompress(block.p, block.n, p, &n) != SNAPPY_OK || n != size)
        return err_set(err, ERR_SYNTAX, "the snappy block is damaged");
    *out = (struct str){p, n};
    return 0;
}

void snappy_writer_init(struct snappy_writer *w, size_t bytes_max)
{
    *w = (struct snappy_writer){.piece = mem_zalloc(SNAPPY_PIECE_BYTES),
                                .packed =
                                    mem_zalloc(snappy_max_compressed_length(SNAPPY_PIECE_BYTES))};
    buf_init(&w->out, bytes_max);
}

void snappy_writer_fini(struct snappy_writer *w)
{
    buf_fini(&w->out);
    mem_free(w->piece);
    mem_free(w->packed);
    w->piece = w->packed = NULL;
}

void snappy_writer_flush(struct snappy_writer *w)
{
    size_t n = snappy_max_compressed_length(SNAPPY_PIECE_BYTES);
    snappy_status status;
    struct cursor c;

    if (!w->piece_n)
        return;
    status = snappy_compress(w->piece, w->piece_n, w->packed, &n);
    assert(status == SNAPPY_OK); /* there is room for any piece */
    c = cursor_of(w->packed, n);
    (void)cursor_uvarint(&c); /* its length: the whole block has one of its own */
    buf_add(&w->out, cursor_bytes(&c, cursor_left(&c)));
    w->piece_n = 0;
}

void snappy_writer_add(struct snappy_writer *w, struct str bytes)
{
    w->raw_bytes += bytes.n;
    while (bytes.n) {
        size_t room = SNAPPY_PIECE_BYTES - w->piece_n;
        size_t part = bytes.n < room ? bytes.n : room;

        memcpy(w->piece + w->piece_n, bytes.p, part);
        w->piece_n += part;
        bytes = str_skip(bytes, part);
        if (w->piece_n == SNAPPY_PIECE_BYTES)
            snappy_writer_flush(w);
    }
}

void snappy_put_literal(struct buf *out, struct str bytes)
{
    assert(bytes.n >= 1 && bytes.n <= 60);
    buf_addc(out, (char)((bytes.n - 1) << 2));
    buf_add(out, bytes);
}
