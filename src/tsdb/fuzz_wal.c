/* The log reader and replay on hostile bytes: whatever they are, the head that comes out is sound.
 *
 * The input is taken as records without checksums, so that mutations reach the payloads: type u8,
 * group u8, length u8, payload. Each becomes a good record with the next number; then the same
 * bytes are read as a segment as they are.
 */
#include <assert.h>
#include <stdint.h>

#include "base/err.h"
#include "sys/fs.h"
#include "sys/fs_fault.h"
#include "tsdb/head.h"
#include "tsdb/metadata_store.h"
#include "tsdb/replay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_log(const void *p, size_t n)
{
    struct fs *fs = fs_fault_new();
    struct metadata_store metadata;
    struct wal_found found;
    struct replay r;
    struct head h;
    struct err err;

    fs_fault_put(fs, "wal/0-1.log", p, n);
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf log;
    uint64_t seq = 1;

    buf_init(&log, 0);
    for (size_t at = 0; at + 3 <= size;) {
        size_t len = data[at + 2], start = wal_record_begin(&log);

        len = len < size - at - 3 ? len : size - at - 3;
        buf_add(&log, (struct str){(const char *)data + at + 3, len});
        wal_record_end(&log, start, (enum wal_type)(1 + data[at] % (WAL_TYPES - 1)),
                       data[at + 1] % 8, seq);
        /* The top bit leaves a hole. */
        seq += data[at] & 128 ? 2 : 1;
        at += 3 + len;
    }
    read_log(log.p ? log.p : "", log.n);
    buf_fini(&log);
    read_log(data, size);
    return 0;
}
