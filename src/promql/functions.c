#include "promql/functions.h"

static const struct function functions[FN_COUNT] = {
#define FUNCTION(name, args, optional, result, flags, family, help)                                \
    {FN_##name, #name, args, optional, PROMQL_##result, flags, FAMILY_##family, help},
#include "promql/functions.def"
#undef FUNCTION
};

const struct function *function_find(struct str name)
{
    for (size_t i = 0; i < FN_COUNT; i++)
        if (str_eq(name, str_c(functions[i].name)))
            return &functions[i];
    return NULL;
}

const struct function *function_at(enum function_id id)
{
    return &functions[id];
}

const char *function_nearest(struct str name)
{
    const char *names[FN_COUNT];

    for (size_t i = 0; i < FN_COUNT; i++)
        names[i] = functions[i].name;
    return str_nearest(name, names, FN_COUNT);
}

enum promql_type function_arg(const struct function *f, size_t i)
{
    size_t n = strlen(f->args);

    switch (f->args[i < n ? i : n - 1]) {
    case 'v':
        return PROMQL_VECTOR;
    case 'm':
        return PROMQL_MATRIX;
    case 's':
        return PROMQL_SCALAR;
    default:
        return PROMQL_STRING;
    }
}
