/* Evaluates one case in each way, and compares. */
#include "promql/cases.h"

#include <math.h>
#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "promql/query.h"
#include "promql/test_source.h"

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

            if (case_is_gap(e->values[k]))
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
            any |= !case_is_gap(c->series[i].values[k]);
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
    struct promql_result res = {.series_n = 0};
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
        if ((p == expr || !case_is_name((unsigned char)p[-1])) &&
            !case_is_name((unsigned char)p[n]))
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
        if (p == c->expr || !case_is_name((unsigned char)p[-1]))
            return true;
    return false;
}

void case_run(struct runner *r, struct eval_case *c)
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
