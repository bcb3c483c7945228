/* annotate: warnings and infos of a query, in Prometheus' words.
 *
 * Each is kept once, in order of first sight; texts that differ only in place count as one. Memory
 * is the query's arena; past 1,000 distinct notes the rest is only counted. Of warnings and of
 * infos the first ANNOTATIONS_SHOWN are told, and how many more there are.
 */
#ifndef PROMQL_ANNOTATE_H
#define PROMQL_ANNOTATE_H

#include "base/attr.h"
#include "base/clock.h"
#include "base/str.h"
#include "promql/ast.h"

#define ANNOTATIONS_SHOWN 10u

struct arena;
struct err;

struct annotation {
    const char *text; /* without the place */
    bool is_warning;
    uint32_t start; /* byte of the query; UINT32_MAX: none */
    /* Forced monotonicity merges what it saw. */
    bool monotone;
    double bucket_min, bucket_max, diff_max;
    ts_ms ts_min, ts_max;
    uint64_t times;
};

struct annotations {
    struct arena *arena;
    struct str query;
    struct annotation *items;
    size_t n, cap;
    size_t dropped[2]; /* [is_warning]: past those kept */
};

void annotations_init(struct annotations *a, struct arena *arena, struct str query);
/* "PromQL warning: " and the text; `at` NULL: no place. */
MUST_USE int annotate_warning(struct annotations *a, const struct expr *at, struct err *err,
                              const char *fmt, ...) PRINTF_LIKE(4, 5);
MUST_USE int annotate_info(struct annotations *a, const struct expr *at, struct err *err,
                           const char *fmt, ...) PRINTF_LIKE(4, 5);
/* A text of the store's, as it is. */
MUST_USE int annotate_source(struct annotations *a, const char *text, struct err *err);
/* histogram_quantile had to force its buckets to rise. `metric` may be empty. */
MUST_USE int annotate_monotone(struct annotations *a, const struct expr *at, struct str metric,
                               ts_ms ts, double bucket_min, double bucket_max, double diff,
                               struct err *err);
MUST_USE int annotate_quantile(struct annotations *a, const struct expr *at, double q,
                               struct err *err);
/* As texts, from the arena. */
MUST_USE int annotations_list(const struct annotations *a, bool warnings, const char ***out,
                              size_t *n, struct err *err);

#endif
