/* Any bytes as a file of known keys: after the change there is one line for the machine, and the
 * others are as they were. */
#include <stdlib.h>

#include "collect/ssh/known_hosts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t count(struct str text)
{
    size_t n = 0;

    while (text.p)
        n += known_hosts_is_for(str_split(&text, '\n'), "box", 22);
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SCOPED(buf_fini) struct buf once, twice;

    buf_init(&once, 0);
    buf_init(&twice, 0);
    known_hosts_change((struct str){(const char *)data, size}, "box", 22, STR("box k AAAA"), &once);
    if (count(buf_str(&once)) != 1)
        abort();
    known_hosts_change(buf_str(&once), "box", 22, STR("box k AAAA"), &twice);
    if (!str_eq(buf_str(&once), buf_str(&twice)))
        abort();
    return 0;
}
