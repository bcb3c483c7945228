#include "text/cron.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/attr.h"
#include "base/err.h"

#define DAYS_LOOKED_AT (9 * 366) /* two leap years, also around 2100 */

struct field {
    const char *name;
    unsigned min, max;
    const char *const *names; /* of min, min + 1 ...; NULL: none */
    size_t names_n;
};

static const char *const month_names[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                          "jul", "aug", "sep", "oct", "nov", "dec"};
static const char *const weekday_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

static const struct field fields[] = {
    {"minute", 0, 59, NULL, 0},
    {"hour", 0, 23, NULL, 0},
    {"day of month", 1, 31, NULL, 0},
    {"month", 1, 12, month_names, ARRAY_LEN(month_names)},
    {"day of week", 0, 7, weekday_names, ARRAY_LEN(weekday_names)}};

/* ---- reading ---- */

static bool read_value(const struct field *f, struct str text, unsigned *out)
{
    unsigned v = 0;

    for (size_t i = 0; i < f->names_n; i++) {
        if (text.n == 3 && strncasecmp(text.p, f->names[i], 3) == 0) {
            *out = f->min + (unsigned)i;
            return true;
        }
    }
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9' || text.n > 2)
            return false;
        v = v * 10 + (unsigned)(text.p[i] - '0');
    }
    *out = v;
    return text.n > 0 && v >= f->min && v <= f->max;
}

/* "*", "5", "1-5", each perhaps with "/2" behind it. */
static bool read_part(const struct field *f, struct str text, uint64_t *out)
{
    struct str step = text, range = str_split(&step, '/'), last = range,
               first = str_split(&last, '-');
    unsigned from = f->min, to = f->max, by = 1;
    const struct field count = {.min = 1, .max = f->max ? f->max : 1};

    if (step.p && !read_value(&count, step, &by))
        return false;
    if (!str_eq(range, STR("*"))) {
        if (!read_value(f, first, &from))
            return false;
        to = step.p ? f->max : from; /* "5/15" goes on to the end */
        if (last.p && !read_value(f, last, &to))
            return false;
    }
    for (unsigned v = from; v <= to; v += by)
        *out |= UINT64_C(1) << v;
    return from <= to;
}

static int read_field(const struct field *f, struct str text, uint64_t *out, struct err *err)
{
    struct str rest = text;

    *out = 0;
    do {
        struct str part = str_split(&rest, ',');

        if (!read_part(f, part, out))
            return err_set(err, ERR_SYNTAX, "%s: \"%.*s\" is not *, or numbers from %u to %u",
                           f->name, STR_ARGS(str_take(part, 40)), f->min, f->max);
    } while (rest.p);
    return 0;
}

static struct str word_of(struct str *rest)
{
    size_t n = 0;
    struct str word;

    *rest = str_trim(*rest);
    while (n < rest->n && rest->p[n] != ' ' && rest->p[n] != '\t')
        n++;
    word = str_take(*rest, n);
    *rest = str_skip(*rest, n);
    return word;
}

static struct str line_of(struct str text)
{
    static const struct {
        const char *name, *line;
    } names[] = {{"@hourly", "0 * * * *"},  {"@daily", "0 0 * * *"},   {"@midnight", "0 0 * * *"},
                 {"@weekly", "0 0 * * 0"},  {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"},
                 {"@annually", "0 0 1 1 *"}};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eq(text, str_c(names[i].name)))
            return str_c(names[i].line);
    return text;
}

int cron_parse(struct str text, struct cron *out, struct err *err)
{
    struct str rest = line_of(str_trim(text)), words[ARRAY_LEN(fields)];
    uint64_t bits[ARRAY_LEN(fields)];

    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        words[i] = word_of(&rest);
        if (words[i].n == 0)
            return err_set(err, ERR_SYNTAX,
                           "expected five fields like 30 3 * * 1-5 (minute, hour, day of month, "
                           "month, day of week)");
        if (read_field(&fields[i], words[i], &bits[i], err) < 0)
            return -1;
    }
    if (str_trim(rest).n > 0)
        return err_set(err, ERR_SYNTAX, "expected five fields, found more");
    *out = (struct cron){.minutes = bits[0],
                         .hours = (uint32_t)bits[1],
                         .days = (uint32_t)bits[2],
                         .months = (uint32_t)bits[3],
                         .weekdays = (uint32_t)((bits[4] | bits[4] >> 7) & 0x7f),
                         .any_day = words[2].p[0] == '*',
                         .any_weekday = words[4].p[0] == '*'};
    return 0;
}

/* ---- counting ---- */

static bool has_day(const struct cron *c, const struct tm *day)
{
    bool by_day = c->days >> day->tm_mday & 1, by_weekday = c->weekdays >> day->tm_wday & 1;

    if (!(c->months >> (day->tm_mon + 1) & 1))
        return false;
    if (c->any_day || c->any_weekday)
        return by_day && by_weekday;
    return by_day || by_weekday;
}

/* Noon of a day is there in every zone, and tells which weekday it is. */
static bool find_day(const struct tm *from, int add, struct tm *out)
{
    *out = (struct tm){.tm_year = from->tm_year,
                       .tm_mon = from->tm_mon,
                       .tm_mday = from->tm_mday + add,
                       .tm_hour = 12,
                       .tm_isdst = -1};
    return mktime(out) != (time_t)-1;
}

/* -1: none of this day comes after `unix_s`. An hour that is left out counts as the one behind. */
static int64_t first_of_day(const struct cron *c, const struct tm *day, int64_t unix_s)
{
    for (int hour = 0; hour < 24; hour++) {
        if (!(c->hours >> hour & 1))
            continue;
        for (int minute = 0; minute < 60; minute++) {
            struct tm tm = {.tm_year = day->tm_year,
                            .tm_mon = day->tm_mon,
                            .tm_mday = day->tm_mday,
                            .tm_hour = hour,
                            .tm_min = minute,
                            .tm_isdst = -1};
            time_t t;

            if (!(c->minutes >> minute & 1))
                continue;
            t = mktime(&tm);
            if (t != (time_t)-1 && (int64_t)t > unix_s)
                return (int64_t)t;
        }
    }
    return -1;
}

int64_t cron_next(const struct cron *c, int64_t unix_s)
{
    const time_t start = (time_t)unix_s;
    struct tm from, day;

    if (!localtime_r(&start, &from))
        return -1;
    for (int add = 0; add < DAYS_LOOKED_AT; add++) {
        int64_t t;

        if (!find_day(&from, add, &day))
            return -1;
        t = has_day(c, &day) ? first_of_day(c, &day, unix_s) : -1;
        if (t >= 0)
            return t;
    }
    return -1;
}
