/* First line a pattern, the rest a text: whatever shape the matcher found, its answer is the regex
 * engine's. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/matcher.h"
#include "text/regex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size}, pattern = str_split(&text, '\n');
    struct budget budget;
    SCOPED(arena_fini) struct arena a;
    struct matcher m;
    struct regex *r = NULL;
    bool expected;

    budget_init(&budget, "fuzz", 16u << 20, NULL);
    arena_init(&a, &budget);
    if (matcher_init(&m, &a, MATCH_RE, STR("x"), pattern, NULL) < 0)
        return 0;
    if (regex_new(pattern, true, &r, NULL) < 0) {
        /* The engine may refuse for size alone what the shapes hold easily. */
        assert(m.shape != SHAPE_REGEX);
        return 0;
    }
    /* A dot of the engine's matches no broken UTF-8; Prometheus' does, and so does .* here. */
    if (str_is_utf8(text)) {
        expected = regex_matches(r, text);
        assert(matcher_matches(&m, text) == expected);
        assert(!expected || str_starts(text, m.prefix));
    }
    regex_free(r);
    matcher_fini(&m);
    return 0;
}
