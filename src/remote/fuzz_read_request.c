/* A remote read's body: snappy, wire format, matchers. The first byte says whether the rest is
 * compressed already. */
#include <assert.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "model/matcher.h"
#include "remote/read_request.h"
#include "text/snappy_block.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void pack(struct str message, struct buf *out)
{
    struct snappy_writer w;
    uint64_t n = message.n;

    for (; n >= 0x80; n >>= 7)
        buf_addc(out, (char)(n | 0x80));
    buf_addc(out, (char)n);
    snappy_writer_init(&w, 0);
    snappy_writer_add(&w, message);
    snappy_writer_flush(&w);
    buf_add(out, buf_str(&w.out));
    snappy_writer_fini(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SCOPED(buf_fini) struct buf packed = {0};
    struct budget budget;
    struct arena arena;
    struct read_request request;
    struct err err = {.kind = ERR_NONE};
    struct str body = {(const char *)data + 1, size - 1};

    if (!size)
        return 0;
    budget_init(&budget, "fuzz", 64u << 20, NULL);
    arena_init(&arena, &budget);
    if (data[0] & 1) {
        pack(body, &packed);
        body = buf_str(&packed);
    }
    if (read_request_decode(body, &arena, &request, &err) < 0) {
        assert(err.kind != ERR_NONE && err.text[0]);
    } else {
        assert(request.n <= READ_REQUEST_QUERIES_MAX);
        for (size_t i = 0; i < request.n; i++) {
            const struct read_query *q = &request.queries[i];

            assert(q->mint >= -TS_MS_MAX && q->mint <= TS_MS_MAX && q->maxt >= -TS_MS_MAX &&
                   q->maxt <= TS_MS_MAX);
            for (size_t k = 0; k < q->n; k++)
                (void)matcher_matches(&q->matchers[k], STR("value"));
        }
    }
    read_request_fini(&request);
    arena_fini(&arena);
    return 0;
}
