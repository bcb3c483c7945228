/* metadata: what a metric family says of itself. */
#ifndef MODEL_METADATA_H
#define MODEL_METADATA_H

#include "base/str.h"

enum metric_type {
    METRIC_UNKNOWN, /* "untyped" in the text format */
    METRIC_COUNTER,
    METRIC_GAUGE,
    METRIC_HISTOGRAM,
    METRIC_GAUGEHISTOGRAM,
    METRIC_SUMMARY,
    METRIC_INFO,
    METRIC_STATESET,
};

struct metadata {
    struct str family; /* metric name without _bucket, _sum, _count; with _total as exposed */
    enum metric_type type;
    struct str help, unit;
};

/* The words of the Prometheus API: "counter", "gaugehistogram", "unknown" ... */
const char *metric_type_name(enum metric_type type);
/* Reads those words, and "untyped" as METRIC_UNKNOWN. -1: not a type. */
int metric_type_parse(struct str word, enum metric_type *out);

#endif
