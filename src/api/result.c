#include "api/result.h"

#include "api/internal.h"
#include "text/number.h"

#define SAMPLES_A_PIECE 512

static const char *type_name(enum promql_type type)
{
    static const char *const names[] = {
        [PROMQL_SCALAR] = "scalar",
        [PROMQL_VECTOR] = "vector",
        [PROMQL_MATRIX] = "matrix",
        [PROMQL_STRING] = "string",
    };

    return names[type];
}

/* [1435781451.781,"1"] */
static void write_sample(struct buf *out, ts_ms t, double v)
{
    char *at;

    buf_addc(out, '[');
    api_write_time(out, t);
    buf_adds(out, ",\"");
    at = buf_reserve(out, NUMBER_TEXT_MAX);
    if (at)
        out->n += number_print(v, at);
    buf_adds(out, "\"]");
}

/* [4.5,"1"]: of a scalar or text the time has no more decimals than it needs, and a scalar no
 * exponent; both differ from samples. */
static void write_alone(struct buf *out, ts_ms t)
{
    char *at;

    buf_addc(out, '[');
    at = buf_reserve(out, NUMBER_TEXT_MAX);
    if (at)
        out->n += number_print((double)t / 1000, at);
    buf_addc(out, ',');
}

static void write_scalar(struct buf *out, ts_ms t, double v)
{
    char *at;

    write_alone(out, t);
    buf_addc(out, '"');
    at = buf_reserve(out, NUMBER_FIXED_MAX);
    if (at)
        out->n += number_print_f(v, at);
    buf_adds(out, "\"]");
}

static size_t series_shown(const struct result_writer *w)
{
    size_t n = w->result->series_n;

    return w->limit && w->limit < n ? w->limit : n;
}

static void write_head(struct result_writer *w, struct buf *out)
{
    const struct promql_result *r = w->result;
    struct json_writer json;

    buf_addf(out, "{\"status\":\"success\",\"data\":{\"resultType\":\"%s\",\"result\":",
             type_name(r->type));
    switch (r->type) {
    case PROMQL_SCALAR:
        write_scalar(out, w->at_ms, r->scalar);
        break;
    case PROMQL_STRING:
        write_alone(out, w->at_ms);
        json_begin(&json, out);
        json_str(&json, r->string);
        buf_addc(out, ']');
        break;
    case PROMQL_VECTOR:
    case PROMQL_MATRIX:
        buf_addc(out, '[');
        w->phase = series_shown(w) ? RESULT_SERIES : RESULT_TAIL;
        return;
    }
    w->phase = RESULT_TAIL;
}

static void write_series(struct result_writer *w, struct buf *out)
{
    const struct promql_series *s = &w->result->series[w->series];
    struct json_writer json;

    buf_adds(out, w->series ? ",{\"metric\":" : "{\"metric\":");
    json_begin(&json, out);
    api_write_labels(&json, s->labels);
    if (w->result->type == PROMQL_VECTOR) {
        buf_adds(out, ",\"value\":");
        write_sample(out, s->ts[0], s->values[0]);
        buf_addc(out, '}');
        w->series++;
        w->phase = w->series < series_shown(w) ? RESULT_SERIES : RESULT_TAIL;
        return;
    }
    buf_adds(out, ",\"values\":[");
    w->sample = 0;
    w->phase = RESULT_SAMPLES;
}

static void write_samples(struct result_writer *w, struct buf *out)
{
    const struct promql_series *s = &w->result->series[w->series];
    size_t end = w->sample + SAMPLES_A_PIECE;

    if (end > s->n)
        end = s->n;
    for (; w->sample < end; w->sample++) {
        if (w->sample)
            buf_addc(out, ',');
        write_sample(out, s->ts[w->sample], s->values[w->sample]);
    }
    if (w->sample < s->n)
        return;
    buf_adds(out, "]}");
    w->series++;
    w->phase = w->series < series_shown(w) ? RESULT_SERIES : RESULT_TAIL;
}

/* `more`: two texts behind the others, or NULL for none. */
static void write_texts(struct buf *out, const char *key, const char *const texts[], size_t n,
                        const char *const more[2])
{
    struct json_writer json;

    if (!n && !more[0] && !more[1])
        return;
    buf_addf(out, ",\"%s\":", key);
    json_begin(&json, out);
    json_begin_array(&json);
    for (size_t i = 0; i < n; i++)
        json_cstr(&json, texts[i]);
    for (size_t i = 0; i < 2; i++)
        if (more[i])
            json_cstr(&json, more[i]);
    json_end_array(&json);
}

static void write_tail(struct result_writer *w, struct buf *out)
{
    const struct promql_result *r = w->result;
    const char *const none[2] = {NULL, NULL};
    const char *const more[2] = {
        series_shown(w) < r->series_n ? "results truncated due to limit" : NULL, w->warning};

    if (r->type == PROMQL_VECTOR || r->type == PROMQL_MATRIX)
        buf_addc(out, ']');
    if (w->stats)
        buf_addf(out,
                 ",\"stats\":{\"timings\":{\"evalTotalTime\":%.9f,\"resultSortTime\":0,"
                 "\"queryPreparationTime\":0,\"innerEvalTime\":%.9f,\"execQueueTime\":0,"
                 "\"execTotalTime\":%.9f},\"samples\":{\"totalQueryableSamples\":%llu,"
                 "\"peakSamples\":%llu}}",
                 w->seconds, w->seconds, w->seconds, (unsigned long long)r->samples_read,
                 (unsigned long long)r->samples_peak);
    buf_addc(out, '}');
    write_texts(out, "warnings", r->warnings, r->warnings_n, more);
    write_texts(out, "infos", r->infos, r->infos_n, none);
    buf_addc(out, '}');
    w->phase = RESULT_END;
}

bool result_writer_next(struct result_writer *w, struct buf *out)
{
    switch (w->phase) {
    case RESULT_HEAD:
        write_head(w, out);
        return true;
    case RESULT_SERIES:
        write_series(w, out);
        return true;
    case RESULT_SAMPLES:
        write_samples(w, out);
        return true;
    case RESULT_TAIL:
        write_tail(w, out);
        return true;
    case RESULT_END:
        break;
    }
    return false;
}
