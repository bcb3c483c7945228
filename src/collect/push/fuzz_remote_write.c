/* The whole way of foreign bytes: snappy, wire format, label sets. The first byte says whether the
 * rest is compressed. */
#include <assert.h>

#include "base/arena.h"
#include "base/err.h"
#include "collect/push/write_request.h"
#include "model/labels.h"
#include "text/snappy_block.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(struct str message, struct arena *a)
{
    struct write_request request;
    struct err err = {.kind = ERR_NONE};
    size_t rows = 0, exemplars = 0;

    if (write_request_decode(message, a, &request, &err) < 0) {
        assert(err.kind != ERR_NONE);
        return;
    }
    for (size_t i = 0; i < request.series_n; i++) {
        const struct write_series *series = &request.series[i];
        const struct labels *labels;

        size_t before = exemplars;

        while (exemplars < request.exemplars_n && request.exemplars[exemplars].series == i) {
            const struct labels *ls = request.exemplars[exemplars++].labels;

            assert(labels_check(ls, labels_size(ls)));
        }
        assert(series->first_row == rows && (series->rows_n || exemplars > before));
        rows += series->rows_n;
        if (write_request_labels(series->labels, a, &labels, &err) == 0)
            assert(labels_check(labels, labels_size(labels)));
    }
    assert(rows == request.rows_n && exemplars == request.exemplars_n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct budget budget;
    struct arena arena;
    struct str body = {(const char *)data + 1, size - 1};
    size_t claimed;

    if (!size)
        return 0;
    budget_init(&budget, "fuzz", 64u << 20, NULL);
    arena_init(&arena, &budget);
    if (!(data[0] & 1) ||
        (snappy_block_size(body, WRITE_REQUEST_BYTES_MAX, "", &claimed, NULL) == 0 &&
         snappy_block_read(body, claimed, &arena, &body, NULL) == 0))
        decode(body, &arena);
    arena_fini(&arena);
    return 0;
}
