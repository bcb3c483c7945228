/* snappy_block: snappy's block format, read within bounds and written piece by piece.
 *
 * A block is the length of what it holds as a varint, then literals and copies. Copies of one piece
 * reach back into that piece alone, so that pieces compressed by themselves may stand one behind
 * the other: a large message is never whole in memory.
 *
 * Spec: https://github.com/google/snappy/blob/main/format_description.txt
 */
#ifndef TEXT_SNAPPY_BLOCK_H
#define TEXT_SNAPPY_BLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct arena;
struct err;

/* What the block claims to hold, checked before a byte is decoded: ERR_LIMIT past bytes_max, with
 * `mend` (what its sender can do) behind it; ERR_SYNTAX when it is no block or claims more than its
 * own bytes can stand for. */
MUST_USE int snappy_block_size(struct str block, size_t bytes_max, const char *mend, size_t *out,
                               struct err *err);
/* Into the arena; `size` is snappy_block_size's. */
MUST_USE int snappy_block_read(struct str block, size_t size, struct arena *a, struct str *out,
                               struct err *err);

#define SNAPPY_PIECE_BYTES 65536u

struct snappy_writer {
    struct buf out;     /* the pieces, without the length before them */
    uint64_t raw_bytes; /* that they hold, the gathered ones included */
    char *piece;        /* owned; [SNAPPY_PIECE_BYTES] being gathered */
    char *packed;       /* owned; room for one piece compressed */
    size_t piece_n;
};

void snappy_writer_init(struct snappy_writer *w, size_t bytes_max);
void snappy_writer_fini(struct snappy_writer *w);
void snappy_writer_add(struct snappy_writer *w, struct str bytes);
/* Compresses what is gathered. Past bytes_max: out.overflowed. */
void snappy_writer_flush(struct snappy_writer *w);
/* A literal by itself, of 1 to 60 bytes: for what is known only after what it stands before. */
void snappy_put_literal(struct buf *out, struct str bytes);

#endif
