/* Query strings: never longer than they were, never outside of them. */
#include <assert.h>

#include "base/arena.h"
#include "base/err.h"
#include "http/params.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_param *list = NULL;
    size_t n = 0, cap = 0, bytes = 0;
    struct arena a;
    struct err err;

    arena_init(&a, NULL);
    if (params_decode(&a, (struct str){(const char *)data, size}, &list, &n, &cap, &err) == 0)
        for (size_t i = 0; i < n; i++) {
            assert(list[i].name.p && list[i].value.p);
            bytes += list[i].name.n + list[i].value.n;
        }
    assert(bytes <= size);
    arena_fini(&a);
    return 0;
}
