/* A text that is a duration prints and reads back the same; sizes only must not crash. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "text/duration.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    char out[32];
    uint64_t bytes;
    int64_t ms, back;

    if (size_parse(text, &bytes, NULL) == 0)
        assert(bytes < UINT64_C(1) << 63);
    if (duration_parse(text, &ms, NULL) < 0)
        return 0;
    assert(duration_parse(str_c(duration_print(ms, out)), &back, NULL) == 0 && back == ms);
    assert(strlen(duration_print_long(ms, out)) < sizeof out);
    return 0;
}
