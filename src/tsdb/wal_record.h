/* wal_record: the frame and the kinds of records of the write-ahead log (FORMAT.md, "Write-ahead
 * log").
 *
 *   crc32c u32 | payload length u32 | type u8 | version u8 | 0 u16 | group u32 | seq u64 | payload
 *
 * Records start at multiples of 8; the checksum spans the rest of the header, the payload and the
 * padding after it.
 *
 * Threads: none of its own.
 */
#ifndef TSDB_WAL_RECORD_H
#define TSDB_WAL_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct arena;
struct cursor;
struct err;
struct labels;

#define WAL_HEADER_BYTES  24u
#define WAL_PAYLOAD_MAX   (64u << 20)
#define WAL_VERSION       1
#define WAL_VERSION_MAJOR 0 /* in SEGMENT: a larger one is refused */

enum wal_type {
    WAL_INVALID,
    WAL_SEGMENT,
    WAL_SERIES,
    WAL_LAYOUT,
    WAL_KEY,
    WAL_SCRAPE,
    WAL_ABSENT,
    WAL_PUSH,
    WAL_ROWS,
    WAL_META,
    WAL_SYNC,
    WAL_FREEZE,
    WAL_CUT,
    WAL_DELETE,
    WAL_EXEMPLAR,
    WAL_TYPES,
};

struct wal_header {
    uint32_t crc, payload_bytes;
    uint8_t type, version;
    uint32_t group;
    uint64_t seq;
};

static inline size_t wal_record_bytes(size_t payload_bytes)
{
    return WAL_HEADER_BYTES + ((payload_bytes + 7) & ~(size_t)7);
}

/* Reserves the header in `b` and returns where the record starts. */
size_t wal_record_begin(struct buf *b);
/* Pads, and fills the header in. */
void wal_record_end(struct buf *b, size_t start, enum wal_type type, uint32_t group, uint64_t seq);

/* Header fields; looks at no checksum. False: these bytes cannot be a header. */
bool wal_header_read(const void *p, size_t n, struct wal_header *out);
/* The whole record is at p, n >= wal_record_bytes. */
bool wal_record_intact(const void *p, const struct wal_header *h);

/* One label set after another: what equals the set before costs a byte a label. `before` may be
 * NULL. */
void wal_put_labels(struct buf *b, const struct labels *ls, const struct labels *before);
MUST_USE int wal_get_labels(struct cursor *c, struct arena *a, const struct labels *before,
                            const struct labels **out, struct err *err);

#endif
