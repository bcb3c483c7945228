/* Any bytes as what `ls -l` prints: no path leads out of /proc. */
#include <stdlib.h>
#include <string.h>

#include "collect/ssh/links.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct links l = {.rest = {(const char *)data, size}};
    struct link link;

    while (links_next(&l, &link))
        if (strncmp(link.path, "/proc/", 6) != 0 || strstr(link.path, ".."))
            abort();
    return 0;
}
