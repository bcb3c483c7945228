/* The first byte chooses the format. What a parser emits of the rest is written, and that must read
 * back as the same again. */
#include <assert.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/expo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int parse(struct str body, enum expo_format format, struct emit *emit)
{
    struct budget budget;
    struct arena scratch;
    struct err err = {.kind = ERR_NONE};
    int rc;

    budget_init(&budget, "scratch", 1u << 20, NULL);
    arena_init(&scratch, &budget);
    rc = expo_parse(body, format, &scratch, emit, &err);
    if (rc < 0)
        assert(err.kind != ERR_NONE && err.text[0]);
    if (rc < 0 && err.kind == ERR_SYNTAX)
        assert(err.at.line && err.at.column && err.at.column <= body.n + 1);
    arena_fini(&scratch);
    return rc;
}

/* ---- written and read again ---- */

static int parse_into(struct str body, enum expo_format format, struct buf *out)
{
    struct expo_writer w;
    int rc;

    expo_writer_init(&w, format, out);
    rc = parse(body, format, &w.emit);
    expo_writer_end(&w);
    return rc;
}

static void round_trip(struct str body, enum expo_format format)
{
    struct buf once, twice, thrice;

    buf_init(&once, 0);
    buf_init(&twice, 0);
    buf_init(&thrice, 0);
    if (parse_into(body, format, &once) == 0) {
        /* A counter's name gains _total when written, so only the second pass is a fixed point. */
        assert(parse_into(buf_str(&once), format, &twice) == 0);
        assert(parse_into(buf_str(&twice), format, &thrice) == 0);
        assert(str_eq(buf_str(&twice), buf_str(&thrice)));
    }
    buf_fini(&once);
    buf_fini(&twice);
    buf_fini(&thrice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum expo_format format = size && data[0] & 1 ? EXPO_OPENMETRICS : EXPO_TEXT;

    if (size)
        round_trip((struct str){(const char *)data + 1, size - 1}, format);
    return 0;
}
