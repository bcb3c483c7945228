/* target_labels: the labels of a sample and those of its target become one set, as Prometheus does
 * it (honor_labels in https://prometheus.io/docs/prometheus/latest/configuration/configuration/).
 *
 *   honor_labels false   the target's label wins; the sample's is kept as exported_NAME, with one
 *                        more "exported_" for each that is taken
 *   honor_labels true    the sample's label wins, an empty one too: it takes the label away
 */
#ifndef COLLECT_TARGET_LABELS_H
#define COLLECT_TARGET_LABELS_H

#include <stdbool.h>

#include "base/attr.h"
#include "model/labels.h"

struct arena;
struct emit_sample;
struct err;

MUST_USE int target_labels_build(struct arena *a, const struct labels *target, bool honor_labels,
                                 const struct emit_sample *sample, const struct labels **out,
                                 struct err *err);

#endif
