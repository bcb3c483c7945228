/* target_make: a discovered label set becomes a target, or is dropped.
 *
 * As Prometheus does it: the job's defaults (job, __scheme__, __metrics_path__,
 * __scrape_interval__, __scrape_timeout__, __param_*) are filled in, relabel_configs run, then
 * address, interval and timeout are taken back out of the labels, `instance` defaults to the
 * address, and labels that begin with __ go.
 *
 * Threads: any.
 */
#ifndef COLLECT_TARGET_MAKE_H
#define COLLECT_TARGET_MAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct arena;
struct err;
struct labels;
struct scrape_job;

struct made_target {
    const struct labels *discovered; /* before relabelling, defaults filled in: for the API */
    bool dropped;                    /* by a rule; nothing below is set */
    const struct labels *labels;     /* what its series carry */
    const char *url;                 /* with its parameters, encoded */
    int64_t interval_ms, timeout_ms;
};

/* Everything of *out lives in `a`. `own` wins over `group` (NULL: none). ERR_EVAL: the label set
 * is no target (no address, an interval that is none ...), in words that name the label. */
MUST_USE int target_make(const struct scrape_job *job, const struct labels *group,
                         const struct labels *own, struct arena *a, struct made_target *out,
                         struct err *err);

#endif
