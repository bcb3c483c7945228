/* emit: where a producer of metrics writes them: families, then their samples.
 *
 * The exposition parser, the native collectors and earshot's own metrics all speak to a
 * `struct emit`; behind it stands a scrape's commit (collect/target.h) or the text writer
 * (model/expo.h). Call order: family, then samples of that family; or a sample without a family
 * (type unknown).
 *
 * Errors: a method returns -1 to stop the producer (a limit was hit); hand it on.
 * Ownership: all views are borrowed for the length of the call.
 */
#ifndef MODEL_EMIT_H
#define MODEL_EMIT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/clock.h"
#include "model/labels.h"
#include "model/metadata.h"

struct err;

struct emit_sample {
    struct str name; /* the metric name, suffixes included */
    /* Name and labels as they were exposed: the same text is the same series, so that a receiver
     * may know it again without building its labels. p NULL: there is no such text. */
    struct str series;
    /* Without __name__; any order. A hostile exposition may repeat a name: labels_build refuses. */
    const struct label *labels;
    size_t labels_n;
    double value;
    ts_ms ts;
    bool has_ts;
    bool has_exemplar;
    bool exemplar_has_ts;
    /* `expect` knew the series: name and labels are not set, only `series`. */
    bool expected;
    const struct label *exemplar_labels;
    size_t exemplar_labels_n;
    double exemplar_value;
    ts_ms exemplar_ts;
};

struct emit {
    MUST_USE int (*family)(struct emit *e, const struct metadata *family, struct err *err);
    MUST_USE int (*sample)(struct emit *e, const struct emit_sample *sample, struct err *err);
    /* Optional. Before a parser takes a line apart: does it begin with the text of a series that
     * this receiver has had from a parser before, and expects next? The length of that text, or 0.
     * The next sample is that series, or the line is broken. */
    size_t (*expect)(struct emit *e, struct str line);
    /* With it: is this block of metadata lines the one that came here before? Then it is skipped,
     * and *type is what `learn_block` was told: the type in force behind it. */
    bool (*expect_block)(struct emit *e, struct str block, enum metric_type *type);
    void (*learn_block)(struct emit *e, struct str block, enum metric_type type);
};

/* One family with one sample without labels: the commonest case. */
MUST_USE int emit_value(struct emit *e, const char *name, enum metric_type type, const char *help,
                        double value, struct err *err);

#endif
