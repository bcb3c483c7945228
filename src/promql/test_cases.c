/* test_cases: runs text cases: load some series, evaluate, expect.
 *
 *     load 1m                              series, a value a minute from 0 on
 *       foo{a="b"} 1 2+3x4 _ stale         2 5 8 11 14, a gap, a staleness marker
 *     eval instant at 5m sum(foo)          followed by what is expected: series and values
 *       {} 14
 *     eval range from 0 to 5m step 1m foo
 *     expect fail|warn|info|no_warn|no_info [msg: TEXT|regex: RE], expect ordered,
 *     expect string "...", expect range vector from A to B step C
 *     clear                                forgets all series
 *     features a,b | none | all            what is enabled from here on (at first all)
 *
 * It is the language of Prometheus' promqltest, so that its files can be run as well (paths as
 * arguments). Each case runs on series with shared columns and again on short runs; each instant
 * case also as the middle step of a range query. Series with native histograms are left out, and
 * the cases that use them count as skipped.
 */
#include <ctype.h>
#include <math.h>
#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "model/sample.h"
#include "promql/lex.h"
#include "promql/query.h"
#include "promql/test_source.h"
#include "text/duration.h"
#include "text/number.h"

#define LINE_MAX_CHARS 8192
#define STEPS_MAX      4096
#define FEATURES_ALL   0xffu

struct expectation { /* a series line */
    const struct labels *labels;
    double *values; /* stale marker: nothing there */
    size_t n;
    bool seen;
};

struct note {      /* expect warn msg: ... */
    char kind[12]; /* fail warn info no_warn no_info */
    char how;      /* 'm' msg, 'r' regex, 0 any */
    char text[1024];
};

struct eval_case {
    char expr[LINE_MAX_CHARS];
    bool is_range;
    ts_ms at, start, end, step; /* at: of an instant query */
    bool ordered, has_scalar, has_string;
    double scalar;
    char string[1024];
    struct expectation series[512];
    size_t series_n;
    struct note notes[16];
    size_t notes_n;
    bool native; /* expects a histogram */
    unsigned line;
};

struct runner {
    const char *path;
    char **lines;
    size_t n, at;
    struct test_source source;
    struct arena arena;        /* expectations */
    char skip_names[256][128]; /* of native histograms and start times */
    size_t skip_n;
    unsigned features;
    unsigned passed, failed, skipped;
    bool quiet;
};

static char *trim(char *s)
{
    char *end;

    while (isspace((unsigned char)*s))
        s++;
    end = s + strlen(s);
    while (end > s && isspace((unsigned char)end[-1]))
        *--end = '\0';
    return s;
}

static bool starts(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

static ts_ms duration_of(const char *s)
{
    bool negative = *s == '-';
    int64_t ms;
    double v;
    char *end;

    s += negative;
    v = strtod(s, &end);
    if (*end == '\0')
        return (ts_ms)((negative ? -v : v) * 1000);
    if (duration_parse(str_c(s), &ms, NULL) < 0) {
        fprintf(stderr, "bad duration %s\n", s);
        exit(2);
    }
    return negative ? -ms : ms;
}

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

/* ---- series lines ---- */

static void unquote(struct runner *r, const char **p, struct str *out)
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

static bool is_name(int c)
{
    return isalnum(c) || c == '_' || c == ':';
}

/* name{a="b"} -> labels; returns what follows. */
static const char *parse_metric(struct runner *r, const char *s, const struct labels **out)
{
    struct label pairs[64];
    size_t n = 0, len = 0;

    while (is_name((unsigned char)s[len]))
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
                unquote(r, &s, &l.name);
            } else {
                for (len = 0; is_name((unsigned char)s[len]); len++) {
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
                unquote(r, &s, &l.value);
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

static bool is_gap(double v)
{
    return value_bits(v) == STALE_NAN_BITS + 1;
}

static bool parse_values(const char *s, double *values, size_t *n)
{
    *n = 0;
    while (*s) {
        size_t len;

        while (isspace((unsigned char)*s))
            s++;
        if (!*s)
            break;
        if (starts(s, "{{"))
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

static void load_line(struct runner *r, const char *line, ts_ms gap, bool nhcb)
{
    static double values[STEPS_MAX + 16];
    const struct labels *ls;
    const char *rest;
    size_t n;
    const char *at_st = strstr(line, "@st");

    if (at_st && at_st < line + strcspn(line, " \t")) {
        parse_metric(r, line, &ls);
        skip_name(r, ls);
        return;
    }
    rest = parse_metric(r, line, &ls);
    if (!parse_values(rest, values, &n)) {
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
        if (!is_gap(values[i]))
            test_source_add(&r->source, ls, (ts_ms)i * gap, values[i]);
}

/* ---- evaluating ---- */

static bool almost(double a, double b)
{
    double sum = fabs(a) + fabs(b), diff = fabs(a - b);

    if (isnan(a) && isnan(b))
        return true;
    if (a == b)
        return true;
    if (!isfinite(a) || !isfinite(b))
        return false;
    if (a == 0 || b == 0 || sum < 0x1p-1022)
        return diff < 1e-6 * 0x1p-1022;
    return diff / fmin(sum, 1.7976931348623157e308) < 1e-6;
}

static int complain(struct runner *r, const struct eval_case *c, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

static int complain(struct runner *r, const struct eval_case *c, const char *fmt, ...)
{
    va_list args;

    if (r->quiet)
        return -1;
    printf("%s:%u: %s\n    ", r->path, c->line, c->expr);
    va_start(args, fmt);
    (void)vprintf(fmt, args);
    va_end(args);
    printf("\n");
    return -1;
}

static bool note_matches(const struct note *n, const char *text)
{
    regex_t re;
    bool matches;

    if (!n->how)
        return true;
    if (n->how == 'm')
        return strcmp(n->text, text) == 0;
    if (regcomp(&re, n->text, REG_EXTENDED | REG_NOSUB))
        return false;
    matches = regexec(&re, text, 0, NULL, 0) == 0;
    regfree(&re);
    return matches;
}

static int check_kind(struct runner *r, const struct eval_case *c, const char *kind,
                      const char *const *got, size_t n)
{
    bool any = false;
    char none[16];

    (void)snprintf(none, sizeof none, "no_%s", kind);
    for (size_t i = 0; i < c->notes_n; i++) {
        bool found = false;

        if (!strcmp(c->notes[i].kind, none) && n)
            return complain(r, c, "unexpected %s: %s", kind, got[0]);
        if (strcmp(c->notes[i].kind, kind) != 0)
            continue;
        any = true;
        for (size_t k = 0; k < n; k++)
            found |= note_matches(&c->notes[i], got[k]);
        if (!found)
            return complain(r, c, "expected %s \"%s\", got %zu: %s", kind, c->notes[i].text, n,
                            n ? got[0] : "");
    }
    for (size_t k = 0; any && k < n; k++) {
        bool known = false;

        for (size_t i = 0; i < c->notes_n; i++)
            known |= !strcmp(c->notes[i].kind, kind) && note_matches(&c->notes[i], got[k]);
        if (!known)
            return complain(r, c, "unexpected %s: %s", kind, got[k]);
    }
    return 0;
}

static struct expectation *expected(struct eval_case *c, const struct labels *ls)
{
    for (size_t i = 0; i < c->series_n; i++)
        if (labels_equal(c->series[i].labels, ls))
            return &c->series[i];
    return NULL;
}

static const char *show(const struct labels *ls)
{
    static struct buf text;

    buf_reset(&text);
    labels_print(ls, &text);
    return buf_str(&text).p;
}

static int check_matrix(struct runner *r, struct eval_case *c, const struct promql_result *res)
{
    for (size_t i = 0; i < res->series_n; i++) {
        const struct promql_series *s = &res->series[i];
        struct expectation *e = expected(c, s->labels);
        size_t at = 0;

        if (!e)
            return complain(r, c, "unexpected series %s", show(s->labels));
        if (i && labels_compare(res->series[i - 1].labels, s->labels) >= 0)
            return complain(r, c, "series are not sorted at %s", show(s->labels));
        e->seen = true;
        for (size_t k = 0; k < e->n; k++) {
            ts_ms t = c->start + (ts_ms)k * c->step;

            if (is_gap(e->values[k]))
                continue;
            if (at >= s->n || s->ts[at] != t)
                return complain(r, c, "%s at %lld: expected %g, got %s%lld", show(s->labels),
                                (long long)t, e->values[k], at < s->n ? "time " : "nothing ",
                                at < s->n ? (long long)s->ts[at] : 0);
            if (!almost(e->values[k], s->values[at]))
                return complain(r, c, "%s at %lld: expected %.17g, got %.17g", show(s->labels),
                                (long long)t, e->values[k], s->values[at]);
            at++;
        }
        if (at != s->n)
            return complain(r, c, "%s: %zu values too many (at %lld: %g)", show(s->labels),
                            s->n - at, (long long)s->ts[at], s->values[at]);
    }
    return 0;
}

static int check_vector(struct runner *r, struct eval_case *c, const struct promql_series *series,
                        size_t n, bool ordered)
{
    for (size_t i = 0; i < n; i++) {
        struct expectation *e = expected(c, series[i].labels);

        if (!e)
            return complain(r, c, "unexpected series %s %g", show(series[i].labels),
                            series[i].values[0]);
        e->seen = true;
        if (ordered && e != &c->series[i])
            return complain(r, c, "%s is in the wrong place", show(series[i].labels));
        if (e->n != 1 || !almost(e->values[0], series[i].values[0]))
            return complain(r, c, "%s: expected %.17g, got %.17g", show(series[i].labels),
                            e->n ? e->values[0] : NAN, series[i].values[0]);
    }
    return 0;
}

static int check_all_seen(struct runner *r, struct eval_case *c)
{
    for (size_t i = 0; i < c->series_n; i++) {
        bool any = false;

        for (size_t k = 0; k < c->series[i].n; k++)
            any |= !is_gap(c->series[i].values[k]);
        if (!c->series[i].seen && any)
            return complain(r, c, "series %s is missing", show(c->series[i].labels));
    }
    return 0;
}

static int check_result(struct runner *r, struct eval_case *c, const struct promql_result *res)
{
    for (size_t i = 0; i < c->series_n; i++)
        c->series[i].seen = false;
    switch (res->type) {
    case PROMQL_SCALAR:
        if (!c->has_scalar)
            return complain(r, c, "got the scalar %g", res->scalar);
        if (!almost(c->scalar, res->scalar))
            return complain(r, c, "expected scalar %.17g, got %.17g", c->scalar, res->scalar);
        return 0;
    case PROMQL_STRING:
        if (!c->has_string || !str_eq(str_c(c->string), res->string))
            return complain(r, c, "got the string %.*s", STR_ARGS(res->string));
        return 0;
    case PROMQL_VECTOR:
        if (c->has_scalar)
            return complain(r, c, "expected a scalar, got a vector");
        if (check_vector(r, c, res->series, res->series_n, c->ordered) < 0)
            return -1;
        return check_all_seen(r, c);
    default:
        if (check_matrix(r, c, res) < 0)
            return -1;
        return check_all_seen(r, c);
    }
}

/* The step of the instant query, out of a range query around it. */
static int check_middle(struct runner *r, struct eval_case *c, const struct promql_result *res,
                        ts_ms at)
{
    struct promql_series *middle = mem_new_array(struct promql_series, res->series_n + 1);
    size_t n = 0;
    int status;

    for (size_t i = 0; i < c->series_n; i++)
        c->series[i].seen = false;
    for (size_t i = 0; i < res->series_n; i++)
        for (size_t k = 0; k < res->series[i].n; k++)
            if (res->series[i].ts[k] == at) {
                middle[n] = res->series[i];
                middle[n++].values = &res->series[i].values[k];
            }
    if (c->has_scalar)
        status = n == 1 && almost(middle[0].values[0], c->scalar)
                     ? 0
                     : complain(r, c, "range mode: got %g", n ? middle[0].values[0] : NAN);
    else
        status = check_vector(r, c, middle, n, false) < 0 || check_all_seen(r, c) < 0
                     ? complain(r, c, "(in the middle of a range query)")
                     : 0;
    mem_free(middle);
    return status;
}

static int run_query(struct runner *r, const struct eval_case *c, struct arena *a, ts_ms start,
                     ts_ms end, ts_ms step, struct promql_result *out, struct err *err)
{
    struct promql_params params = {.source = &r->source.source,
                                   .start_ms = start,
                                   .end_ms = end,
                                   .step_ms = step,
                                   .features = r->features};
    struct expr *e = NULL;
    int status = promql_parse(a, str_c(c->expr), r->features, &e, err);

    if (status == 0)
        status = promql_run(e, &params, a, out, err);
    promql_free(e);
    return status;
}

static int check_failure(struct runner *r, const struct eval_case *c, const struct err *err)
{
    char text[600];
    bool wanted = false;

    (void)err_format(err, text, sizeof text);
    for (size_t i = 0; i < c->notes_n; i++) {
        if (strcmp(c->notes[i].kind, "fail") != 0)
            continue;
        wanted = true;
        if (!note_matches(&c->notes[i], text))
            return complain(r, c, "expected error \"%s\", got \"%s\"", c->notes[i].text, text);
    }
    return wanted ? 0 : complain(r, c, "%s", text);
}

static bool expects_failure(const struct eval_case *c)
{
    for (size_t i = 0; i < c->notes_n; i++)
        if (!strcmp(c->notes[i].kind, "fail"))
            return true;
    return false;
}

static bool knows_its_place(const char *expr)
{
    return strstr(expr, "start()") || strstr(expr, "end()") || strstr(expr, "range()") ||
           strstr(expr, "step()");
}

static int run_once(struct runner *r, struct eval_case *c)
{
    SCOPED(arena_fini) struct arena a;
    struct budget budget;
    struct promql_result res;
    struct err err = {0};

    budget_init(&budget, "query memory", 256u << 20, NULL);
    arena_init(&a, &budget);
    if ((c->is_range ? run_query(r, c, &a, c->start, c->end, c->step, &res, &err)
                     : run_query(r, c, &a, c->at, c->at, 0, &res, &err)) < 0)
        return check_failure(r, c, &err);
    if (expects_failure(c))
        return complain(r, c, "expected an error");
    if (check_result(r, c, &res) < 0 ||
        check_kind(r, c, "warn", res.warnings, res.warnings_n) < 0 ||
        check_kind(r, c, "info", res.infos, res.infos_n) < 0)
        return -1;
    if (c->is_range || res.type == PROMQL_MATRIX || res.type == PROMQL_STRING ||
        knows_its_place(c->expr))
        return 0;
    if (run_query(r, c, &a, c->at - 60000, c->at + 60000, 60000, &res, &err) < 0)
        return complain(r, c, "range mode: %s", err.text);
    if (c->ordered)
        return 0;
    return check_middle(r, c, &res, c->at);
}

static bool mentions(const char *expr, const char *name)
{
    size_t n = strlen(name);

    for (const char *p = strstr(expr, name); p; p = strstr(p + 1, name))
        if ((p == expr || !is_name((unsigned char)p[-1])) && !is_name((unsigned char)p[n]))
            return true;
    return false;
}

static bool uses_native(const struct runner *r, const struct eval_case *c)
{
    static const char *const functions[] = {"histogram_count",  "histogram_sum",
                                            "histogram_avg",    "histogram_stddev",
                                            "histogram_stdvar", "histogram_quantiles"};

    if (c->native || strstr(r->path, "native_histograms"))
        return true;
    for (size_t i = 0; i < r->skip_n; i++)
        if (mentions(c->expr, r->skip_names[i]))
            return true;
    for (size_t i = 0; strstr(r->path, "/shared/") && i < ARRAY_LEN(functions); i++)
        if (strstr(c->expr, functions[i]))
            return true;
    for (const char *p = strchr(c->expr, '{'); r->skip_n && p; p = strchr(p + 1, '{'))
        if (p == c->expr || !is_name((unsigned char)p[-1]))
            return true;
    return false;
}

static void run_case(struct runner *r, struct eval_case *c)
{
    if (uses_native(r, c)) {
        r->skipped++;
        return;
    }
    for (size_t run_len = 0; run_len <= 3; run_len += 3) {
        r->source.run_len = run_len;
        if (run_once(r, c) < 0) {
            r->failed++;
            return;
        }
    }
    r->passed++;
}

/* ---- the file ---- */

static void add_note(struct eval_case *c, const char *kind, char how, const char *text)
{
    struct note *n = &c->notes[c->notes_n++];

    *n = (struct note){.how = how};
    (void)snprintf(n->kind, sizeof n->kind, "%s", kind);
    (void)snprintf(n->text, sizeof n->text, "%s", text);
}

static void parse_expect(struct runner *r, struct eval_case *c, char *s)
{
    char kind[16];
    char *rest;

    if (starts(s, "string ")) {
        const char *p = trim(s + 7);
        struct str text;

        unquote(r, &p, &text);
        c->has_string = true;
        (void)snprintf(c->string, sizeof c->string, "%.*s", STR_ARGS(text));
        return;
    }
    if (starts(s, "range vector")) {
        char from[64], to[64], step[64];

        if (sscanf(s, "range vector from %63s to %63s step %63s", from, to, step) == 3) {
            c->start = duration_of(from);
            c->end = duration_of(to);
            c->step = duration_of(step);
        }
        return;
    }
    (void)snprintf(kind, sizeof kind, "%.*s", (int)strcspn(s, " "), s);
    rest = trim(s + strlen(kind));
    if (!strcmp(kind, "ordered"))
        c->ordered = true;
    else if (starts(rest, "msg:"))
        add_note(c, kind, 'm', trim(rest + 4));
    else if (starts(rest, "regex:"))
        add_note(c, kind, 'r', trim(rest + 6));
    else
        add_note(c, kind, 0, "");
}

static bool is_number_line(const char *s, double *out)
{
    char *end;

    *out = strtod(s, &end);
    return end != s && *end == '\0';
}

static void parse_expected(struct runner *r, struct eval_case *c, char *s)
{
    static double values[STEPS_MAX + 16];
    struct expectation *e = &c->series[c->series_n];
    const char *rest;

    if (starts(s, "expected_fail_message")) {
        add_note(c, "fail", 'm', trim(s + 21));
        return;
    }
    if (starts(s, "expected_fail_regexp")) {
        add_note(c, "fail", 'r', trim(s + 20));
        return;
    }
    if (starts(s, "expect ")) {
        parse_expect(r, c, s + 7);
        return;
    }
    if (is_number_line(s, &c->scalar)) {
        c->has_scalar = true;
        return;
    }
    rest = parse_metric(r, s, &e->labels);
    if (!parse_values(rest, values, &e->n)) {
        c->native = true;
        return;
    }
    e->values = arena_new_array(&r->arena, double, e->n, NULL);
    memcpy(e->values, values, e->n * sizeof *values);
    c->series_n++;
}

static void parse_eval(struct runner *r, char *line)
{
    static struct eval_case c;
    char a[64], b[64], s[64], *expr;
    int used = 0;

    memset(&c, 0, sizeof c);
    c.line = (unsigned)r->at + 1;
    if (starts(line, "eval_fail"))
        add_note(&c, "fail", 0, "");
    if (starts(line, "eval_warn"))
        add_note(&c, "warn", 0, "");
    if (starts(line, "eval_info"))
        add_note(&c, "info", 0, "");
    c.ordered = starts(line, "eval_ordered");
    line = trim(line + strcspn(line, " \t"));
    if (sscanf(line, "range from %63s to %63s step %63s %n", a, b, s, &used) == 3) {
        c.is_range = true;
        c.start = duration_of(a);
        c.end = duration_of(b);
        c.step = duration_of(s);
        expr = line + used;
    } else if (sscanf(line, "instant at %63s %n", a, &used) == 1) {
        c.start = c.end = duration_of(a);
        expr = line + used;
    } else {
        expr = line + strlen("instant");
    }
    c.at = c.start;
    (void)snprintf(c.expr, sizeof c.expr, "%s", trim(expr));
    for (r->at++; r->at < r->n; r->at++) {
        char *next = trim(r->lines[r->at]);

        if (*next == '#')
            continue;
        if (!*next)
            break;
        parse_expected(r, &c, next);
    }
    run_case(r, &c);
}

static void set_features(struct runner *r, char *s)
{
    char *save = NULL;

    r->features = strcmp(s, "all") == 0 ? FEATURES_ALL : 0;
    for (char *name = strtok_r(s, ",", &save); name; name = strtok_r(NULL, ",", &save))
        r->features |= promql_feature_of(str_c(trim(name)));
}

static void run_file(struct runner *r)
{
    while (r->at < r->n) {
        char *line = trim(r->lines[r->at]);

        if (!*line || *line == '#') {
            r->at++;
        } else if (starts(line, "clear")) {
            test_source_clear(&r->source);
            r->skip_n = 0;
            r->at++;
        } else if (starts(line, "features")) {
            set_features(r, trim(line + 8));
            r->at++;
        } else if (starts(line, "load")) {
            ts_ms gap = duration_of(trim(line + strcspn(line, " \t")));
            bool nhcb = starts(line, "load_with_nhcb");

            for (r->at++; r->at < r->n && *trim(r->lines[r->at]); r->at++)
                if (*trim(r->lines[r->at]) != '#')
                    load_line(r, trim(r->lines[r->at]), gap, nhcb);
        } else if (starts(line, "eval")) {
            parse_eval(r, line);
        } else {
            fprintf(stderr, "%s:%zu: what is \"%s\"?\n", r->path, r->at + 1, line);
            exit(2);
        }
    }
}

static void read_lines(struct runner *r)
{
    FILE *f = fopen(r->path, "r");
    char *line = NULL;
    size_t cap = 0, lines_cap = 0;

    if (!f) {
        perror(r->path);
        exit(2);
    }
    while (getline(&line, &cap, f) >= 0) {
        r->lines = mem_grow(r->lines, &lines_cap, r->n + 1, sizeof *r->lines);
        r->lines[r->n++] = mem_strdup(line);
    }
    free(line);
    (void)fclose(f);
}

int main(int argc, char **argv)
{
    unsigned passed = 0, failed = 0, skipped = 0;

    for (int i = 1; i < argc; i++) {
        static struct runner r;

        memset(&r, 0, sizeof r);
        r.path = argv[i];
        r.features = FEATURES_ALL;
        test_source_init(&r.source);
        arena_init(&r.arena, NULL);
        read_lines(&r);
        run_file(&r);
        printf("%s: %u passed, %u failed, %u skipped\n", argv[i], r.passed, r.failed, r.skipped);
        passed += r.passed;
        failed += r.failed;
        skipped += r.skipped;
        for (size_t k = 0; k < r.n; k++)
            mem_free(r.lines[k]);
        mem_free(r.lines);
        test_source_fini(&r.source);
        arena_fini(&r.arena);
    }
    printf("%u passed, %u failed, %u skipped\n", passed, failed, skipped);
    return failed ? 1 : 0;
}
