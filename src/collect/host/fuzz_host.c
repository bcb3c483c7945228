/* Every parser of the host collector over a machine that the fuzzer writes (fixture.h). */
#include <stddef.h>
#include <stdint.h>

#include "collect/host/fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fixture f;
    struct buf out;

    buf_init(&out, 4u << 20);
    fixture_open(&f, (struct str){(const char *)data, size});
    fixture_collect(&f, &out);
    manual_clock_advance(&f.clock, 5000);
    buf_reset(&out);
    fixture_collect(&f, &out); /* with what the first pass has left behind */
    fixture_close(&f);
    buf_fini(&out);
    return 0;
}
