/* Whatever a server sends as a value, a setting or its unit: what is read is a number, and a row of
 * any text makes samples of sound UTF-8.
 *
 * The first byte chooses the type; then cells, parted by NUL. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "collect/postgres/cell.h"
#include "collect/postgres/parameters.h"
#include "collect/postgres/tuples.h"
#include "model/emit.h"
#include "model/labels.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int on_family(struct emit *e, const struct metadata *family, struct err *err)
{
    (void)e;
    (void)err;
    assert(family->family.n > 0 && name_is_legacy_metric(family->family));
    assert(str_is_utf8(family->help));
    return 0;
}

static int on_sample(struct emit *e, const struct emit_sample *sample, struct err *err)
{
    (void)e;
    (void)err;
    for (size_t i = 0; i < sample->labels_n; i++)
        assert(str_is_utf8(sample->labels[i].value) && sample->labels[i].value.n > 0);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned types[] = {
        25, 20, 701, CELL_BOOL, CELL_DATE, CELL_TIMESTAMP, CELL_TIMESTAMPTZ, CELL_INTERVAL};
    SCOPED(arena_fini) struct arena a;
    struct emit emit = {.family = on_family, .sample = on_sample};
    struct str rest = {(const char *)data, size};
    struct tuples rows = {.columns_n = 0};
    unsigned type;
    double v;

    arena_init(&a, NULL);
    if (size == 0)
        return 0;
    type = types[data[0] % ARRAY_LEN(types)];
    rest = str_skip(rest, 1);
    if (cell_number(rest, type, &v))
        assert(rest.n > 0);
    rows.columns_n = PARAMETERS_COLUMNS;
    rows.columns = arena_new_array(&a, struct tuples_column, PARAMETERS_COLUMNS, NULL);
    for (size_t i = 0; i < PARAMETERS_COLUMNS; i++)
        rows.columns[i] = (struct tuples_column){"c", type};
    while (rest.p) {
        struct str cells[PARAMETERS_COLUMNS];

        for (size_t i = 0; i < PARAMETERS_COLUMNS; i++)
            cells[i] = rest.p ? str_split(&rest, '\0') : (struct str){NULL, 0};
        assert(tuples_add(&rows, &a, cells, NULL) == 0);
    }
    assert(parameters_emit(&rows, STR("h:1"), &emit, &a, NULL) == 0);
    return 0;
}
