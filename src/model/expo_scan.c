#include "model/expo_scan.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/expo.h"
#include "text/number.h"

#define LETTER (EXPO_SCAN_LABEL_HEAD | EXPO_SCAN_METRIC_HEAD)

const uint8_t expo_scan_class[256] = {
    ['a' ... 'z'] = LETTER,         ['A' ... 'Z'] = LETTER,          ['_'] = LETTER,
    [':'] = EXPO_SCAN_METRIC_HEAD,  ['0' ... '9'] = EXPO_SCAN_DIGIT, ['"'] = EXPO_SCAN_QUOTED_STOP,
    ['\\'] = EXPO_SCAN_QUOTED_STOP, ['\n'] = EXPO_SCAN_QUOTED_STOP,  [' '] = EXPO_SCAN_BLANK,
    ['\t'] = EXPO_SCAN_BLANK,
};

static bool is(const char *p, uint8_t classes)
{
    return (expo_scan_class[(uint8_t)*p] & classes) != 0;
}

void expo_scan_init(struct expo_scan *s, struct str body, struct arena *scratch, struct emit *emit)
{
    const char *start = body.p ? body.p : "";

    /* Field by field: the arrays of labels need no clearing. */
    s->start = s->p = start;
    s->end = start + body.n;
    s->scratch = scratch;
    s->scratch_used = s->help_unquotes = s->family_quoted = s->pending = false;
    s->metadata = s->goes_on = false;
    s->unread = (struct str){NULL, 0};
    s->emit = emit;
    s->family = s->help = s->unit = s->name = (struct str){NULL, 0};
    s->family_type = s->type = METRIC_UNKNOWN;
    s->labels.items = s->labels.few;
    s->exemplar.items = s->exemplar.few;
    s->labels.n = s->exemplar.n = 0;
    s->labels.cap = s->exemplar.cap = EXPO_SCAN_LABELS;
}

int expo_scan_fail(const struct expo_scan *s, const char *at, struct err *err, const char *fmt, ...)
{
    struct span where = {.line = 1, .length = 1};
    const char *line = s->start;
    char text[300];
    va_list args;

    for (const char *p; (p = memchr(line, '\n', (size_t)(at - line))); line = p + 1)
        where.line++;
    where.column = (uint32_t)(at - line) + 1;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return err_at(err, ERR_SYNTAX, where, "%s", text);
}

const char *expo_scan_seen(const struct expo_scan *s, const char *at, char out[24])
{
    if (at >= s->end)
        return "the end of the text";
    if (*at == '\n')
        return "the end of the line";
    if (*at == '\r')
        return "a carriage return (lines end in a newline alone)";
    if ((uint8_t)*at > ' ' && (uint8_t)*at < 0x7f)
        (void)snprintf(out, 24, "'%c'", *at);
    else if (*at == ' ')
        (void)snprintf(out, 24, "a blank");
    else
        (void)snprintf(out, 24, "byte 0x%02x", (uint8_t)*at);
    return out;
}

struct str expo_scan_name(struct expo_scan *s, uint8_t head)
{
    const char *start = s->p, *p = start;

    if (p < s->end && is(p, head))
        for (p++; p < s->end && is(p, (uint8_t)(head | EXPO_SCAN_DIGIT));)
            p++;
    s->p = p;
    return (struct str){start, (size_t)(p - start)};
}

int expo_scan_quoted(struct expo_scan *s, bool newline, bool nul, bool *escaped, struct str *out,
                     struct err *err)
{
    const char *open = s->p, *p = open + 1, *end = s->end;
    uint8_t seen = 0;
    struct str text;

    *escaped = false;
    for (;; p++) {
        while (p < end && !is(p, EXPO_SCAN_QUOTED_STOP))
            seen |= (uint8_t)*p++;
        if (p == end)
            return expo_scan_fail(s, open, err, "this quote is never closed");
        if (*p == '"')
            break;
        if (*p == '\\') {
            *escaped = true;
            if (++p == end || *p == '\n')
                return expo_scan_fail(s, p - 1, err, "a backslash at the end of the line");
            seen |= (uint8_t)*p;
        } else if (!newline) {
            return expo_scan_fail(s, open, err,
                                  "this quote is not closed on its line; write a newline as \\n");
        }
    }
    text = (struct str){open + 1, (size_t)(p - open - 1)};
    if ((seen & 0x80) && !str_is_utf8(text))
        return expo_scan_fail(s, open, err, "the quoted text is not valid UTF-8");
    if (!nul && memchr(text.p, '\0', text.n))
        return expo_scan_fail(s, open, err, "a NUL byte in a quoted name");
    s->p = p + 1;
    *out = text;
    return 0;
}

int expo_scan_unescape(struct expo_scan *s, struct str text, bool quote, struct str *out,
                       struct err *err)
{
    char *to;
    size_t n = 0;

    if (!text.n || !memchr(text.p, '\\', text.n)) {
        *out = text;
        return 0;
    }
    to = arena_alloc(s->scratch, text.n, err);
    if (!to)
        return -1;
    s->scratch_used = true;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        char next = i + 1 < text.n ? text.p[i + 1] : '\0';

        if (c == '\\' && (next == '\\' || next == 'n' || (quote && next == '"'))) {
            c = next == 'n' ? '\n' : next;
            i++;
        }
        to[n++] = c;
    }
    *out = (struct str){to, n};
    return 0;
}

/* Prometheus 3 stores le and quantile of the classic types in one spelling, so that 1 and 1.0 are
 * one series whichever format the target speaks. */
static int normal_bound(struct expo_scan *s, struct label *label, struct err *err)
{
    char text[NUMBER_TEXT_MAX + 2];
    size_t n;
    double v;

    if (s->type == METRIC_HISTOGRAM
            ? !str_eq(label->name, STR("le"))
            : s->type != METRIC_SUMMARY || !str_eq(label->name, STR("quantile")))
        return 0;
    if (!number_parse(label->value, &v))
        return 0;
    n = number_print_g(v, text);
    if (isfinite(v) && !memchr(text, '.', n) && !memchr(text, 'e', n)) {
        text[n++] = '.';
        text[n++] = '0';
    }
    if (str_eq(label->value, (struct str){text, n}))
        return 0;
    label->value = arena_str(s->scratch, (struct str){text, n}, err);
    s->scratch_used = true;
    return label->value.p ? 0 : -1;
}

static int add_label(struct expo_scan *s, struct expo_label_list *list, struct label label,
                     struct err *err)
{
    if (list->n == list->cap) {
        struct label *more = arena_new_array(s->scratch, struct label, list->cap * 2, err);

        if (!more)
            return -1;
        s->scratch_used = true;
        memcpy(more, list->items, list->n * sizeof *more);
        list->items = more;
        list->cap *= 2;
    }
    list->items[list->n++] = label;
    return 0;
}

static void skip_blanks(struct expo_scan *s, const struct expo_label_rules *rules)
{
    if (rules->blanks)
        while (s->p < s->end && is(s->p, EXPO_SCAN_BLANK))
            s->p++;
}

static int set_name(struct expo_scan *s, const char *at, bool takes_name, struct str name,
                    struct err *err)
{
    if (!takes_name)
        return expo_scan_fail(s, at, err, "expected a label of the exemplar, name=\"value\"");
    if (s->name.p)
        return expo_scan_fail(s, at, err, "the metric name is given twice (\"%.*s\" came first)",
                              STR_ARGS(str_take(s->name, 100)));
    if (!name.n)
        return expo_scan_fail(s, at, err, "the metric name is empty");
    s->name = name;
    return 0;
}

/* name, blanks, and whether it was quoted. */
static int label_name(struct expo_scan *s, struct str *out, bool *quoted, struct err *err)
{
    char seen[24];
    bool escaped;

    *quoted = s->p < s->end && *s->p == '"';
    if (*quoted) {
        if (expo_scan_quoted(s, true, false, &escaped, out, err) < 0)
            return -1;
        return escaped ? expo_scan_unescape(s, *out, true, out, err) : 0;
    }
    *out = expo_scan_name(s, EXPO_SCAN_LABEL_HEAD);
    if (!out->n)
        return expo_scan_fail(s, s->p, err, "expected a label name or '}', got %s",
                              expo_scan_seen(s, s->p, seen));
    return 0;
}

static int label_value(struct expo_scan *s, const struct expo_label_rules *rules, struct str *out,
                       struct err *err)
{
    char seen[24];
    bool escaped;

    if (s->p == s->end || *s->p != '"')
        return expo_scan_fail(s, s->p, err, "expected a label value in double quotes, got %s",
                              expo_scan_seen(s, s->p, seen));
    if (expo_scan_quoted(s, rules->newline_in_value, rules->nul_in_value, &escaped, out, err) < 0)
        return -1;
    return escaped ? expo_scan_unescape(s, *out, true, out, err) : 0;
}

int expo_scan_labels(struct expo_scan *s, const struct expo_label_rules *rules,
                     struct expo_label_list *list, struct err *err)
{
    char seen[24];
    bool comma = false;

    for (;;) {
        struct label label;
        const char *at;
        bool quoted;

        skip_blanks(s, rules);
        if (s->p < s->end && *s->p == '}' && (rules->blanks || !comma))
            break;
        at = s->p;
        if (label_name(s, &label.name, &quoted, err) < 0)
            return -1;
        skip_blanks(s, rules);
        if (quoted && s->p < s->end && (*s->p == ',' || *s->p == '}')) {
            if (set_name(s, at, rules->takes_name, label.name, err) < 0)
                return -1;
            comma = *s->p == ',';
            if (!comma)
                break;
            s->p++;
            continue;
        }
        if (s->p == s->end || *s->p != '=')
            return expo_scan_fail(s, s->p, err, "expected '=' after label \"%.*s\", got %s",
                                  STR_ARGS(str_take(label.name, 100)),
                                  expo_scan_seen(s, s->p, seen));
        if (!label.name.n)
            return expo_scan_fail(s, at, err, "a label name is empty");
        s->p++;
        skip_blanks(s, rules);
        if (label_value(s, rules, &label.value, err) < 0)
            return -1;
        if (s->type == METRIC_HISTOGRAM || s->type == METRIC_SUMMARY) {
            if (list == &s->labels && normal_bound(s, &label, err) < 0)
                return -1;
        }
        if (add_label(s, list, label, err) < 0)
            return -1;
        skip_blanks(s, rules);
        comma = s->p < s->end && *s->p == ',';
        if (comma)
            s->p++;
        else if (!rules->blanks && (s->p == s->end || *s->p != '}'))
            return expo_scan_fail(s, s->p, err, "expected ',' or '}' after a label, got %s",
                                  expo_scan_seen(s, s->p, seen));
    }
    s->p++;
    return 0;
}

/* Sign, up to 15 digits with a point among them: exact in a double, and one division by an exact
 * power of ten rounds once, as it should. Everything else goes the long way. */
static bool short_number(struct str token, double *out)
{
    static const double powers[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    const char *p = token.p, *end = p + token.n, *point = NULL;
    uint64_t digits = 0;
    bool negative = token.n && *p == '-';
    double v;

    p += negative;
    if (p == end || end - p > 16)
        return false;
    for (const char *first = p; p < end; p++) {
        unsigned digit = (unsigned)(uint8_t)*p - '0';

        if (digit <= 9)
            digits = digits * 10 + digit;
        else if (*p == '.' && !point && end - first > 1)
            point = p;
        else
            return false;
    }
    if (!point && end - token.p - negative > 15)
        return false;
    v = (double)digits;
    if (point)
        v /= powers[end - point - 1];
    *out = negative ? -v : v;
    return true;
}

bool expo_value(struct str token, double *out)
{
    return short_number(token, out) || number_parse(token, out);
}

int expo_scan_meta_name(struct expo_scan *s, const char *word, struct str *out, bool *quoted,
                        struct err *err)
{
    char seen[24];
    bool escaped;

    *quoted = s->p < s->end && *s->p == '"';
    if (*quoted) {
        if (expo_scan_quoted(s, true, false, &escaped, out, err) < 0)
            return -1;
    } else {
        *out = expo_scan_name(s, EXPO_SCAN_METRIC_HEAD);
    }
    if (!out->n)
        return expo_scan_fail(s, s->p, err, "expected a metric name after %s, got %s", word,
                              expo_scan_seen(s, s->p, seen));
    return 0;
}

/* Which family was the last of the lines skipped, for a line that may go on with it. */
static int read_skipped(struct expo_scan *s, struct err *err)
{
    const char *p = s->p, *end = s->end;
    struct emit *emit = s->emit;
    struct str lines = s->unread;
    enum metric_type type = s->type;
    int rc;

    s->unread = (struct str){NULL, 0};
    s->p = lines.p;
    s->end = lines.p + lines.n;
    s->emit = NULL; /* they were handed on when they came first */
    rc = s->metadata_lines(s, err);
    s->p = p;
    s->end = end;
    s->emit = emit;
    s->type = type;
    s->pending = s->goes_on = false;
    return rc;
}

int expo_scan_meta(struct expo_scan *s, enum expo_meta what, struct str name, bool quoted,
                   struct str text, enum metric_type type, struct err *err)
{
    if (s->unread.p && read_skipped(s, err) < 0)
        return -1;
    s->metadata = true;
    if (!s->family.p || s->family_quoted != quoted || !str_eq(s->family, name)) {
        if (expo_scan_flush(s, err) < 0)
            return -1;
        s->family = name;
        s->family_quoted = quoted;
        s->help = s->unit = STR("");
        s->family_type = METRIC_UNKNOWN;
    } else if (!s->pending) {
        s->goes_on = true;
    }
    s->pending = true;
    switch (what) {
    case EXPO_META_HELP:
        s->help = text;
        break;
    case EXPO_META_TYPE:
        s->family_type = s->type = type;
        break;
    case EXPO_META_UNIT:
        s->unit = text;
        break;
    }
    return 0;
}

int expo_scan_flush(struct expo_scan *s, struct err *err)
{
    struct metadata family = {.family = s->family, .type = s->family_type, .unit = s->unit};

    if (!s->pending)
        return 0;
    s->pending = false;
    if (!s->emit)
        return 0;
    if (s->family_quoted && expo_scan_unescape(s, s->family, true, &family.family, err) < 0)
        return -1;
    if (expo_scan_unescape(s, s->help, s->help_unquotes, &family.help, err) < 0)
        return -1;
    return s->emit->family(s->emit, &family, err);
}

bool expo_scan_skip(struct expo_scan *s)
{
    struct str metadata = {NULL, 0};
    size_t n;

    if (!s->emit->skip || s->pending)
        return false;
    n = s->emit->skip(s->emit, (struct str){s->p, (size_t)(s->end - s->p)}, &s->type, &metadata);
    if (!n)
        return false;
    s->p += n;
    if (metadata.p) {
        s->unread = metadata;
        s->family = (struct str){NULL, 0};
    }
    s->metadata = s->goes_on = false;
    return true;
}

void expo_scan_place(const struct expo_scan *s, struct emit_sample *sample, const char *series,
                     const char *series_end, struct str value)
{
    sample->text = (struct emit_text){
        .series = {series, (size_t)(series_end - series)},
        .value = value,
        .end = s->p,
        .type = s->type,
        .metadata = s->metadata,
        .repeats = !s->goes_on && s->p == value.p + value.n + 1 && s->p[-1] == '\n',
    };
}

int expo_scan_sample(struct expo_scan *s, struct emit_sample *sample, struct err *err)
{
    if (s->pending && expo_scan_flush(s, err) < 0)
        return -1;
    sample->name = s->name;
    sample->labels = s->labels.items;
    sample->labels_n = s->labels.n;
    sample->exemplar_labels = s->exemplar.items;
    sample->exemplar_labels_n = s->exemplar.n;
    if (s->emit->sample(s->emit, sample, err) < 0)
        return -1;
    s->name = (struct str){NULL, 0};
    s->labels.n = s->exemplar.n = 0;
    s->metadata = s->goes_on = false;
    if (s->scratch_used) {
        s->labels.items = s->labels.few;
        s->exemplar.items = s->exemplar.few;
        s->labels.cap = s->exemplar.cap = EXPO_SCAN_LABELS;
        arena_reset(s->scratch);
        s->scratch_used = false;
    }
    return 0;
}
