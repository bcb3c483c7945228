#include "tsdb/huffman.h"

#include <assert.h>
#include <string.h>

static unsigned reversed(unsigned code, unsigned length)
{
    unsigned r = 0;

    for (unsigned i = 0; i < length; i++)
        r |= ((code >> i) & 1) << (length - 1 - i);
    return r;
}

/* Codes in order of length, then symbol. */
static void assign(const uint8_t length[HUFFMAN_SYMBOLS], uint16_t code[HUFFMAN_SYMBOLS])
{
    unsigned of_length[HUFFMAN_BITS_MAX + 2] = {0}, next[HUFFMAN_BITS_MAX + 2] = {0};

    for (size_t s = 0; s < HUFFMAN_SYMBOLS; s++)
        of_length[length[s]]++;
    of_length[0] = 0;
    for (unsigned n = 1; n <= HUFFMAN_BITS_MAX; n++)
        next[n] = (next[n - 1] + of_length[n - 1]) << 1;
    for (size_t s = 0; s < HUFFMAN_SYMBOLS; s++)
        code[s] = length[s] ? (uint16_t)reversed(next[length[s]]++, length[s]) : 0;
}

/* Joins the two lightest trees until one is left; symbols are few, so by plain search. Returns the
 * depth of the deepest leaf. */
static unsigned depths(const uint32_t weight[HUFFMAN_SYMBOLS], uint8_t length[HUFFMAN_SYMBOLS])
{
    uint32_t w[2 * HUFFMAN_SYMBOLS];
    uint16_t parent[2 * HUFFMAN_SYMBOLS], symbol[HUFFMAN_SYMBOLS], live[HUFFMAN_SYMBOLS];
    size_t leaves = 0, nodes, n;
    unsigned deepest = 0;

    memset(length, 0, HUFFMAN_SYMBOLS);
    for (size_t s = 0; s < HUFFMAN_SYMBOLS; s++) {
        if (!weight[s])
            continue;
        w[leaves] = weight[s];
        live[leaves] = (uint16_t)leaves;
        symbol[leaves++] = (uint16_t)s;
    }
    assert(leaves);
    nodes = n = leaves;
    while (n > 1) {
        for (size_t pick = 0; pick < 2; pick++) {
            size_t least = pick;

            for (size_t i = pick + 1; i < n; i++)
                if (w[live[i]] < w[live[least]])
                    least = i;
            uint16_t swap = live[pick];
            live[pick] = live[least];
            live[least] = swap;
        }
        w[nodes] = w[live[0]] + w[live[1]];
        parent[live[0]] = parent[live[1]] = (uint16_t)nodes;
        live[0] = (uint16_t)nodes++;
        live[1] = live[--n];
    }
    for (size_t i = 0; i < leaves; i++) {
        unsigned depth = 0;

        for (size_t at = i; at != nodes - 1; at = parent[at])
            depth++;
        length[symbol[i]] = (uint8_t)(depth ? depth : 1); /* one symbol alone has one bit */
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest;
}

void huffman_build(const uint32_t count[HUFFMAN_SYMBOLS], struct huffman *out)
{
    uint32_t weight[HUFFMAN_SYMBOLS];

    memcpy(weight, count, sizeof weight);
    /* Halving rare symbols' disadvantage flattens the tree: not the best code of 9 bits, but within
     * a tenth of a percent of it, and simple. */
    while (depths(weight, out->length) > HUFFMAN_BITS_MAX)
        for (size_t s = 0; s < HUFFMAN_SYMBOLS; s++)
            weight[s] = weight[s] ? weight[s] / 2 + 1 : 0;
    assign(out->length, out->code);
}

int huffman_table(const uint8_t length[HUFFMAN_SYMBOLS],
                  struct huffman_entry out[1u << HUFFMAN_BITS_MAX])
{
    uint16_t code[HUFFMAN_SYMBOLS];
    unsigned space = 0, symbols = 0, bits = 1;

    for (size_t s = 0; s < HUFFMAN_SYMBOLS; s++) {
        if (length[s] > HUFFMAN_BITS_MAX)
            return -1;
        if (length[s]) {
            space += 1u << (HUFFMAN_BITS_MAX - length[s]);
            symbols++;
            bits = length[s] > bits ? length[s] : bits;
        }
    }
    if (space != 1u << HUFFMAN_BITS_MAX && !(symbols == 1 && space == 1u << (HUFFMAN_BITS_MAX - 1)))
        return -1;
    assign(length, code);
    memset(out, 0, (1u << bits) * sizeof *out); /* length 0: no code */
    for (size_t s = 0; s < HUFFMAN_SYMBOLS; s++) {
        if (!length[s])
            continue;
        for (unsigned at = code[s]; at < 1u << bits; at += 1u << length[s])
            out[at] = (struct huffman_entry){(uint8_t)s, length[s]};
    }
    return (int)bits;
}
