/* collector: an entry of collect.json as a native collector: bodies of answers in, series out. */
#ifndef COLLECT_JSON_COLLECTOR_H
#define COLLECT_JSON_COLLECTOR_H

#include <stdatomic.h>

#include "base/attr.h"

struct clock;
struct collector;
struct err;
struct json_settings;
struct log;

/* What was left out, of all entries; any thread. */
struct json_counts {
    atomic_uint_fast64_t values_invalid; /* of the wrong kind */
    atomic_uint_fast64_t lines_invalid;  /* of files */
};

/* All that is given is borrowed until the collector is freed. */
MUST_USE int json_collector_make(const struct json_settings *settings, const struct clock *clock,
                                 struct log *log, struct json_counts *counts, struct collector *out,
                                 struct err *err);

#endif
