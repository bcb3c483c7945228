/* A file of tombstones. The checksums of what looks like records are made right first, so that what
 * lies behind them is reached. */
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "model/labels.h"
#include "sys/fs.h"
#include "sys/fs_fault.h"
#include "tsdb/tomb.h"
#include "tsdb/tomb_log.h"
#include "tsdb/wal_record.h"

#define HEADER_BYTES 16u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_crc(uint8_t *at, uint32_t crc)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(crc >> (8 * i));
}

static void seal(uint8_t *p, size_t n)
{
    struct wal_header h;

    if (n < HEADER_BYTES)
        return;
    put_crc(p + 12, crc32c(0, p, 12));
    for (size_t at = HEADER_BYTES;
         wal_header_read(p + at, n - at, &h) && wal_record_bytes(h.payload_bytes) <= n - at;
         at += wal_record_bytes(h.payload_bytes))
        put_crc(p + at, crc32c(0, p + at + 4, wal_record_bytes(h.payload_bytes) - 4));
}

static void apply(const struct tombs *t)
{
    static const ts_ms ts[] = {-5, 0, 1000, 2000, 3000};
    SCOPED(arena_fini) struct arena a;
    struct label up = {STR(LABEL_NAME), STR("up")};
    struct tomb_list l = tombs_of_block(t, 1, 0, 5000);
    struct tomb_spans spans = {0};
    const struct labels *ls;
    struct err err;

    arena_init(&a, NULL);
    if (labels_build(&a, &up, 1, &ls, &err) == 0 && tomb_list_spans(&l, ls, &spans)) {
        size_t span = 0, at = 0;

        for (size_t i = 1; i < spans.n; i++)
            if (spans.items[i].from <= spans.items[i - 1].to)
                __builtin_trap();
        while (at < 5)
            at = tomb_spans_next(spans.items, spans.n, ts, 5, at, true, &span) + 1;
    }
    tomb_spans_fini(&spans);
    tomb_list_fini(&l);
}

/* What was read is written and read once more: the same. */
static void again(struct fs *fs, const struct tombs *t)
{
    struct tomb_log_found found;
    struct err err;

    if (tomb_log_rewrite(fs, t, &err) < 0 || tomb_log_read(fs, &found, &err) < 0 || found.corrupt ||
        found.torn || found.records != (t ? t->n : 0))
        __builtin_trap();
    tombs_unref(found.tombs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = mem_dup(data, size);

    for (int sealed = 0; sealed < 2; sealed++) {
        struct fs *fs = fs_fault_new();
        struct tomb_log_found found = {0};
        struct err err;

        if (sealed)
            seal(copy, size);
        fs_fault_put(fs, TOMB_LOG, copy, size);
        if (tomb_log_read(fs, &found, &err) == 0) {
            apply(found.tombs);
            again(fs, found.tombs);
        }
        tombs_unref(found.tombs);
        fs_free(fs);
    }
    mem_free(copy);
    return 0;
}
