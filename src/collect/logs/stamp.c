#include "collect/logs/stamp.h"

#include <stdbool.h>

/* What is left of a line; a step that does not fit leaves it as it was. */
struct walk {
    const char *p, *end;
};

/* Of a line that does not begin with its time: so far it is looked for. */
#define INSIDE_MAX 512

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool skip_char(struct walk *w, char c)
{
    if (w->p == w->end || *w->p != c)
        return false;
    w->p++;
    return true;
}

static bool skip_digits(struct walk *w, size_t n)
{
    if ((size_t)(w->end - w->p) < n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!is_digit(w->p[i]))
            return false;
    w->p += n;
    return true;
}

static bool skip_any_digits(struct walk *w)
{
    const char *start = w->p;

    while (w->p < w->end && is_digit(*w->p))
        w->p++;
    return w->p > start;
}

/* 08:00:01,204 */
static bool skip_clock(struct walk *w)
{
    struct walk at = *w, fraction;

    if (!skip_digits(&at, 2) || !skip_char(&at, ':') || !skip_digits(&at, 2))
        return false;
    if (skip_char(&at, ':') && !skip_digits(&at, 2))
        return false;
    fraction = at;
    if ((skip_char(&fraction, '.') || skip_char(&fraction, ',')) && skip_any_digits(&fraction))
        at = fraction;
    *w = at;
    return true;
}

/* GIN */
static bool skip_word(struct walk *w)
{
    const char *start = w->p;

    while (w->p < w->end && *w->p >= 'A' && *w->p <= 'Z')
        w->p++;
    return w->p > start;
}

static bool skip_name(struct walk *w, struct str names)
{
    if (w->end - w->p < 3)
        return false;
    for (size_t i = 0; i < names.n; i += 3) {
        if (memcmp(w->p, names.p + i, 3) == 0) {
            w->p += 3;
            return true;
        }
    }
    return false;
}

/* Behind a time: "12:30pm", "08:00:01x" are something else. */
static bool is_over(const struct walk *w)
{
    return w->p == w->end || memchr(" \t|]:-[", *w->p, 7);
}

/* Z, +01:00, " +0100", " UTC" */
static void skip_zone(struct walk *w)
{
    struct walk at = *w;

    if (skip_char(&at, 'Z')) {
        *w = at;
        return;
    }
    (void)skip_char(&at, ' ');
    if (skip_name(&at, STR("UTCGMT"))) {
        if (is_over(&at))
            *w = at;
        return;
    }
    if ((!skip_char(&at, '+') && !skip_char(&at, '-')) || !skip_digits(&at, 2))
        return;
    (void)skip_char(&at, ':');
    if (skip_digits(&at, 2) && (at.p == at.end || !is_digit(*at.p)))
        *w = at;
}

/* 2025-03-04 08:00:01 */
static bool skip_date_and_clock(struct walk *w)
{
    struct walk at = *w;
    char sign;

    if (!skip_digits(&at, 4) || at.p == at.end || (*at.p != '-' && *at.p != '/'))
        return false;
    sign = *at.p;
    if (!skip_char(&at, sign) || !skip_digits(&at, 2) || !skip_char(&at, sign) ||
        !skip_digits(&at, 2))
        return false;
    if (!skip_char(&at, 'T') && skip_char(&at, ' ') && skip_char(&at, '-'))
        (void)skip_char(&at, ' ');
    if (!skip_clock(&at))
        return false;
    skip_zone(&at);
    *w = at;
    return true;
}

/* Mar  4 09:14:33, with the day of the week before it and the year behind */
static bool skip_month_and_clock(struct walk *w)
{
    struct walk at = *w, year;

    if (skip_name(&at, STR("MonTueWedThuFriSatSun")) && !skip_char(&at, ' '))
        return false;
    if (!skip_name(&at, STR("JanFebMarAprMayJunJulAugSepOctNovDec")) || !skip_char(&at, ' '))
        return false;
    (void)skip_char(&at, ' ');
    if (!skip_any_digits(&at) || !skip_char(&at, ' ') || !skip_clock(&at))
        return false;
    year = at;
    if (skip_char(&year, ' ') && skip_digits(&year, 4) && is_over(&year))
        at = year;
    *w = at;
    return true;
}

size_t stamp_read(struct str line, struct str *time)
{
    struct walk w = {line.p, line.p + line.n};
    bool bracket = line.n && skip_char(&w, '[');
    const char *start = w.p;

    if (!line.n || (!skip_date_and_clock(&w) && !skip_month_and_clock(&w) && !skip_clock(&w)))
        return 0;
    *time = (struct str){start, (size_t)(w.p - start)};
    if (bracket && !skip_char(&w, ']') && (w.p == w.end || !memchr(" :", *w.p, 2)))
        return 0;
    if (!is_over(&w))
        return 0;
    return (size_t)(w.p - line.p);
}

/* 27/Nov/2026:10:00:00 +0000 */
static bool skip_access(struct walk *w)
{
    struct walk at = *w;

    if (!skip_digits(&at, 2) || !skip_char(&at, '/') ||
        !skip_name(&at, STR("JanFebMarAprMayJunJulAugSepOctNovDec")) || !skip_char(&at, '/') ||
        !skip_digits(&at, 4) || !skip_char(&at, ':') || !skip_clock(&at))
        return false;
    skip_zone(&at);
    *w = at;
    return true;
}

/* 11-27 10:00:01 of vLLM, 1127 10:00:01.204123 of glog */
static bool skip_day_and_clock(struct walk *w, bool dash)
{
    struct walk at = *w;

    if (!skip_digits(&at, 2) || (dash && !skip_char(&at, '-')) || !skip_digits(&at, 2) ||
        !skip_char(&at, ' ') || !skip_clock(&at))
        return false;
    *w = at;
    return true;
}

bool stamp_read_glog(struct str line, struct str *time)
{
    struct walk w = {line.p, line.p + line.n};

    if (!line.n || !skip_day_and_clock(&w, false) || !is_over(&w))
        return false;
    *time = (struct str){line.p, (size_t)(w.p - line.p)};
    return true;
}

/* [GIN] 2025/03/04 - 08:00:01, INFO 2025-03-04 08:00:01 */
static bool skip_to_date(struct walk *w, const char **start)
{
    struct walk at = *w;

    (void)skip_char(&at, '[');
    if (!skip_word(&at))
        return false;
    (void)skip_char(&at, ']');
    (void)skip_char(&at, ':');
    while (skip_char(&at, ' '))
        *start = at.p;
    if (at.p != *start || (!skip_date_and_clock(&at) && !skip_day_and_clock(&at, true)))
        return false;
    *w = at;
    return true;
}

bool stamp_find(struct str line, struct str *time)
{
    struct walk w = {line.p, line.p + line.n};
    struct str left = str_take(line, INSIDE_MAX);
    const char *start = NULL, *p;
    bool found = skip_to_date(&w, &start);

    while (!found && (p = left.n ? memchr(left.p, '[', left.n) : NULL)) {
        w.p = start = p + 1;
        found = skip_access(&w);
        left = str_skip(left, (size_t)(p + 1 - left.p));
    }
    if (!found || !is_over(&w))
        return false;
    *time = (struct str){start, (size_t)(w.p - start)};
    return true;
}
