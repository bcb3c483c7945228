#include "collect/push/write_request.h"

#include "base/arena.h"
#include "base/err.h"
#include "model/labels.h"
#include "model/metadata.h"
#include "text/wire.h"

/* Field numbers of the messages. */
enum { REQUEST_TIMESERIES = 1, REQUEST_METADATA = 3 };
enum { SERIES_LABELS = 1, SERIES_SAMPLES = 2, SERIES_EXEMPLARS = 3, SERIES_HISTOGRAMS = 4 };
enum { LABEL_FIELD_NAME = 1, LABEL_FIELD_VALUE = 2 };
enum { SAMPLE_VALUE = 1, SAMPLE_TIMESTAMP = 2 };
enum { EXEMPLAR_LABELS = SERIES_LABELS, EXEMPLAR_VALUE = 2, EXEMPLAR_TIMESTAMP = 3 };
enum { METADATA_TYPE = 1, METADATA_FAMILY = 2, METADATA_HELP = 4, METADATA_UNIT = 5 };

static int broken(struct err *err, const char *what)
{
    return err_set(err, ERR_SYNTAX, "the body is no prometheus.WriteRequest: %s cannot be read",
                   what);
}

static bool decode_sample(struct str bytes, struct sink_row *row)
{
    struct wire w = wire_of(bytes);
    struct wire_field f = {.number = 0}; /* gcc does not see that wire_next fills it */

    *row = (struct sink_row){.ts = 0};
    while (wire_next(&w, &f)) {
        if (wire_is(&f, SAMPLE_VALUE, WIRE_FIXED64))
            memcpy(&row->value, &f.value, sizeof row->value);
        else if (wire_is(&f, SAMPLE_TIMESTAMP, WIRE_VARINT))
            row->ts = (ts_ms)f.value;
    }
    return !w.broken;
}

/* Labels that other fields stand between are copied together. */
static int gather_labels(struct str bytes, struct arena *a, struct str *out, struct err *err)
{
    struct wire w = wire_of(bytes);
    struct wire_field f = {.number = 0}; /* gcc does not see that wire_next fills it */
    char *p = arena_alloc(a, bytes.n, err);
    size_t n = 0;

    if (!p)
        return -1;
    for (const uint8_t *start = w.p; wire_next(&w, &f); start = w.p) {
        if (!wire_is(&f, SERIES_LABELS, WIRE_BYTES))
            continue;
        memcpy(p + n, start, (size_t)(w.p - start));
        n += (size_t)(w.p - start);
    }
    *out = (struct str){p, n};
    return 0;
}

struct decoder {
    struct arena *arena;
    struct write_request *request;
    size_t rows_cap, exemplars_cap, metadata_cap;
};

static int add_row(struct decoder *d, struct str bytes, struct err *err)
{
    struct write_request *r = d->request;
    void *rows = r->rows;

    if (r->rows_n == d->rows_cap) {
        if (arena_grow(d->arena, &rows, &d->rows_cap, r->rows_n + 1, sizeof *r->rows, err) < 0)
            return -1;
        r->rows = rows;
    }
    if (!decode_sample(bytes, &r->rows[r->rows_n]))
        return broken(err, "a sample");
    r->rows_n++;
    return 0;
}

static bool decode_label(struct str bytes, struct label *label)
{
    struct wire w = wire_of(bytes);
    struct wire_field f = {.number = 0}; /* gcc does not see that wire_next fills it */

    *label = (struct label){{"", 0}, {"", 0}};
    while (wire_next(&w, &f)) {
        if (wire_is(&f, LABEL_FIELD_NAME, WIRE_BYTES))
            label->name = f.bytes;
        else if (wire_is(&f, LABEL_FIELD_VALUE, WIRE_BYTES))
            label->value = f.bytes;
    }
    return !w.broken;
}

/* Any label set, also one without a metric name. */
static int build_labels(struct str labels, struct arena *a, const struct labels **out,
                        struct err *err)
{
    struct wire w = wire_of(labels);
    struct wire_field f = {.number = 0}; /* gcc does not see that wire_next fills it */
    struct label *pairs;
    const struct labels *built;
    size_t n = 0;

    while (wire_next(&w, &f))
        n++;
    pairs = arena_alloc(a, n * sizeof *pairs, err);
    if (!pairs)
        return -1;
    n = 0;
    for (w = wire_of(labels); wire_next(&w, &f); n++) {
        if (f.type != WIRE_BYTES || !decode_label(f.bytes, &pairs[n]))
            return err_set(err, ERR_TYPE, "a label cannot be read");
        if (!pairs[n].name.n)
            return err_set(err, ERR_TYPE, "a label has no name");
        if (!str_is_utf8(pairs[n].name) || !str_is_utf8(pairs[n].value))
            return err_set(err, ERR_TYPE, "label \"%.*s\" is not valid UTF-8",
                           STR_ARGS(str_take(pairs[n].name, 60)));
    }
    if (labels_build(a, pairs, n, &built, err) < 0) {
        if (err && err->kind == ERR_SYNTAX)
            err->kind = ERR_TYPE;
        return -1;
    }
    *out = built;
    return 0;
}

/* Bad labels cost the exemplar alone. */
static int add_exemplar(struct decoder *d, struct str bytes, struct err *err)
{
    struct write_request *r = d->request;
    struct write_exemplar e = {.series = (uint32_t)r->series_n};
    struct wire w = wire_of(bytes);
    struct wire_field f = {0};
    struct str labels;
    void *items = r->exemplars;

    while (wire_next(&w, &f)) {
        if (wire_is(&f, EXEMPLAR_VALUE, WIRE_FIXED64))
            memcpy(&e.value, &f.value, sizeof e.value);
        else if (wire_is(&f, EXEMPLAR_TIMESTAMP, WIRE_VARINT))
            e.ts = (ts_ms)f.value;
    }
    if (w.broken)
        return broken(err, "an exemplar");
    if (gather_labels(bytes, d->arena, &labels, err) < 0)
        return -1;
    if (build_labels(labels, d->arena, &e.labels, err) < 0) {
        if (err->kind != ERR_TYPE)
            return -1;
        err_clear(err);
        r->exemplars_refused++;
        return 0;
    }
    if (e.ts < -TS_MS_MAX || e.ts > TS_MS_MAX) {
        r->exemplars_refused++;
        return 0;
    }
    if (arena_grow(d->arena, &items, &d->exemplars_cap, r->exemplars_n + 1, sizeof e, err) < 0)
        return -1;
    r->exemplars = items;
    r->exemplars[r->exemplars_n++] = e;
    return 0;
}

static int decode_series(struct decoder *d, struct str bytes, struct err *err)
{
    struct write_request *r = d->request;
    struct write_series *series = &r->series[r->series_n];
    struct wire w = wire_of(bytes);
    const uint8_t *first = NULL, *end = NULL;
    size_t exemplars_before = r->exemplars_n;
    bool scattered = false;
    struct wire_field f = {.number = 0}; /* gcc does not see that wire_next fills it */

    *series = (struct write_series){.first_row = (uint32_t)r->rows_n};
    for (const uint8_t *start = w.p; wire_next(&w, &f); start = w.p) {
        if (f.type != WIRE_BYTES)
            continue;
        switch (f.number) {
        case SERIES_LABELS:
            scattered |= first && end != start;
            first = first ? first : start;
            end = w.p;
            break;
        case SERIES_SAMPLES:
            if (add_row(d, f.bytes, err) < 0)
                return -1;
            break;
        case SERIES_EXEMPLARS:
            if (add_exemplar(d, f.bytes, err) < 0)
                return -1;
            break;
        case SERIES_HISTOGRAMS:
            r->histograms_n++;
            break;
        default:
            break;
        }
    }
    if (w.broken)
        return broken(err, "a series");
    series->rows_n = (uint32_t)(r->rows_n - series->first_row);
    if (!series->rows_n && r->exemplars_n == exemplars_before)
        return 0;
    series->labels = (struct str){(const char *)first, (size_t)(end - first)};
    if (scattered && gather_labels(bytes, d->arena, &series->labels, err) < 0)
        return -1;
    series->key = hash_bytes128(series->labels.p, series->labels.n);
    r->series_n++;
    return 0;
}

static const enum metric_type types[] = {
    METRIC_UNKNOWN,        METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM,
    METRIC_GAUGEHISTOGRAM, METRIC_SUMMARY, METRIC_INFO,  METRIC_STATESET,
};

static int decode_metadata(struct decoder *d, struct str bytes, struct err *err)
{
    struct write_request *r = d->request;
    struct metadata m = {.type = METRIC_UNKNOWN};
    struct wire w = wire_of(bytes);
    struct wire_field f = {.number = 0}; /* gcc does not see that wire_next fills it */
    void *items = r->metadata;

    while (wire_next(&w, &f)) {
        if (wire_is(&f, METADATA_TYPE, WIRE_VARINT))
            m.type = f.value < ARRAY_LEN(types) ? types[f.value] : METRIC_UNKNOWN;
        else if (wire_is(&f, METADATA_FAMILY, WIRE_BYTES))
            m.family = f.bytes;
        else if (wire_is(&f, METADATA_HELP, WIRE_BYTES))
            m.help = f.bytes;
        else if (wire_is(&f, METADATA_UNIT, WIRE_BYTES))
            m.unit = f.bytes;
    }
    if (w.broken || !str_is_utf8(m.family) || !str_is_utf8(m.help) || !str_is_utf8(m.unit))
        return broken(err, "the metadata");
    if (!m.family.n)
        return 0;
    if (arena_grow(d->arena, &items, &d->metadata_cap, r->metadata_n + 1, sizeof m, err) < 0)
        return -1;
    r->metadata = items;
    r->metadata[r->metadata_n++] = m;
    return 0;
}

int write_request_decode(struct str message, struct arena *a, struct write_request *out,
                         struct err *err)
{
    struct write_request request = {.series_n = 0};
    struct decoder d = {.arena = a, .request = &request};
    struct wire w = wire_of(message);
    struct wire_field f = {.number = 0}; /* gcc does not see that wire_next fills it */
    size_t n = 0;

    /* Count first: one array of the right size, and the whole frame is known to be sound. */
    while (wire_next(&w, &f))
        n += wire_is(&f, REQUEST_TIMESERIES, WIRE_BYTES);
    if (w.broken)
        return broken(err, "it");
    request.series = arena_alloc(a, n * sizeof *request.series, err);
    request.rows = arena_alloc(a, n * sizeof *request.rows, err);
    if (!request.series || !request.rows)
        return -1;
    d.rows_cap = n;
    for (w = wire_of(message); wire_next(&w, &f);) {
        if (wire_is(&f, REQUEST_TIMESERIES, WIRE_BYTES)) {
            if (decode_series(&d, f.bytes, err) < 0)
                return -1;
        } else if (wire_is(&f, REQUEST_METADATA, WIRE_BYTES)) {
            if (decode_metadata(&d, f.bytes, err) < 0)
                return -1;
        }
    }
    *out = request;
    return 0;
}

int write_request_labels(struct str labels, struct arena *a, const struct labels **out,
                         struct err *err)
{
    const struct labels *built;

    if (build_labels(labels, a, &built, err) < 0)
        return -1;
    if (!labels_get(built, STR(LABEL_NAME)).n)
        return err_set(err, ERR_TYPE, "a series has no metric name");
    *out = built;
    return 0;
}
