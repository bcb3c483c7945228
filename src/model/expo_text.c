/* The Prometheus text format 0.0.4, with the liberties Prometheus' own parser takes: blanks and
 * tabs nearly everywhere, labels without a comma between them, raw newlines and NULs in label
 * values, values glued to the closing brace, no newline at the end. */
#include "base/err.h"
#include "model/expo.h"
#include "model/expo_scan.h"
#include "text/number.h"

static const struct expo_label_rules rules = {
    .blanks = true,
    .newline_in_value = true,
    .nul_in_value = true,
    .takes_name = true,
};

static bool is(const char *p, uint8_t classes)
{
    return (expo_scan_class[(uint8_t)*p] & classes) != 0;
}

static void skip_blanks(struct expo_scan *s)
{
    while (s->p < s->end && is(s->p, EXPO_SCAN_BLANK))
        s->p++;
}

static struct str rest_of_line(struct expo_scan *s)
{
    const char *start = s->p;
    const char *newline = start < s->end ? memchr(start, '\n', (size_t)(s->end - start)) : NULL;
    const char *end = newline ? newline : s->end;

    s->p = newline ? newline + 1 : s->end;
    return (struct str){start, (size_t)(end - start)};
}

/* The types of this format; the others belong to OpenMetrics, and Prometheus refuses them here. */
static int type_of(const struct expo_scan *s, struct str word, enum metric_type *out,
                   struct err *err)
{
    if (metric_type_parse(word, out) < 0 || *out > METRIC_SUMMARY ||
        *out == METRIC_GAUGEHISTOGRAM || str_eq(word, STR("unknown")))
        return expo_scan_fail(s, word.p, err,
                              "\"%.*s\" is no metric type (counter, gauge, histogram, summary or "
                              "untyped)",
                              STR_ARGS(str_take(word, 60)));
    return 0;
}

/* At '#': HELP and TYPE are read, any other comment is skipped. */
static int comment(struct expo_scan *s, struct err *err)
{
    const char *hash = s->p++;
    enum metric_type type = METRIC_UNKNOWN;
    bool is_type, quoted;
    struct str left, name, text;

    skip_blanks(s);
    left = (struct str){s->p, (size_t)(s->end - s->p)};
    is_type = str_starts(left, STR("TYPE"));
    if (s->p == hash + 1 || left.n < 5 || !is(left.p + 4, EXPO_SCAN_BLANK) ||
        !(is_type || str_starts(left, STR("HELP")))) {
        (void)rest_of_line(s);
        return 0;
    }
    s->p += 4;
    skip_blanks(s);
    if (expo_scan_meta_name(s, is_type ? "TYPE" : "HELP", &name, &quoted, err) < 0)
        return -1;
    if (s->p < s->end && *s->p != '\n')
        s->p++; /* the one blank between name and text */
    text = rest_of_line(s);
    if (is_type) {
        if (type_of(s, text, &type, err) < 0)
            return -1;
    } else if (!str_is_utf8(text)) {
        return expo_scan_fail(s, text.p, err, "the help text is not valid UTF-8");
    }
    return expo_scan_meta(s, is_type ? EXPO_META_TYPE : EXPO_META_HELP, name, quoted, text, type,
                          err);
}

static int timestamp(struct expo_scan *s, struct emit_sample *sample, struct err *err)
{
    const char *start = s->p;
    char seen[24];
    int64_t ts;

    while (s->p < s->end && is(s->p, EXPO_SCAN_DIGIT))
        s->p++;
    if (s->p == start)
        return expo_scan_fail(s, s->p, err,
                              "expected a timestamp in milliseconds or the end of the line, got %s",
                              expo_scan_seen(s, s->p, seen));
    if (!number_parse_i64((struct str){start, (size_t)(s->p - start)}, &ts))
        return expo_scan_fail(s, start, err, "this timestamp is out of range");
    sample->has_ts = true;
    sample->ts = ts;
    return 0;
}

/* After name and labels: value, timestamp, end of line. */
static int suffix(struct expo_scan *s, struct emit_sample *sample, struct str *value,
                  struct err *err)
{
    const char *start;
    struct str token;
    char seen[24];

    skip_blanks(s);
    for (start = s->p;
         s->p < s->end && *s->p != '\n' && *s->p != '{' && !is(s->p, EXPO_SCAN_BLANK);)
        s->p++;
    token = (struct str){start, (size_t)(s->p - start)};
    if (!token.n)
        return expo_scan_fail(s, start, err, "expected a value after the metric, got %s",
                              expo_scan_seen(s, start, seen));
    if (!expo_value(token, &sample->value))
        return expo_scan_fail(s, start, err, "\"%.*s\" is not a number",
                              STR_ARGS(str_take(token, 60)));
    skip_blanks(s);
    if (s->p < s->end && *s->p != '\n') {
        if (timestamp(s, sample, err) < 0)
            return -1;
        skip_blanks(s);
    }
    if (s->p < s->end && *s->p != '\n')
        return expo_scan_fail(s, s->p, err, "expected the end of the line, got %s",
                              expo_scan_seen(s, s->p, seen));
    s->p += s->p < s->end;
    *value = token;
    return 0;
}

/* Name and labels. */
static int series(struct expo_scan *s, const char **out, struct err *err)
{
    const char *start = s->p, *end;
    struct str name = expo_scan_name(s, EXPO_SCAN_METRIC_HEAD);
    char seen[24];

    if (name.n)
        s->name = name;
    else if (*start != '{')
        return expo_scan_fail(s, start, err, "expected a metric name, '#' or '{', got %s",
                              expo_scan_seen(s, start, seen));
    end = s->p;
    skip_blanks(s);
    if (s->p < s->end && *s->p == '{') {
        s->p++;
        if (expo_scan_labels(s, &rules, &s->labels, err) < 0)
            return -1;
        end = s->p;
    }
    if (!s->name.p)
        return expo_scan_fail(
            s, start, err,
            "the metric has no name; write it before the braces, or quoted as the "
            "first thing inside");
    *out = end;
    return 0;
}

static int sample_line(struct expo_scan *s, struct err *err)
{
    struct emit_sample sample = {.has_ts = false};
    const char *start = s->p, *end = start;
    struct str value = {NULL, 0};

    if (series(s, &end, err) < 0 || suffix(s, &sample, &value, err) < 0)
        return -1;
    expo_scan_place(s, &sample, start, end, value);
    return expo_scan_sample(s, &sample, err);
}

/* Comments and empty lines alone. */
static int metadata_lines(struct expo_scan *s, struct err *err)
{
    for (;;) {
        skip_blanks(s);
        if (s->p == s->end)
            return 0;
        if (*s->p == '\n')
            s->p++;
        else if (comment(s, err) < 0)
            return -1;
    }
}

int expo_text_parse(struct expo_scan *s, struct err *err)
{
    s->metadata_lines = metadata_lines;
    for (;;) {
        if (expo_scan_skip(s))
            continue;
        skip_blanks(s);
        if (s->p == s->end)
            return expo_scan_flush(s, err);
        if (*s->p == '\n')
            s->p++;
        else if ((*s->p == '#' ? comment(s, err) : sample_line(s, err)) < 0)
            return -1;
    }
}
