/* block_layout: the numbers that writer and reader of a block share (FORMAT.md, "Block").
 *
 *   header | GROUP | DATA | SYM | PAIRS | SERIES | DIR | POST | footer | tail
 *
 * Each section is cut into pages of 64 KiB counted from its own start; the footer has a CRC32C for
 * each. A section may end in a table of entries of fixed size.
 */
#ifndef TSDB_BLOCK_LAYOUT_H
#define TSDB_BLOCK_LAYOUT_H

#include <stdint.h>

#define BLOCK_MAGIC     "earshotB"
#define BLOCK_MAGIC_END "earshotE"
#define BLOCK_MAGIC_N   8u
#define BLOCK_MAJOR     0u
#define BLOCK_MINOR     0u

#define BLOCK_HEADER_BYTES 64u /* without parents and the CRC after them */
#define BLOCK_PARENTS_MAX  4096u
#define BLOCK_FLAG_SIDE    1u
#define BLOCK_TOC_BYTES    48u /* an entry */
#define BLOCK_TAIL_BYTES   24u
#define BLOCK_FOOTER_MAX   (64u << 20)
#define BLOCK_SECTIONS_MAX 64u
#define BLOCK_PAGE_BYTES   65536u
#define SECTION_OPTIONAL   1u /* flag of a section that a reader may skip when unknown */

enum section_type {
    SECTION_GROUP = 1, /* columns; table: u32 offset a group */
    SECTION_DATA,      /* presence and chunks, in series order; no table */
    SECTION_SYM,       /* zstd frames of front-coded strings; table: u32 offset, u32 first symbol */
    SECTION_PAIRS,     /* u32 value symbol a pair; table: u32 symbol, first pair, series a name */
    SECTION_SERIES,    /* pair ids; table: u32 offset every SERIES_RESTART series */
    SECTION_DIR,       /* parts and chunks; table: u32 offset, u64 offset in DATA, as often */
    SECTION_POST,      /* posting lists; table: u32 offset a pair */
    SECTION_TYPES,     /* one past the last */
};

#define SYM_RESTART     16u        /* strings between two written whole */
#define SYM_FRAME_BYTES 32768u     /* a frame is closed when it has so many bytes */
#define SYM_FRAME_MAX   (2u << 20) /* one label value can be 1 MiB */
#define PAIR_NAME_BYTES 12u
#define SERIES_RESTART  64u
#define DIR_TABLE_BYTES 12u

/* The control byte of a part in DIR. */
#define PART_MORE     0x01u /* another part of the same series follows */
#define PART_WHOLE    0x02u /* all positions of its group's column */
#define PART_PRESENCE 0x04u /* some positions are absent */
#define PART_SAME_GROUP                                                                            \
    0x08u                 /* as the part before, in the same stretch of SERIES_RESTART series      \
                           */
#define PART_CHUNKS 0x10u /* more than one chunk: their number follows */
#define PART_KNOWN  0x1fu

#define CHUNK_INLINE_MAX 16u /* chunks up to this size stand in DIR itself */

/* A part of n positions has so many chunks, of so many positions each but the last. */
static inline uint32_t part_chunks(uint32_t n)
{
    return n / 2048u + (n % 2048u != 0);
}

static inline uint32_t part_chunk_positions(uint32_t n)
{
    uint32_t chunks = part_chunks(n);

    return chunks ? n / chunks + (n % chunks != 0) : 0;
}

#endif
