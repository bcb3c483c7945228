/* Any bytes as what a far shell prints: no path leads out of the tree, and the reading ends. */
#include <stdlib.h>

#include "collect/ssh/snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SCOPED(buf_fini) struct buf content;
    struct str rest = {(const char *)data, size}, path;
    size_t files = 0, n = 0;

    buf_init(&content, 0);
    (void)snapshot_is_whole(rest, &n);
    if (n > size)
        abort();
    while (snapshot_next(&rest, &path, &content)) {
        if (path.p[0] != '/' || path.n > SNAPSHOT_PATH_MAX ||
            memmem(path.p, path.n, "..", 2) == path.p || memmem(path.p, path.n, "/..", 3) ||
            memchr(path.p, 0, path.n))
            abort();
        if (!content.n || content.p[content.n - 1] != '\n' || ++files > size)
            abort();
    }
    return 0;
}
