/* huffman: canonical prefix codes of at most 9 bits over at most 80 symbols.
 *
 * Codes are written lowest bit first, so they are kept reversed. A code is rebuilt from its lengths
 * alone (RFC 1951, 3.2.2).
 */
#ifndef TSDB_HUFFMAN_H
#define TSDB_HUFFMAN_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

#define HUFFMAN_BITS_MAX 9u
#define HUFFMAN_SYMBOLS  80u

struct huffman {
    uint8_t length[HUFFMAN_SYMBOLS]; /* 0: the symbol does not occur */
    uint16_t code[HUFFMAN_SYMBOLS];
};

/* From counts; at least one is not 0. */
void huffman_build(const uint32_t count[HUFFMAN_SYMBOLS], struct huffman *out);

struct huffman_entry {
    uint8_t symbol, length;
};

/* From lengths that came from a file: -1 when they are too long, too many or too few to be a
 * complete code (a single symbol of length 1 is taken). Else the number of bits that select an
 * entry: of the longest code, so that the table of a usual chunk is a few dozen entries. */
MUST_USE int huffman_table(const uint8_t length[HUFFMAN_SYMBOLS],
                           struct huffman_entry out[1u << HUFFMAN_BITS_MAX]);

#endif
