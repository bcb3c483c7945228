/* selectors: the match[] parameters of a request, parsed, and the series that any of them matches.
 *
 * Threads: a lane's, since regular expressions are compiled and the store is asked.
 */
#ifndef API_SELECTORS_H
#define API_SELECTORS_H

#include <stddef.h>

#include "base/attr.h"
#include "base/clock.h"

struct api_job;
struct api_params;
struct arena;
struct err;
struct labels;
struct matcher;
struct source_series;
struct source_set;

struct selector {
    struct matcher *matchers;
    size_t n;
};

struct selectors {
    struct selector *items; /* in the arena, one a match[] */
    size_t n;
};

/* Every match[], in order; none is fine. The list may be half built on -1: free it all the same. */
MUST_USE int selectors_read(const struct api_params *p, struct arena *a, struct selectors *out,
                            struct err *err);
/* Releases compiled expressions; the arena keeps the rest. */
void selectors_free(struct selectors *s);
/* ERR_SYNTAX when one of them would match every series. */
MUST_USE int selectors_check(const struct selectors *s, struct err *err);
/* Gives those the matcher __name__!="", which no series worth its name fails. */
MUST_USE int selectors_narrow(struct selectors *s, struct arena *a, struct err *err);

/* Has the client gone, or the time of the job run out? Looked at between selectors. */
MUST_USE int selectors_may_go_on(const struct api_job *job, struct err *err);

/* Reads each series of a set and hands it on; its samples are gone after `add`. */
MUST_USE int selectors_each(struct api_job *job, struct source_set *set,
                            int (*add)(struct api_job *job, const struct labels *labels,
                                       const struct source_series *series, struct err *err),
                            struct err *err);

/* The label sets of all series with samples in [mint, maxt] that some selector matches: sorted,
 * unique, in the job's arena. */
MUST_USE int selectors_series(struct api_job *job, const struct selectors *s, ts_ms mint,
                              ts_ms maxt, const struct labels *const **out, size_t *n,
                              struct err *err);

#endif
