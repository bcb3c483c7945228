/* OpenMetrics 1.0 as Prometheus reads it: the grammar of lines is enforced to the blank, while what
 * the specification says about whole families (order, suffixes, bucket sums) is not. */
#include <math.h>

#include "base/err.h"
#include "model/expo.h"
#include "model/expo_scan.h"

static const struct expo_label_rules series_rules = {.nul_in_value = true, .takes_name = true};
static const struct expo_label_rules exemplar_rules = {.takes_name = false};

static struct str left(const struct expo_scan *s)
{
    return (struct str){s->p, (size_t)(s->end - s->p)};
}

static bool is_at(const struct expo_scan *s, char c)
{
    return s->p < s->end && *s->p == c;
}

static int no_eof(const struct expo_scan *s, struct err *err)
{
    return expo_scan_fail(s, s->p, err,
                          "the text ends without \"# EOF\": the target was cut off, or does not "
                          "speak OpenMetrics");
}

static int end_of_line(struct expo_scan *s, struct err *err)
{
    char seen[24];

    if (s->p == s->end)
        return no_eof(s, err);
    if (*s->p != '\n')
        return expo_scan_fail(s, s->p, err, "expected the end of the line, got %s",
                              expo_scan_seen(s, s->p, seen));
    s->p++;
    return 0;
}

/* One blank, then a token up to the next blank or the end of the line. */
static int number(struct expo_scan *s, const char *what, double *out, struct str *text,
                  struct err *err)
{
    struct str token;
    char seen[24];

    if (!is_at(s, ' '))
        return expo_scan_fail(s, s->p, err, "expected one blank and %s, got %s", what,
                              expo_scan_seen(s, s->p, seen));
    for (token.p = ++s->p; s->p < s->end && *s->p != ' ' && *s->p != '\n';)
        s->p++;
    token.n = (size_t)(s->p - token.p);
    if (!token.n)
        return expo_scan_fail(s, s->p, err, "expected %s, got %s", what,
                              expo_scan_seen(s, s->p, seen));
    if (!expo_value(token, out))
        return expo_scan_fail(s, token.p, err, "\"%.*s\" is not a number",
                              STR_ARGS(str_take(token, 60)));
    *text = token;
    return 0;
}

/* Seconds on the wire, milliseconds with us: what is finer is cut off, but not for the last bit of
 * a double (1.007 is 1007 ms). Far out it saturates, and the store refuses what lies ahead. */
static int timestamp(struct expo_scan *s, ts_ms *out, struct err *err)
{
    struct str text = {NULL, 0};
    double seconds = 0, ms;

    if (number(s, "a timestamp in seconds", &seconds, &text, err) < 0)
        return -1;
    if (!isfinite(seconds))
        return expo_scan_fail(s, text.p, err, "this timestamp is out of range");
    ms = seconds * 1000 + copysign(1e-3, seconds);
    *out = ms >= 0x1p63 ? INT64_MAX : ms < -0x1p63 ? INT64_MIN : (ts_ms)ms;
    return 0;
}

/* The specification gives exemplars to what counts. Prometheus 2 goes by the name, Prometheus 3
 * takes them anywhere; this is the part both agree on, and the sums of summaries. */
static bool may_have_exemplar(enum metric_type type, struct str name)
{
    return str_ends(name, STR("_total")) || str_ends(name, STR("_bucket")) ||
           str_ends(name, STR("_count")) || (type == METRIC_SUMMARY && str_ends(name, STR("_sum")));
}

/* After " # {": labels, value, timestamp. */
static int exemplar(struct expo_scan *s, struct emit_sample *sample, struct err *err)
{
    struct str text;

    if (!may_have_exemplar(s->type, s->name))
        return expo_scan_fail(s, s->p - 3, err,
                              "an exemplar belongs to a counter or a bucket (_total, _bucket, "
                              "_count), not to \"%.*s\"",
                              STR_ARGS(str_take(s->name, 100)));
    if (expo_scan_labels(s, &exemplar_rules, &s->exemplar, err) < 0 ||
        number(s, "the exemplar's value", &sample->exemplar_value, &text, err) < 0)
        return -1;
    sample->has_exemplar = true;
    if (is_at(s, ' ')) {
        if (timestamp(s, &sample->exemplar_ts, err) < 0)
            return -1;
        sample->exemplar_has_ts = true;
    }
    return 0;
}

static int suffix(struct expo_scan *s, struct emit_sample *sample, struct str *value,
                  struct err *err)
{
    if (number(s, "a value", &sample->value, value, err) < 0)
        return -1;
    if (is_at(s, ' ') && !str_starts(left(s), STR(" # {"))) {
        if (timestamp(s, &sample->ts, err) < 0)
            return -1;
        sample->has_ts = true;
    }
    if (str_starts(left(s), STR(" # {"))) {
        s->p += 4;
        if (exemplar(s, sample, err) < 0)
            return -1;
    }
    return end_of_line(s, err);
}

/* Name and labels. */
static int series(struct expo_scan *s, struct err *err)
{
    const char *start = s->p;
    struct str name = expo_scan_name(s, EXPO_SCAN_METRIC_HEAD);
    char seen[24];

    if (name.n)
        s->name = name;
    else if (*start != '{')
        return expo_scan_fail(s, start, err, "expected a metric name, \"# \" or '{', got %s%s",
                              expo_scan_seen(s, start, seen),
                              *start == '\n' ? " (OpenMetrics has no empty lines)" : "");
    if (is_at(s, '{')) {
        s->p++;
        if (expo_scan_labels(s, &series_rules, &s->labels, err) < 0)
            return -1;
    }
    if (!s->name.p)
        return expo_scan_fail(
            s, start, err,
            "the metric has no name; write it before the braces, or quoted as the "
            "first thing inside");
    return 0;
}

static int sample_line(struct expo_scan *s, struct err *err)
{
    struct emit_sample sample = {.has_ts = false};
    const char *start = s->p, *end;
    struct str value = {NULL, 0};

    if (series(s, err) < 0)
        return -1;
    end = s->p;
    if (suffix(s, &sample, &value, err) < 0)
        return -1;
    expo_scan_place(s, &sample, start, end, value);
    return expo_scan_sample(s, &sample, err);
}

/* A unit, when it is said, ends the family's name after an underscore. */
static bool unit_fits(struct str name, struct str unit)
{
    return !unit.n ||
           (name.n > unit.n && str_ends(name, unit) && name.p[name.n - unit.n - 1] == '_');
}

static int check_text(const struct expo_scan *s, enum expo_meta what, struct str name,
                      struct str text, enum metric_type *type, struct err *err)
{
    switch (what) {
    case EXPO_META_TYPE:
        if (metric_type_parse(text, type) < 0 || str_eq(text, STR("untyped")))
            return expo_scan_fail(s, text.p, err, "\"%.*s\" is no metric type of OpenMetrics",
                                  STR_ARGS(str_take(text, 60)));
        break;
    case EXPO_META_HELP:
        if (!str_is_utf8(text))
            return expo_scan_fail(s, text.p, err, "the help text is not valid UTF-8");
        break;
    case EXPO_META_UNIT:
        if (!unit_fits(name, text))
            return expo_scan_fail(s, text.p, err,
                                  "the name \"%.*s\" does not end in its unit, _%.*s",
                                  STR_ARGS(str_take(name, 100)), STR_ARGS(str_take(text, 60)));
        break;
    }
    return 0;
}

/* After "# ": one of the three metadata lines. */
static int metadata(struct expo_scan *s, struct err *err)
{
    static const char *const words[] = {
        [EXPO_META_HELP] = "HELP ", [EXPO_META_TYPE] = "TYPE ", [EXPO_META_UNIT] = "UNIT "};
    enum expo_meta what = EXPO_META_HELP;
    enum metric_type type = METRIC_UNKNOWN;
    const char *newline;
    struct str name, text;
    bool quoted;

    while (!str_starts(left(s), str_c(words[what])))
        if (++what > EXPO_META_UNIT)
            return expo_scan_fail(s, s->p, err,
                                  "expected HELP, TYPE, UNIT or EOF after \"# \" (OpenMetrics has "
                                  "no other comments)");
    s->p += 5;
    if (expo_scan_meta_name(s, words[what], &name, &quoted, err) < 0)
        return -1;
    newline = is_at(s, ' ') ? memchr(s->p, '\n', (size_t)(s->end - s->p)) : NULL;
    if (!newline)
        return expo_scan_fail(s, s->p, err,
                              "expected one blank and a text, then the end of the "
                              "line");
    text = (struct str){s->p + 1, (size_t)(newline - s->p - 1)};
    s->p = newline + 1;
    if (check_text(s, what, name, text, &type, err) < 0)
        return -1;
    return expo_scan_meta(s, what, name, quoted, text, type, err);
}

static bool is_metadata(const struct expo_scan *s)
{
    return str_starts(left(s), STR("# ")) && !str_starts(left(s), STR("# EOF"));
}

static int end_of_text(struct expo_scan *s, struct err *err)
{
    s->p += 5;
    if (is_at(s, '\n'))
        s->p++;
    if (s->p < s->end)
        return expo_scan_fail(s, s->p, err, "there is more after \"# EOF\"");
    return expo_scan_flush(s, err);
}

static int metadata_lines(struct expo_scan *s, struct err *err)
{
    while (s->p < s->end) {
        s->p += 2;
        if (metadata(s, err) < 0)
            return -1;
    }
    return 0;
}

int expo_openmetrics_parse(struct expo_scan *s, struct err *err)
{
    s->help_unquotes = true;
    s->metadata_lines = metadata_lines;
    while (s->p < s->end) {
        int rc;

        if (expo_scan_skip(s))
            continue;
        if (str_starts(left(s), STR("# EOF")))
            return end_of_text(s, err);
        if (is_metadata(s)) {
            s->p += 2;
            rc = metadata(s, err);
        } else {
            rc = sample_line(s, err);
        }
        if (rc < 0)
            return -1;
    }
    return no_eof(s, err);
}
