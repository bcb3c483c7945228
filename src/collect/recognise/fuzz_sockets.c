/* Any text as a table of sockets: what is read makes sense, and the end is reached. */
#include <assert.h>

#include "base/attr.h"
#include "collect/recognise/sockets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size}, rest = text;
    struct tcp_row tcp;
    struct unix_row path;
    size_t lines = 0;

    while (sockets_next_tcp(&rest, &tcp)) {
        assert(tcp.reach == REACH_LOOPBACK || tcp.reach == REACH_OTHER);
        assert(++lines <= size);
    }
    rest = text;
    while (sockets_next_unix(&rest, &path))
        assert(path.path.n > 0 && path.path.p[0] == '/' &&
               path.path.p + path.path.n <= text.p + size);
    return 0;
}
