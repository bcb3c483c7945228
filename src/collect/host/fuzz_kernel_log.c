/* Records of the kernel's log, one a line. */
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "collect/host/kernel_log.h"
#include "collect/host/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size}, line;
    struct kernel_kill kill;

    while (scan_line(&text, &line))
        if (kernel_log_parse(line, &kill) && !str_is_utf8(str_c(kill.name)))
            __builtin_trap();
    return 0;
}
