/* expo: the text exposition formats, read and written.
 *
 * Formats: Prometheus text 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/) and
 * OpenMetrics 1.0 (https://github.com/prometheus/OpenMetrics, specification). Names in UTF-8 are
 * written quoted inside the braces, as Prometheus 3 does. A missing final newline is taken.
 *
 * expo_parse is the *plain parser*: it looks at every byte and is the oracle for every faster path.
 * An emit with `skip` spares it lines that came before (collect/known.h).
 *
 * Errors: ERR_SYNTAX with line and column of the first fault; whatever was emitted before stands,
 * so the caller commits only after success.
 * Threads: none of its own.
 */
#ifndef MODEL_EXPO_H
#define MODEL_EXPO_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/str.h"
#include "model/emit.h"

struct arena;
struct err;

enum expo_format { EXPO_TEXT, EXPO_OPENMETRICS };

/* From a Content-Type header. -1 with a message that names what came and what is read: HTML and
 * JSON are refused in plain words. Empty: text. */
MUST_USE int expo_format_of(struct str content_type, enum expo_format *out, struct err *err);

/* `scratch` takes unescaped text and label arrays of one line; it is reset as the parser goes. */
MUST_USE int expo_parse(struct str body, enum expo_format format, struct arena *scratch,
                        struct emit *emit, struct err *err);

/* The value of a sample as the formats have it: no hex, no underscores, no blanks. */
MUST_USE bool expo_value(struct str token, double *out);

/* A `struct emit` that writes text 0.0.4 or OpenMetrics into `out`. */
struct expo_writer {
    struct emit emit; /* first */
    struct buf *out;
    enum expo_format format;
    enum metric_type type; /* of the family being written */
};

void expo_writer_init(struct expo_writer *w, enum expo_format format, struct buf *out);
/* OpenMetrics' "# EOF"; nothing in the text format. */
void expo_writer_end(struct expo_writer *w);
/* The Content-Type of what was written. */
const char *expo_content_type(enum expo_format format);

#endif
