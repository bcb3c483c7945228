#include "collect/postgres/cell.h"

#include <math.h>

#include "text/iso_time.h"
#include "text/number.h"

static bool read_time(struct str s, unsigned type, double *out)
{
    struct iso_time t;

    if (str_eq(s, STR("infinity")) || str_eq(s, STR("-infinity"))) {
        *out = s.p[0] == '-' ? -INFINITY : INFINITY;
        return true;
    }
    if (!iso_time_parse(s, &t) || t.has_zone != (type == CELL_TIMESTAMPTZ))
        return false;
    *out = (double)(t.seconds - (t.has_zone ? t.offset : 0)) + t.nanos / 1e9;
    return true;
}

bool cell_number(struct str text, unsigned type, double *out)
{
    switch (type) {
    case CELL_BOOL:
        *out = str_eq(text, STR("t"));
        return text.n == 1 && (text.p[0] == 't' || text.p[0] == 'f');
    case CELL_DATE:
    case CELL_TIMESTAMP:
    case CELL_TIMESTAMPTZ:
        return read_time(text, type, out);
    default:
        return number_parse(text, out);
    }
}

const char *cell_hint(unsigned type)
{
    return type == CELL_INTERVAL ? "extract(epoch FROM it)" : "an expression that gives a number";
}
