/* The parts of a URL lie in it, one after the other, and no message quotes a secret. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "text/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_within(struct str part, struct str text)
{
    assert(part.n == 0 || (part.p >= text.p && part.p + part.n <= text.p + text.n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SCOPED(arena_fini) struct arena a;
    struct str text = {(const char *)data, size}, key, value;
    const char *decoded;
    struct url u;

    arena_init(&a, NULL);
    if (url_split(text, &u, NULL) < 0)
        return 0;
    check_within(u.user, text);
    check_within(u.password, text);
    check_within(u.host, text);
    check_within(u.path, text);
    assert(url_place(&a, &u, "h", 1, NULL) != NULL);
    if (url_decode(&a, u.password, &decoded, NULL) == 0)
        assert(strlen(decoded) <= u.password.n);
    while (url_next_param(&u.query, &key, &value)) {
        check_within(key, text);
        check_within(value, text);
    }
    return 0;
}
