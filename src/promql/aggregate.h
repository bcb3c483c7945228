/* aggregate: what the files of the aggregations share. */
#ifndef PROMQL_AGGREGATE_H
#define PROMQL_AGGREGATE_H

#include "promql/eval.h"

struct groups {
    struct label_index index; /* the groups' labels, in order of first sight */
    uint32_t *of;             /* [series]: number of its group */
};

/* What by (...) or without (...) leaves of a label set. */
MUST_USE int group_labels(const struct expr *e, struct arena *a, const struct labels *ls,
                          const struct labels **out, struct err *err);
MUST_USE int groups_find(const struct expr *e, struct arena *a, const struct labels *const labels[],
                         size_t n, struct groups *out, struct err *err);

/* aggregate_pick.c: topk, bottomk, limitk, limit_ratio: some of the series as they are. */
MUST_USE int aggregate_pick(struct eval *ev, const struct grid *grid, const struct expr *e,
                            struct stream **out, struct err *err);
/* aggregate_values.c: all values of a group at a step at once. */
MUST_USE int aggregate_quantile(struct eval *ev, const struct grid *grid, const struct expr *e,
                                struct stream **out, struct err *err);
MUST_USE int aggregate_count_values(struct eval *ev, const struct grid *grid, const struct expr *e,
                                    struct stream **out, struct err *err);

#endif
