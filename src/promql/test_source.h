/* test_source: a struct source in memory, for tests and fuzzing only.
 *
 * Series that have the same timestamps share a column, as groups do in the store. With `run_len`
 * set, samples come in runs of that many without columns, so that the other path is walked too.
 */
#ifndef PROMQL_TEST_SOURCE_H
#define PROMQL_TEST_SOURCE_H

#include "base/arena.h"
#include "model/labels.h"
#include "model/source.h"

struct test_series {
    const struct labels *labels;
    ts_ms *ts;
    double *values;
    size_t n, cap, cap_values;
    uint64_t column_id;
};

struct test_source {
    struct source source; /* first */
    struct arena arena;
    struct test_series *series;
    size_t n, cap;
    size_t run_len; /* 0: one run and shared columns */
    bool sorted;
    const char *warning; /* of every set; NULL: none */
};

void test_source_init(struct test_source *s);
void test_source_fini(struct test_source *s);
/* Forgets all series. */
void test_source_clear(struct test_source *s);
/* One sample; times of a series in any order. Labels are copied. */
void test_source_add(struct test_source *s, const struct labels *labels, ts_ms ts, double value);

#endif
