#include "model/metadata.h"

#include "base/attr.h"

static const char *const names[] = {
    [METRIC_UNKNOWN] = "unknown",
    [METRIC_COUNTER] = "counter",
    [METRIC_GAUGE] = "gauge",
    [METRIC_HISTOGRAM] = "histogram",
    [METRIC_GAUGEHISTOGRAM] = "gaugehistogram",
    [METRIC_SUMMARY] = "summary",
    [METRIC_INFO] = "info",
    [METRIC_STATESET] = "stateset",
};

const char *metric_type_name(enum metric_type type)
{
    return (unsigned)type < ARRAY_LEN(names) ? names[type] : names[METRIC_UNKNOWN];
}

int metric_type_parse(struct str word, enum metric_type *out)
{
    if (str_eq(word, STR("untyped"))) {
        *out = METRIC_UNKNOWN;
        return 0;
    }
    for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
        if (str_eq(word, str_c(names[i]))) {
            *out = (enum metric_type)i;
            return 0;
        }
    }
    return -1;
}
