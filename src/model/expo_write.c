/* Writes families and samples as text 0.0.4 or OpenMetrics 1.0. What the format cannot say is said
 * as near as it can: a stateset is a gauge in the text format, exemplars and units are left out. */
#include "model/expo.h"
#include "text/number.h"

static const char *const text_types[] = {
    [METRIC_UNKNOWN] = "untyped",
    [METRIC_COUNTER] = "counter",
    [METRIC_GAUGE] = "gauge",
    [METRIC_HISTOGRAM] = "histogram",
    [METRIC_GAUGEHISTOGRAM] = "untyped",
    [METRIC_SUMMARY] = "summary",
    [METRIC_INFO] = "gauge",
    [METRIC_STATESET] = "gauge",
};

/* Escapes \ and newline, and the quote where the text stands in quotes. */
static void add_escaped(struct buf *out, struct str s, bool quote)
{
    size_t from = 0;

    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (c != '\\' && c != '\n' && !(quote && c == '"'))
            continue;
        buf_add(out, (struct str){s.p + from, i - from});
        buf_addc(out, '\\');
        buf_addc(out, c == '\n' ? 'n' : c);
        from = i + 1;
    }
    buf_add(out, str_skip(s, from));
}

static void add_quoted(struct buf *out, struct str s)
{
    buf_addc(out, '"');
    add_escaped(out, s, true);
    buf_addc(out, '"');
}

static void add_number(struct buf *out, double v)
{
    char text[NUMBER_TEXT_MAX];

    buf_add(out, (struct str){text, number_print_g(v, text)});
}

/* Milliseconds as they are, or as seconds. */
static void add_ts(struct buf *out, ts_ms ts, enum expo_format format)
{
    if (format == EXPO_TEXT)
        buf_addf(out, " %lld", (long long)ts);
    else
        buf_addf(out, " %s%llu.%03llu", ts < 0 ? "-" : "",
                 (unsigned long long)(ts < 0 ? 0 - (uint64_t)ts : (uint64_t)ts) / 1000,
                 (unsigned long long)(ts < 0 ? 0 - (uint64_t)ts : (uint64_t)ts) % 1000);
}

/* OpenMetrics names a counter's family without _total and its sample with it. */
static struct str counter_stem(const struct expo_writer *w, struct str name)
{
    if (w->format == EXPO_OPENMETRICS && w->type == METRIC_COUNTER && name.n > 6 &&
        str_ends(name, STR("_total")))
        name.n -= 6;
    return name;
}

static void add_meta(struct expo_writer *w, const char *word, struct str name, struct str text,
                     bool escape)
{
    buf_adds(w->out, word);
    if (name_is_legacy_metric(name))
        buf_add(w->out, name);
    else
        add_quoted(w->out, name);
    buf_addc(w->out, ' ');
    if (escape)
        add_escaped(w->out, text, w->format == EXPO_OPENMETRICS);
    else
        buf_add(w->out, text);
    buf_addc(w->out, '\n');
}

static int write_family(struct emit *e, const struct metadata *family, struct err *err)
{
    struct expo_writer *w = CONTAINER_OF(e, struct expo_writer, emit);
    struct str name;

    (void)err;
    w->type = family->type;
    name = counter_stem(w, family->family);
    if (family->help.n)
        add_meta(w, "# HELP ", name, family->help, true);
    add_meta(w, "# TYPE ", name,
             str_c(w->format == EXPO_OPENMETRICS ? metric_type_name(family->type)
                                                 : text_types[family->type]),
             false);
    if (w->format == EXPO_OPENMETRICS && family->unit.n && name.n > family->unit.n &&
        str_ends(name, family->unit) && name.p[name.n - family->unit.n - 1] == '_')
        add_meta(w, "# UNIT ", name, family->unit, false);
    return 0;
}

/* The labels, after the metric's name when that had to go inside the braces. */
static void add_labels(struct buf *out, struct str quoted_name, const struct label *labels,
                       size_t n, bool braces_anyway)
{
    if (!n && !quoted_name.n && !braces_anyway)
        return;
    buf_addc(out, '{');
    if (quoted_name.n)
        add_quoted(out, quoted_name);
    for (size_t i = 0; i < n; i++) {
        if (i || quoted_name.n)
            buf_addc(out, ',');
        if (name_is_legacy_label(labels[i].name))
            buf_add(out, labels[i].name);
        else
            add_quoted(out, labels[i].name);
        buf_addc(out, '=');
        add_quoted(out, labels[i].value);
    }
    buf_addc(out, '}');
}

static int write_sample(struct emit *e, const struct emit_sample *sample, struct err *err)
{
    struct expo_writer *w = CONTAINER_OF(e, struct expo_writer, emit);
    struct str stem = counter_stem(w, sample->name);
    bool bare = name_is_legacy_metric(sample->name);

    (void)err;
    if (bare) {
        buf_add(w->out, sample->name);
        if (w->format == EXPO_OPENMETRICS && w->type == METRIC_COUNTER &&
            stem.n == sample->name.n && !str_ends(stem, STR("_created")))
            buf_adds(w->out, "_total");
    }
    add_labels(w->out, bare ? STR("") : sample->name, sample->labels, sample->labels_n, false);
    buf_addc(w->out, ' ');
    add_number(w->out, sample->value);
    if (sample->has_ts)
        add_ts(w->out, sample->ts, w->format);
    if (sample->has_exemplar && w->format == EXPO_OPENMETRICS) {
        buf_adds(w->out, " # ");
        add_labels(w->out, STR(""), sample->exemplar_labels, sample->exemplar_labels_n, true);
        buf_addc(w->out, ' ');
        add_number(w->out, sample->exemplar_value);
        if (sample->exemplar_has_ts)
            add_ts(w->out, sample->exemplar_ts, w->format);
    }
    buf_addc(w->out, '\n');
    return 0;
}

void expo_writer_init(struct expo_writer *w, enum expo_format format, struct buf *out)
{
    *w = (struct expo_writer){
        .emit = {.family = write_family, .sample = write_sample}, .out = out, .format = format};
}

void expo_writer_end(struct expo_writer *w)
{
    if (w->format == EXPO_OPENMETRICS)
        buf_adds(w->out, "# EOF\n");
}

const char *expo_content_type(enum expo_format format)
{
    return format == EXPO_OPENMETRICS ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                      : "text/plain; version=0.0.4; charset=utf-8";
}
