/* The strict check of a head: what it lets through has to be what it says. */
#include <assert.h>

#include "base/arena.h"
#include "base/err.h"
#include "http/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct head *h)
{
    assert(h->path.n && h->path.p[0] == '/' && h->raw_path.p[0] == '/');
    assert(!memchr(h->path.p, '\0', h->path.n) && str_is_utf8(h->path));
    assert(!h->chunked || !h->has_length);
    assert(h->http10 || h->host.n);
    for (size_t i = 0; i < h->headers_n; i++) {
        assert(h->headers[i].name.n);
        for (size_t k = 0; k < h->headers[i].value.n; k++)
            assert(h->headers[i].value.p[k] != '\r' && h->headers[i].value.p[k] != '\n');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str in = {(const char *)data, size};
    size_t seen = 0, n = 0;
    struct arena a;
    struct head h;
    struct err err;
    int status = 0;
    char *copy;

    arena_init(&a, NULL);
    if (head_find_end(in, &seen, &n) == HEAD_WHOLE) {
        copy = arena_cstr(&a, str_take(in, n), &err);
        assert(copy);
        if (head_parse(&a, copy, n, &h, &status, &err) == 0)
            check(&h);
        else
            assert(status >= 400 && status <= 599 && err.text[0]);
    }
    arena_fini(&a);
    return 0;
}
