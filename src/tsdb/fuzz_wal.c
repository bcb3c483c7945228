/* The log reader and replay on hostile bytes: whatever they are, the head that comes out is sound.
 *
 * The input is taken as records without checksums, so that mutations reach the payloads: type u8,
 * flags u8, length u8, payload. Each becomes a good record with the next number, unless its flags
 * say that it is damaged; a flag begins the next segment, another lets wal/synced vouch for the
 * record. Then the same bytes are read as a segment as they are.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/str.h"
#include "sys/fs.h"
#include "sys/fs_fault.h"
#include "tsdb/head.h"
#include "tsdb/metadata_store.h"
#include "tsdb/replay.h"
#include "tsdb/wal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { GROUP = 7, MARKED = 32, DAMAGED = 64, NEXT_SEGMENT = 128 };

static void read_log(struct fs *fs)
{
    struct metadata_store metadata;
    struct wal_found found;
    struct replay r;
    struct head h;
    struct err err;

    head_init(&h, 1000);
    metadata_store_init(&metadata);
    replay_init(&r, &h, &metadata);
    if (wal_read(fs, NULL, &r.handler, &found, &err) < 0)
        assert(err.kind == ERR_TYPE);
    for (size_t i = 0; i < h.active_n; i++)
        assert(window_valid(h.active[i]));
    for (size_t i = 0; i < h.frozen_n; i++)
        assert(window_valid(h.frozen[i]));
    replay_fini(&r);
    metadata_store_fini(&metadata);
    head_fini(&h);
    fs_free(fs);
}

static void put_segment(struct fs *fs, unsigned number, struct buf *log)
{
    char name[32];

    (void)snprintf(name, sizeof name, WAL_FOLDER "/0-%u.log", number);
    fs_fault_put(fs, name, log->p ? log->p : "", log->n);
    buf_reset(log);
}

static void add_mark(struct buf *marks, uint64_t seq)
{
    unsigned char mark[16] = {0};
    uint32_t crc;

    memcpy(mark + 8, &seq, sizeof seq);
    crc = crc32c(0, mark + 4, sizeof mark - 4);
    memcpy(mark, &crc, sizeof crc);
    buf_add(marks, (struct str){(const char *)mark, sizeof mark});
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fs *fs = fs_fault_new();
    struct buf log, marks;
    uint64_t seq = 1;
    unsigned segment = 1;

    buf_init(&log, 0);
    buf_init(&marks, 0);
    for (size_t at = 0; at + 3 <= size;) {
        size_t len = data[at + 2], start;
        unsigned flags = data[at + 1];

        len = len < size - at - 3 ? len : size - at - 3;
        if (flags & NEXT_SEGMENT)
            put_segment(fs, segment++, &log);
        start = wal_record_begin(&log);
        buf_add(&log, (struct str){(const char *)data + at + 3, len});
        wal_record_end(&log, start, (enum wal_type)(1 + data[at] % (WAL_TYPES - 1)), flags & GROUP,
                       seq);
        if (flags & DAMAGED)
            log.p[start] ^= 1; /* its checksum */
        if (flags & MARKED)
            add_mark(&marks, seq);
        /* The top bit leaves a hole. */
        seq += data[at] & 128 ? 2 : 1;
        at += 3 + len;
    }
    put_segment(fs, segment, &log);
    if (marks.n)
        fs_fault_put(fs, WAL_MARKS, marks.p, marks.n);
    read_log(fs);
    buf_fini(&marks);
    buf_fini(&log);

    fs = fs_fault_new();
    fs_fault_put(fs, "wal/0-1.log", data, size);
    read_log(fs);
    return 0;
}
