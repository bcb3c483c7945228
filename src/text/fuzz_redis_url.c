/* Any bytes as the URL of a Redis: what was read says where it is. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "text/redis_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SCOPED(arena_fini) struct arena a;
    struct redis_url url;
    struct err err;

    arena_init(&a, NULL);
    if (redis_url_parse(&a, (struct str){(const char *)data, size}, &url, &err) < 0)
        return 0;
    if (!url.host == !url.path || (url.host && url.port == 0) || url.db > REDIS_URL_DB_MAX ||
        !redis_url_place(&a, &url, &err))
        abort();
    return 0;
}
