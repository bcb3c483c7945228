/* Any bytes as the file of a container: each place leads on to the same lines, and Docker's words
 * about a container are no more than views. */
#include <assert.h>
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "collect/logs/engines.h"
#include "collect/logs/unwrap.h"
#include "text/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_places(const struct unwrap *u, struct str raw)
{
    size_t start = 0;

    for (size_t i = 0; i < u->n; i++) {
        const struct unwrap_line *line = &u->lines[i];
        struct unwrap rest;

        assert(line->end > start && line->end <= u->text.n && u->text.p[line->end - 1] == '\n');
        assert(line->end - start <= u->line_max + 1 && line->raw_end <= raw.n);
        start = line->end;
        unwrap_init(&rest, u->line_max);
        unwrap_read(&rest, str_skip(raw, line->raw_end), &line->at, UNWRAP_MORE);
        assert(str_eq(buf_str(&rest.text), str_skip(buf_str(&u->text), line->end)));
        unwrap_fini(&rest);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct unwrap_at begin = {0};
    struct str raw = {(const char *)data, size}, name, path;
    json_t *root = NULL;
    struct unwrap u;
    struct err err;

    if (size > 4096)
        return 0;
    unwrap_init(&u, 64);
    unwrap_read(&u, raw, &begin, UNWRAP_MORE);
    check_places(&u, raw);
    unwrap_read(&u, raw, &begin, UNWRAP_FULL);
    unwrap_read(&u, raw, &begin, UNWRAP_ENDED);
    assert(u.raw_end == size);
    unwrap_fini(&u);
    if (json_read(raw, &root, &err) == 0) {
        if (engines_read_docker(root, &name, &path))
            assert(name.n > 0);
        json_decref(root);
    }
    return 0;
}
