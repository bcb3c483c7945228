/* What was kept of pings and beacons: whatever the bytes are, they are refused, or written again
 * they say the same. The first byte chooses which of the two. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "collect/push/beacons.h"
#include "collect/push/pings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_pings(struct str bytes)
{
    struct pings *p = pings_new(), *again = pings_new();
    SCOPED(buf_fini) struct buf written = {.max_bytes = 1u << 24};
    struct err err;

    if (pings_read(p, bytes, &err) == 0) {
        pings_write(p, &written);
        assert(pings_read(again, buf_str(&written), &err) == 0);
        assert(pings_count(again).names == pings_count(p).names);
    }
    pings_free(p);
    pings_free(again);
}

static void check_beacons(struct str bytes)
{
    struct beacons *b = beacons_new(), *again = beacons_new();
    SCOPED(buf_fini) struct buf written = {.max_bytes = 1u << 24};
    struct err err;

    if (beacons_read(b, bytes, &err) == 0) {
        beacons_write(b, &written);
        assert(beacons_read(again, buf_str(&written), &err) == 0);
        assert(beacons_count(again).sessions == beacons_count(b).sessions);
    }
    beacons_free(b);
    beacons_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = str_skip((struct str){(const char *)data, size}, 1);

    if (size == 0)
        return 0;
    if (data[0] & 1)
        check_beacons(bytes);
    else
        check_pings(bytes);
    return 0;
}
