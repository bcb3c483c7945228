/* Lines of series: labels, values, gaps. */
#include "promql/cases.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/sample.h"
#include "promql/test_source.h"
#include "text/number.h"

static bool number_at(const char *s, size_t n, double *out)
{
    char text[64];
    char *end;

    if (n == 0 || n >= sizeof text)
        return false;
    memcpy(text, s, n);
    text[n] = '\0';
    *out = strtod(text, &end);
    if (*end)
        return false;
    if (isnan(*out))
        *out = value_of_bits(NORMAL_NAN_BITS);
    return true;
}

bool case_starts(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

void case_unquote(struct runner *r, const char **p, struct str *out)
{
    SCOPED(buf_fini) struct buf text = {0};
    char quote = *(*p)++;
    const char *s = *p;

    while (*s && *s != quote) {
        if (*s == '\\' && quote != '`') {
            s++;
            if (*s == 'x') {
                char hex[3] = {s[1], s[2], 0};

                buf_addc(&text, (char)strtoul(hex, NULL, 16));
                s += 3;
                continue;
            }
            buf_addc(&text, *s == 'n' ? '\n' : *s == 't' ? '\t' : *s);
            s++;
            continue;
        }
        buf_addc(&text, *s++);
    }
    *p = *s ? s + 1 : s;
    *out = arena_str(&r->arena, buf_str(&text), NULL);
}

bool case_is_name(int c)
{
    return isalnum(c) || c == '_' || c == ':';
}

/* name{a="b"} -> labels; returns what follows. */
const char *case_parse_metric(struct runner *r, const char *s, const struct labels **out)
{
    struct label pairs[64];
    size_t n = 0, len = 0;

    while (case_is_name((unsigned char)s[len]))
        len++;
    if (len)
        pairs[n++] =
            (struct label){STR(LABEL_NAME), arena_str(&r->arena, (struct str){s, len}, NULL)};
    s += len;
    while (*s == ' ' || *s == '\t')
        s++;
    if (*s == '{' && s[1] != '{') {
        s++;
        for (;;) {
            struct label l;

            while (*s == ' ' || *s == ',' || *s == '\t')
                s++;
            if (*s == '}' || !*s) {
                s += *s == '}';
                break;
            }
            if (strchr("\"'`", *s)) {
                case_unquote(r, &s, &l.name);
            } else {
                for (len = 0; case_is_name((unsigned char)s[len]); len++) {
                }
                l.name = (struct str){s, len};
                s += len;
                if (!len)
                    break;
            }
            while (*s == ' ')
                s++;
            if (*s != '=') {
                l.value = l.name;
                l.name = STR(LABEL_NAME);
            } else {
                s++;
                while (*s == ' ')
                    s++;
                case_unquote(r, &s, &l.value);
            }
            pairs[n++] = l;
        }
    }
    if (labels_build(&r->arena, pairs, n, out, NULL) < 0)
        exit(2);
    return s;
}

/* 1, 1+2x3, 1x3, _, _x4, stale; false: a histogram or no number. */
static bool parse_item(const char *s, size_t len, double *values, size_t *n)
{
    double v, step = 0;
    size_t times = 0, number = len;
    const char *x;
    bool repeated = false;

    if (len == 5 && !strncmp(s, "stale", 5)) {
        values[(*n)++] = value_of_bits(STALE_NAN_BITS);
        return true;
    }
    if (s[0] == '_') {
        times = len > 2 ? (size_t)atol(s + 2) : 1;
        for (; times && *n < STEPS_MAX; times--)
            values[(*n)++] = value_of_bits(STALE_NAN_BITS + 1); /* a gap */
        return true;
    }
    x = memchr(s, 'x', len);
    if (x) {
        times = (size_t)atol(x + 1);
        number = (size_t)(x - s);
        repeated = true;
    }
    if (!number_at(s, number, &v)) {
        size_t sign = number;

        for (size_t i = 1; i < number; i++)
            if ((s[i] == '+' || s[i] == '-') && s[i - 1] != 'e' && s[i - 1] != 'E')
                sign = i;
        if (sign == number || !number_at(s, sign, &v) || !number_at(s + sign, number - sign, &step))
            return false;
    }
    values[(*n)++] = v;
    for (size_t i = 0; repeated && i < times && *n < STEPS_MAX; i++) {
        v += step;
        values[(*n)++] = v;
    }
    return true;
}

bool case_is_gap(double v)
{
    return value_bits(v) == STALE_NAN_BITS + 1;
}

bool case_parse_values(const char *s, double *values, size_t *n)
{
    *n = 0;
    while (*s) {
        size_t len;

        while (isspace((unsigned char)*s))
            s++;
        if (!*s)
            break;
        if (case_starts(s, "{{"))
            return false;
        len = strcspn(s, " \t");
        if (!parse_item(s, len, values, n))
            return false;
        s += len;
    }
    return true;
}

static void skip_name(struct runner *r, const struct labels *ls)
{
    struct str name = labels_get(ls, STR(LABEL_NAME));

    if (r->skip_n < 256 && name.n && name.n < 128) {
        memcpy(r->skip_names[r->skip_n], name.p, name.n);
        r->skip_names[r->skip_n++][name.n] = '\0';
    }
}

void case_load_line(struct runner *r, const char *line, ts_ms gap, bool nhcb)
{
    static double values[STEPS_MAX + 16];
    const struct labels *ls;
    const char *rest;
    size_t n;
    const char *at_st = strstr(line, "@st");

    if (at_st && at_st < line + strcspn(line, " \t")) {
        case_parse_metric(r, line, &ls);
        skip_name(r, ls);
        return;
    }
    rest = case_parse_metric(r, line, &ls);
    if (!case_parse_values(rest, values, &n)) {
        skip_name(r, ls);
        return;
    }
    if (nhcb) {
        struct str name = labels_get(ls, STR(LABEL_NAME));
        static const char *const suffixes[] = {"_bucket", "_sum", "_count"};

        for (size_t i = 0; i < 3; i++)
            if (str_ends(name, str_c(suffixes[i])) && r->skip_n < 256) {
                size_t len = name.n - strlen(suffixes[i]);

                memcpy(r->skip_names[r->skip_n], name.p, len);
                r->skip_names[r->skip_n++][len] = '\0';
            }
    }
    for (size_t i = 0; i < n; i++)
        if (!case_is_gap(values[i]))
            test_source_add(&r->source, ls, (ts_ms)i * gap, values[i]);
}
