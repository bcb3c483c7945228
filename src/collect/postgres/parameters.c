#include "collect/postgres/parameters.h"

#include "base/arena.h"
#include "base/err.h"
#include "collect/postgres/tuples.h"
#include "model/emit.h"
#include "text/number.h"

/* Of what backend_begin sets for the transaction the server's value counts, not ours. */
const char parameters_sql[] =
    "SELECT name, CASE WHEN name IN ('statement_timeout', 'lock_timeout', 'extra_float_digits', "
    "'transaction_read_only') THEN reset_val ELSE setting END, unit, short_desc, vartype "
    "FROM pg_settings WHERE vartype IN ('bool', 'integer', 'real')";

static const struct unit {
    struct str name;
    double factor, divisor; /* a division of whole numbers is exact where a factor is not */
    const char *suffix;
} units[] = {
    {STR("us"), 1, 1e6, "_seconds"},
    {STR("ms"), 1, 1e3, "_seconds"},
    {STR("s"), 1, 1, "_seconds"},
    {STR("min"), 60, 1, "_seconds"},
    {STR("h"), 3600, 1, "_seconds"},
    {STR("d"), 86400, 1, "_seconds"},
    {STR("B"), 1, 1, "_bytes"},
    {STR("kB"), 1024, 1, "_bytes"},
    {STR("MB"), 1 << 20, 1, "_bytes"},
    {STR("GB"), 1 << 30, 1, "_bytes"},
    {STR("TB"), 1024.0 * (1 << 30), 1, "_bytes"},
};

/* "8kB": a count may stand before the unit. */
static const struct unit *read_unit(struct str text, double *count)
{
    size_t n = 0;

    while (n < text.n && n < 9 && text.p[n] >= '0' && text.p[n] <= '9')
        *count = *count * 10 + (text.p[n++] - '0');
    if (n == 0)
        *count = 1;
    text = str_skip(text, n);
    for (size_t i = 0; i < ARRAY_LEN(units); i++)
        if (str_eq(text, units[i].name))
            return &units[i];
    return NULL;
}

/* False: it has no number that could be named soundly. */
static bool read_value(const struct str cells[], double *value, const char **suffix)
{
    const struct unit *unit;
    double count = 0;

    *suffix = "";
    if (str_eq(cells[4], STR("bool"))) {
        *value = str_eq(cells[1], STR("on"));
        return true;
    }
    if (!number_parse(cells[1], value))
        return false;
    if (!cells[2].n)
        return true;
    unit = read_unit(cells[2], &count);
    if (!unit)
        return false;
    *suffix = unit->suffix;
    if (*value != -1)
        *value = *value * count * unit->factor / unit->divisor;
    return true;
}

static const char *family_name(struct arena *a, struct str setting, const char *suffix,
                               struct err *err)
{
    char *name = arena_printf(a, err, "pg_settings_%.*s%s", STR_ARGS(setting), suffix);

    for (char *p = name; p && *p; p++)
        if (!(*p >= 'a' && *p <= 'z') && !(*p >= 'A' && *p <= 'Z') && !(*p >= '0' && *p <= '9'))
            *p = '_';
    return name;
}

static int emit_one(const struct str cells[], struct str server, struct emit *emit,
                    struct arena *scratch, struct err *err)
{
    struct label label = {STR("server"), server};
    struct emit_sample sample = {.labels = &label, .labels_n = 1};
    const char *suffix, *name, *help;
    struct metadata family = {.type = METRIC_GAUGE};

    if (!cells[0].n || !cells[1].p || !read_value(cells, &sample.value, &suffix))
        return 0;
    name = family_name(scratch, cells[0], suffix, err);
    help = arena_printf(scratch, err, "%.*s%s%s%s", STR_ARGS(cells[3]), *suffix ? " In " : "",
                        *suffix ? suffix + 1 : "", *suffix ? "." : "");
    if (!name || !help)
        return -1;
    family.family = sample.name = str_c(name);
    family.help = str_c(help);
    if (emit->family(emit, &family, err) < 0)
        return -1;
    return emit->sample(emit, &sample, err);
}

int parameters_emit(const struct tuples *rows, struct str server, struct emit *emit,
                    struct arena *scratch, struct err *err)
{
    for (size_t i = 0; i < rows->n; i++)
        if (emit_one(tuples_at(rows, i), server, emit, scratch, err) < 0)
            return -1;
    return 0;
}
