/* Whatever a page sends, it is refused with words, or its numbers are ones that can be counted. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "collect/push/beacon_body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {.kind = ERR_NONE};
    struct beacon_body body;

    if (beacon_body_read((struct str){(const char *)data, size}, &body, &err) < 0) {
        assert(err.text[0]);
        return 0;
    }
    for (int i = 0; i < BEACON_COUNTERS; i++)
        assert(body.counts[i] <= UINT64_C(1) << 53 && (body.has[i] || body.counts[i] == 0));
    assert(body.latency_ms >= 0 && body.latency_ms <= 86400000);
    return 0;
}
