/* cases: what the files of test_cases share.
 *
 * Threads: one.
 */
#ifndef PROMQL_CASES_H
#define PROMQL_CASES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/str.h"
#include "promql/test_source.h"

struct labels;

#define LINE_MAX_CHARS 8192
#define STEPS_MAX      4096

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

bool case_starts(const char *s, const char *prefix);

/* ---- series lines: cases_series.c ---- */

void case_unquote(struct runner *r, const char **p, struct str *out);
/* Gives what follows it. */
const char *case_parse_metric(struct runner *r, const char *s, const struct labels **out);
bool case_is_name(int c);
bool case_parse_values(const char *s, double *values, size_t *n);
/* Nothing is there at this time. */
bool case_is_gap(double v);
void case_load_line(struct runner *r, const char *line, ts_ms gap, bool nhcb);

/* ---- evaluating: cases_eval.c ---- */

void case_run(struct runner *r, struct eval_case *c);

#endif
