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
#include <stdint.h>

#include "base/attr.h"
#include "base/clock.h"
#include "model/labels.h"
#include "model/metadata.h"

struct err;

/* Where a sample stands in the text it was read from. */
struct emit_text {
    struct str series; /* name and labels; p NULL: the sample comes without a text */
    struct str value;
    const char *end; /* of the line, newline included */
    /* Of the last TYPE line. The same text of a series under the same type is the same series. */
    enum metric_type type;
    bool metadata; /* HELP, TYPE or UNIT lines stand between the sample before and this one */
    /* The same bytes since the sample before, after the same text, say the same again: nothing
     * but the value stands between series and newline, and no metadata goes on with the family
     * before. */
    bool repeats;
};

struct emit_sample {
    struct str name; /* the metric name, suffixes included */
    struct emit_text text;
    /* Without __name__; any order. A hostile exposition may repeat a name: labels_build refuses. */
    const struct label *labels;
    size_t labels_n;
    double value;
    ts_ms ts;
    bool has_ts;
    bool has_exemplar;
    bool exemplar_has_ts;
    const struct label *exemplar_labels;
    size_t exemplar_labels_n;
    double exemplar_value;
    ts_ms exemplar_ts;
};

/* A piece of work that a source tells of by itself, beside its series. */
struct emit_job {
    struct str id, status; /* of this source; status as the source words it */
    struct str model;      /* n 0: not told */
};

/* A piece of work whose times the source knows. Texts that are not told have n 0. */
struct emit_clip {
    struct str id;     /* of this source */
    struct str model;  /* what it was done with */
    struct str name;   /* what was done */
    struct str worker; /* who did it */
    struct str status; /* as the source words it */
    ts_ms start, end;  /* end: of an open one, now */
    bool open;
    bool again; /* it was told of while it was open: what becomes of it is not held back */
};

struct emit {
    MUST_USE int (*family)(struct emit *e, const struct metadata *family, struct err *err);
    MUST_USE int (*sample)(struct emit *e, const struct emit_sample *sample, struct err *err);
    /* Optional. At the start of a line, when no metadata is held back: how many bytes of the text
     * from here on this receiver has dealt with already, since they came before and say the same.
     * They are whole lines, the last one a sample's. *type is the one in force here, and becomes
     * the one in force behind; *metadata becomes the last block of lines with metadata among
     * them, and stays as it is when there is none. */
    size_t (*skip)(struct emit *e, struct str text, enum metric_type *type, struct str *metadata);
    /* Optional: who does not keep jobs has none. One without id says that there is a list, of
     * which all are told in this cycle. */
    MUST_USE int (*job)(struct emit *e, const struct emit_job *job, struct err *err);
    /* Optional, as `job`. Those of a cycle; `left_out` more were not kept (model/clips.h). */
    MUST_USE int (*clips)(struct emit *e, const struct emit_clip clips[], size_t n,
                          uint64_t left_out, struct err *err);
};

/* One family with one sample without labels: the commonest case. */
MUST_USE int emit_value(struct emit *e, const char *name, enum metric_type type, const char *help,
                        double value, struct err *err);

#endif
