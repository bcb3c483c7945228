/* Any bytes as answers of a Redis, fed in pieces: the first byte says how large. Each answer is a
 * tree without holes. */
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "collect/redis/resp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t walk(const struct resp *reply)
{
    size_t n = 1;

    if (reply->kind > RESP_LIST || (reply->kind != RESP_LIST && reply->n > 0))
        abort();
    if ((reply->kind == RESP_TEXT || reply->kind == RESP_STATUS || reply->kind == RESP_ERROR) &&
        (!reply->text.p || reply->text.p[reply->text.n] != '\0'))
        abort();
    for (size_t i = 0; i < reply->n; i++)
        n += walk(reply->items[i]);
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct resp *reply = NULL;
    size_t step = size > 0 ? (size_t)(data[0] & 0x1f) + 1 : 1;
    struct resp_reader *reader;
    struct budget budget;
    struct arena a;
    struct err err;
    bool ok = true;

    budget_init(&budget, "answers", 32u << 20, NULL);
    arena_init(&a, &budget);
    reader = resp_reader_new(&a);
    for (size_t at = 1; ok && at < size; at += step) {
        size_t n = size - at < step ? size - at : step;

        ok = resp_feed(reader, (const char *)data + at, n, &err) == 0;
        while (ok && (ok = resp_next(reader, &reply, &err) == 0) && reply)
            if (walk(reply) > size)
                abort();
    }
    resp_reader_free(reader);
    arena_fini(&a);
    if (budget.used_bytes != 0)
        abort();
    return 0;
}
