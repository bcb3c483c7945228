/* Any bytes are a zone, whose offsets are less than 27 hours, or refused. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "text/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct err err = {0};
    struct zone z;

    arena_init(&arena, NULL);
    if (zone_parse(&arena, (struct str){(const char *)data, size}, &z, &err) == 0) {
        for (int64_t t = INT64_C(-3000000000); t < INT64_C(9000000000); t += INT64_C(97654321)) {
            int32_t offset = zone_offset(&z, t);

            assert(offset >= -27 * 3600 && offset <= 27 * 3600);
            (void)zone_to_unix(&z, t);
        }
    }
    arena_fini(&arena);
    return 0;
}
