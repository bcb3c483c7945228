/* select: asking the source on behalf of a query. */
#ifndef PROMQL_SELECT_H
#define PROMQL_SELECT_H

#include "base/attr.h"
#include "base/clock.h"
#include "model/source.h"

struct arena;
struct err;
struct eval;
struct expr;

/* The series a selector matches with samples in [mint, maxt]; the query's deadline goes along. */
MUST_USE int select_series(struct eval *ev, const struct expr *e, struct arena *a, ts_ms mint,
                           ts_ms maxt, struct source_set **out, struct err *err);

#endif
