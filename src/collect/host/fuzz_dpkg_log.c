/* The log of dpkg: its first line is since when. */
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "collect/host/dpkg_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size}, since = str_split(&text, '\n');
    struct buf out = {0};

    dpkg_log_changes(text.p ? text : STR(""), since, &out);
    if (!str_is_utf8(buf_str(&out)))
        __builtin_trap();
    buf_fini(&out);
    return 0;
}
