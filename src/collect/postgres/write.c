#include "collect/postgres/write.h"

#include "collect/postgres/cell.h"
#include "collect/postgres/tuples.h"
#include "model/emit.h"
#include "model/sample.h"

static bool read_value(const struct write_source *from, struct str cell, unsigned type, double *out)
{
    if (cell.p)
        return cell_number(cell, type, out);
    *out = value_of_bits(NORMAL_NAN_BITS);
    return from->null_is_nan;
}

/* An empty value means "no such label". */
static size_t take_labels(const struct write_source *from, const struct str cells[],
                          struct label out[WRITE_LABELS_MAX + 1])
{
    size_t n = 0;

    for (size_t i = 0; i < from->labels_n; i++)
        if (cells[from->labels[i].column].n)
            out[n++] = (struct label){str_c(from->labels[i].name), cells[from->labels[i].column]};
    if (from->server.n)
        out[n++] = (struct label){STR("server"), from->server};
    return n;
}

int write_family(const struct write_source *from, const struct metadata *family, size_t column,
                 struct emit *emit, struct err *err)
{
    const struct tuples *rows = from->rows;
    bool told = false;

    for (size_t i = 0; i < rows->n; i++) {
        const struct str *cells = tuples_at(rows, i);
        struct label labels[WRITE_LABELS_MAX + 1];
        struct emit_sample sample = {.name = family->family, .labels = labels};

        if ((from->keep && !from->keep[i]) ||
            !read_value(from, cells[column], rows->columns[column].type, &sample.value))
            continue;
        if (!told && emit->family(emit, family, err) < 0)
            return -1;
        told = true;
        sample.labels_n = take_labels(from, cells, labels);
        if (emit->sample(emit, &sample, err) < 0)
            return -1;
    }
    return 0;
}
