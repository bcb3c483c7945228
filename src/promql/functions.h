/* functions: the table of PromQL functions; the parser, the checks and the engine read it.
 *
 * functions.def holds one line a function. Threads: immutable.
 */
#ifndef PROMQL_FUNCTIONS_H
#define PROMQL_FUNCTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "promql/query.h"

enum function_id {
#define FUNCTION(name, args, optional, result, flags, family, help) FN_##name,
#include "promql/functions.def"
#undef FUNCTION
    FN_COUNT
};

/* Who evaluates it: a file under functions/. */
enum function_family {
    FAMILY_MATH,      /* value by value */
    FAMILY_DATE,      /* value by value, read as a time */
    FAMILY_WINDOW,    /* a range vector to one value a step */
    FAMILY_SCALAR,    /* gives a scalar */
    FAMILY_LABELS,    /* changes labels or order */
    FAMILY_HISTOGRAM, /* classic histograms */
    FAMILY_NATIVE,    /* native histograms: none are stored yet */
    FAMILY_SPECIAL,   /* absent, vector, timestamp, info */
};

enum function_flag {
    FUNCTION_EXPERIMENTAL = 1 << 0,
    FUNCTION_KEEPS_NAME = 1 << 1,
    FUNCTION_ANCHORED = 1 << 2, /* fine behind `anchored` */
    FUNCTION_SMOOTHED = 1 << 3,
    FUNCTION_COUNTER = 1 << 4, /* says so when the metric does not look like a counter */
};

struct function {
    enum function_id id;
    const char *name;
    const char *args; /* one letter each: v(ector) m(atrix) s(calar) t(ext) */
    int optional;     /* how many may be left out or added past `args`; -1: no bound */
    enum promql_type result;
    unsigned flags;
    enum function_family family;
    const char *help;
};

const struct function *function_find(struct str name);
const struct function *function_at(enum function_id id);
/* The nearest name, NULL when none is near. */
const char *function_nearest(struct str name);
/* The type of argument i (the last letter counts for all that follow). */
enum promql_type function_arg(const struct function *f, size_t i);

#endif
