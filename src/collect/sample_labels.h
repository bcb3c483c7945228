/* sample_labels: under which labels a sample is stored: its own and its target's (target_labels.h),
 * then metric_relabel_configs, then what the job allows of them. Done once for each series that a
 * target is seen to expose; what came out is remembered with its line.
 *
 * Threads: any.
 */
#ifndef COLLECT_SAMPLE_LABELS_H
#define COLLECT_SAMPLE_LABELS_H

#include <stdbool.h>

#include "base/attr.h"

struct arena;
struct emit_sample;
struct err;
struct labels;
struct scrape_job;

/* *out NULL: a rule drops it. `job` NULL: no rules, no limits. Errors fail the scrape: a label
 * twice (ERR_SYNTAX), no name left (ERR_EVAL), a limit of the job's (ERR_LIMIT); in words that name
 * the series and the key. */
MUST_USE int sample_labels_make(const struct scrape_job *job, const struct labels *target,
                                bool honor_labels, const struct emit_sample *sample,
                                struct arena *a, const struct labels **out, struct err *err);

#endif
