/* Any bytes as a message of a worker: what is read is the same after it was written again. */
#include <stdlib.h>

#include "base/err.h"
#include "collect/ssh/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SCOPED(buf_fini) struct buf once, twice;
    struct packet p;
    struct err err = {.kind = ERR_NONE};

    buf_init(&once, 0);
    buf_init(&twice, 0);
    if (packet_read((struct str){(const char *)data, size}, &p, &err) < 0) {
        if (err.kind != ERR_CORRUPT)
            abort();
        return 0;
    }
    packet_write(&p, &once);
    if (packet_read(buf_str(&once), &p, NULL) < 0)
        abort();
    packet_write(&p, &twice);
    if (!str_eq(buf_str(&once), buf_str(&twice)))
        abort();
    return 0;
}
