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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "promql/cases.h"
#include "promql/query.h"
#include "promql/test_source.h"
#include "text/duration.h"
#include "text/number.h"

#define FEATURES_ALL 0xffu

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

    if (case_starts(s, "string ")) {
        const char *p = trim(s + 7);
        struct str text;

        case_unquote(r, &p, &text);
        c->has_string = true;
        (void)snprintf(c->string, sizeof c->string, "%.*s", STR_ARGS(text));
        return;
    }
    if (case_starts(s, "range vector")) {
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
    else if (case_starts(rest, "msg:"))
        add_note(c, kind, 'm', trim(rest + 4));
    else if (case_starts(rest, "regex:"))
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

    if (case_starts(s, "expected_fail_message")) {
        add_note(c, "fail", 'm', trim(s + 21));
        return;
    }
    if (case_starts(s, "expected_fail_regexp")) {
        add_note(c, "fail", 'r', trim(s + 20));
        return;
    }
    if (case_starts(s, "expect ")) {
        parse_expect(r, c, s + 7);
        return;
    }
    if (is_number_line(s, &c->scalar)) {
        c->has_scalar = true;
        return;
    }
    rest = case_parse_metric(r, s, &e->labels);
    if (!case_parse_values(rest, values, &e->n)) {
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
    if (case_starts(line, "eval_fail"))
        add_note(&c, "fail", 0, "");
    if (case_starts(line, "eval_warn"))
        add_note(&c, "warn", 0, "");
    if (case_starts(line, "eval_info"))
        add_note(&c, "info", 0, "");
    c.ordered = case_starts(line, "eval_ordered");
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
    case_run(r, &c);
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
        } else if (case_starts(line, "clear")) {
            test_source_clear(&r->source);
            r->skip_n = 0;
            r->at++;
        } else if (case_starts(line, "features")) {
            set_features(r, trim(line + 8));
            r->at++;
        } else if (case_starts(line, "load")) {
            ts_ms gap = duration_of(trim(line + strcspn(line, " \t")));
            bool nhcb = case_starts(line, "load_with_nhcb");

            for (r->at++; r->at < r->n && *trim(r->lines[r->at]); r->at++)
                if (*trim(r->lines[r->at]) != '#')
                    case_load_line(r, trim(r->lines[r->at]), gap, nhcb);
        } else if (case_starts(line, "eval")) {
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
