#include "model/emit.h"

int emit_value(struct emit *e, const char *name, enum metric_type type, const char *help,
               double value, struct err *err)
{
    struct metadata family = {.family = str_c(name), .type = type, .help = str_c(help)};
    struct emit_sample sample = {.name = str_c(name), .value = value};

    if (e->family(e, &family, err) < 0)
        return -1;
    return e->sample(e, &sample, err);
}
