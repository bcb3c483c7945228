#include "collect/push/proto_families.h"

#include <math.h>

#include "base/arena.h"
#include "base/err.h"
#include "collect/push/group_body.h"
#include "model/expo.h"
#include "model/labels.h"
#include "text/number.h"
#include "text/wire.h"

/* Field numbers of the messages. */
enum { FAMILY_NAME = 1, FAMILY_HELP = 2, FAMILY_TYPE = 3, FAMILY_METRIC = 4 };
enum {
    METRIC_LABEL = 1,
    METRIC_OF_GAUGE = 2,
    METRIC_OF_COUNTER = 3,
    METRIC_OF_SUMMARY = 4,
    METRIC_OF_UNTYPED = 5,
    METRIC_TIMESTAMP = 6,
    METRIC_OF_HISTOGRAM = 7
};
enum { LABEL_FIELD_NAME = 1, LABEL_FIELD_VALUE = 2 };
enum { VALUE = 1 };                                /* of Gauge, Counter, Untyped */
enum { SUM_COUNT = 1, SUM_SUM = 2, SUM_PART = 3 }; /* of Summary and Histogram */
enum { PART_FIRST = 1, PART_SECOND = 2 };          /* quantile, value; count, upper bound */
enum { COUNT_FLOAT_HISTOGRAM = 4, COUNT_FLOAT_BUCKET = 4 };

static const enum metric_type types[] = {METRIC_COUNTER, METRIC_GAUGE,     METRIC_SUMMARY,
                                         METRIC_UNKNOWN, METRIC_HISTOGRAM, METRIC_GAUGEHISTOGRAM};

static int broken(struct err *err, const char *what)
{
    return err_set(err, ERR_SYNTAX,
                   "the body is no row of io.prometheus.client.MetricFamily: %s cannot be read",
                   what);
}

static double double_of(uint64_t bits)
{
    double v;

    memcpy(&v, &bits, sizeof v);
    return v;
}

/* What one Metric has, gathered before any of it is written. */
struct metric {
    struct str name; /* of the family */
    struct label *labels;
    size_t labels_n, labels_cap;
    ts_ms ts;
    bool has_ts;
    struct str value; /* the message of its type; p NULL: it has none */
    uint32_t kind;    /* METRIC_OF_... */
};

struct writer {
    struct emit *emit;
    const struct buf *out; /* where that writes to */
    struct arena *scratch;
    struct err *err;
};

/* ---- samples ---- */

/* With one label more, `extra` NULL: none. */
static int put(const struct writer *w, const struct metric *m, const char *suffix,
               const char *extra, double of, double value)
{
    struct emit_sample sample = {.labels = m->labels,
                                 .labels_n = m->labels_n,
                                 .value = value,
                                 .ts = m->ts,
                                 .has_ts = m->has_ts};
    char *name, *number;

    /* A few bytes of protobuf are a line with the whole name and all labels. */
    if (w->out->overflowed)
        return err_set(w->err, ERR_LIMIT, "the metrics would be more than %u MB of text",
                       GROUP_TEXT_MAX >> 20);
    name = arena_printf(w->scratch, w->err, "%.*s%s", STR_ARGS(m->name), suffix);
    number = arena_alloc(w->scratch, NUMBER_TEXT_MAX, w->err);
    if (!name || !number)
        return -1;
    sample.name = str_c(name);
    if (extra) /* there is room for it: read_labels sees to that */
        m->labels[sample.labels_n++] =
            (struct label){str_c(extra), {number, number_print_g(of, number)}};
    return w->emit->sample(w->emit, &sample, w->err);
}

static int put_value(const struct writer *w, const struct metric *m)
{
    struct wire at = wire_of(m->value);
    struct wire_field f = {.number = 0};
    double value = 0;

    while (wire_next(&at, &f))
        if (wire_is(&f, VALUE, WIRE_FIXED64))
            value = double_of(f.value);
    return at.broken ? broken(w->err, "a value") : put(w, m, "", NULL, 0, value);
}

/* A quantile and its value, or a bucket's count and its upper bound. */
static int put_part(const struct writer *w, const struct metric *m, struct str bytes,
                    bool *infinite)
{
    struct wire at = wire_of(bytes);
    struct wire_field f = {.number = 0};
    bool bucket = m->kind == METRIC_OF_HISTOGRAM;
    double first = 0, second = 0;

    while (wire_next(&at, &f)) {
        if (wire_is(&f, PART_FIRST, bucket ? WIRE_VARINT : WIRE_FIXED64))
            first = bucket ? (double)f.value : double_of(f.value);
        else if (bucket && wire_is(&f, COUNT_FLOAT_BUCKET, WIRE_FIXED64) && double_of(f.value) > 0)
            first = double_of(f.value);
        else if (wire_is(&f, PART_SECOND, WIRE_FIXED64))
            second = double_of(f.value);
    }
    if (at.broken)
        return broken(w->err, bucket ? "a bucket" : "a quantile");
    if (!bucket)
        return put(w, m, "", "quantile", first, second);
    *infinite |= isinf(second) && second > 0;
    return put(w, m, "_bucket", "le", second, first);
}

static int put_parts(const struct writer *w, const struct metric *m)
{
    struct wire at = wire_of(m->value);
    struct wire_field f = {.number = 0};
    double count = 0, sum = 0;
    bool infinite = false;

    while (wire_next(&at, &f)) {
        if (wire_is(&f, SUM_COUNT, WIRE_VARINT))
            count = (double)f.value;
        else if (m->kind == METRIC_OF_HISTOGRAM &&
                 wire_is(&f, COUNT_FLOAT_HISTOGRAM, WIRE_FIXED64) && double_of(f.value) > 0)
            count = double_of(f.value);
        else if (wire_is(&f, SUM_SUM, WIRE_FIXED64))
            sum = double_of(f.value);
        else if (wire_is(&f, SUM_PART, WIRE_BYTES) && put_part(w, m, f.bytes, &infinite) < 0)
            return -1;
    }
    if (at.broken)
        return broken(w->err, "a histogram or summary");
    if (m->kind == METRIC_OF_HISTOGRAM && !infinite &&
        put(w, m, "_bucket", "le", INFINITY, count) < 0)
        return -1;
    return put(w, m, "_sum", NULL, 0, sum) < 0 ? -1 : put(w, m, "_count", NULL, 0, count);
}

/* ---- metrics ---- */

static int read_label(const struct writer *w, struct metric *m, struct str bytes)
{
    struct wire at = wire_of(bytes);
    struct wire_field f = {.number = 0};
    struct label label = {STR(""), STR("")};
    void *labels = m->labels;

    while (wire_next(&at, &f)) {
        if (wire_is(&f, LABEL_FIELD_NAME, WIRE_BYTES))
            label.name = f.bytes;
        else if (wire_is(&f, LABEL_FIELD_VALUE, WIRE_BYTES))
            label.value = f.bytes;
    }
    if (at.broken)
        return broken(w->err, "a label");
    /* Room for one more, which `put` may need. */
    if (arena_grow(w->scratch, &labels, &m->labels_cap, m->labels_n + 2, sizeof label, w->err) < 0)
        return -1;
    m->labels = labels;
    m->labels[m->labels_n++] = label;
    return 0;
}

static int read_metric(const struct writer *w, struct str name, struct str bytes)
{
    struct wire at = wire_of(bytes);
    struct wire_field f = {.number = 0};
    struct metric m = {.name = name};
    void *labels = NULL;

    arena_reset(w->scratch);
    if (arena_grow(w->scratch, &labels, &m.labels_cap, 1, sizeof *m.labels, w->err) < 0)
        return -1;
    m.labels = labels;
    while (wire_next(&at, &f)) {
        if (wire_is(&f, METRIC_LABEL, WIRE_BYTES)) {
            if (read_label(w, &m, f.bytes) < 0)
                return -1;
        } else if (wire_is(&f, METRIC_TIMESTAMP, WIRE_VARINT)) {
            m.ts = (ts_ms)f.value;
            m.has_ts = true;
        } else if (f.type == WIRE_BYTES &&
                   ((f.number >= METRIC_OF_GAUGE && f.number <= METRIC_OF_UNTYPED) ||
                    f.number == METRIC_OF_HISTOGRAM)) {
            m.value = f.bytes;
            m.kind = f.number;
        }
    }
    if (at.broken || !m.value.p)
        return broken(w->err, "a metric");
    return m.kind == METRIC_OF_SUMMARY || m.kind == METRIC_OF_HISTOGRAM ? put_parts(w, &m)
                                                                        : put_value(w, &m);
}

/* ---- families ---- */

/* Metrics may stand before what they belong to is told. */
static int read_head(struct str bytes, struct metadata *out, struct err *err)
{
    struct wire at = wire_of(bytes);
    struct wire_field f = {.number = 0};
    uint64_t type = 0; /* a counter, as protobuf leaves a 0 out */

    *out = (struct metadata){.family = {"", 0}, .help = {"", 0}, .unit = {"", 0}};
    while (wire_next(&at, &f)) {
        if (wire_is(&f, FAMILY_NAME, WIRE_BYTES))
            out->family = f.bytes;
        else if (wire_is(&f, FAMILY_HELP, WIRE_BYTES))
            out->help = f.bytes;
        else if (wire_is(&f, FAMILY_TYPE, WIRE_VARINT))
            type = f.value;
    }
    if (at.broken || out->family.n == 0 || type >= ARRAY_LEN(types))
        return broken(err, "a family");
    out->type = types[type];
    return 0;
}

static int read_family(const struct writer *w, struct str bytes)
{
    struct wire at = wire_of(bytes);
    struct wire_field f = {.number = 0};
    struct metadata family;

    if (read_head(bytes, &family, w->err) < 0 || w->emit->family(w->emit, &family, w->err) < 0)
        return -1;
    while (wire_next(&at, &f))
        if (wire_is(&f, FAMILY_METRIC, WIRE_BYTES) && read_metric(w, family.family, f.bytes) < 0)
            return -1;
    return 0;
}

int proto_families_to_text(struct str body, struct arena *scratch, struct buf *out, struct err *err)
{
    struct wire at = wire_of(body);
    struct expo_writer text;
    const struct writer w = {&text.emit, out, scratch, err};

    out->max_bytes = GROUP_TEXT_MAX;
    expo_writer_init(&text, EXPO_TEXT, out);
    while (at.p < at.end) {
        uint64_t n = wire_varint(&at);

        if (at.broken || n > (size_t)(at.end - at.p))
            return broken(err, "the length of a message");
        if (read_family(&w, (struct str){(const char *)at.p, (size_t)n}) < 0)
            return -1;
        if (out->overflowed)
            return err_set(err, ERR_LIMIT, "the metrics would be more than %u MB of text",
                           GROUP_TEXT_MAX >> 20);
        at.p += n;
    }
    return 0;
}
