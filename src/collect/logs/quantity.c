#include "collect/logs/quantity.h"

#include <math.h>

#include "base/attr.h"
#include "text/number.h"

static const double scales[] = {
    [QUANTITY_NUMBER] = 1,      [QUANTITY_KB] = 1024,   [QUANTITY_MB] = 1048576,
    [QUANTITY_GB] = 1073741824, [QUANTITY_MS] = 1e-3,   [QUANTITY_US] = 1e-6,
    [QUANTITY_NS] = 1e-9,       [QUANTITY_PERCENT] = 1, [QUANTITY_DURATION] = 1,
};

static const struct {
    const char *word;
    double seconds;
} times[] = {
    {"s", 1},        {"ms", 1e-3},    {"m", 60},       {"min", 60},    {"h", 3600},
    {"us", 1e-6},    {"µs", 1e-6},    {"μs", 1e-6},    {"ns", 1e-9},   {"d", 86400},
    {"sec", 1},      {"secs", 1},     {"second", 1},   {"seconds", 1}, {"mins", 60},
    {"minute", 60},  {"minutes", 60}, {"hr", 3600},    {"hrs", 3600},  {"hour", 3600},
    {"hours", 3600}, {"day", 86400},  {"days", 86400}, {"msec", 1e-3}, {"usec", 1e-6},
};

/* 0:03:12.5, 3:12 */
static bool read_clock(struct str text, double *out)
{
    double sum = 0;
    struct str left = text;
    size_t parts = 0;

    while (left.p) {
        struct str part = str_split(&left, ':');
        double v;

        if (++parts > 3 || part.n == 0 || part.p[0] < '0' || part.p[0] > '9' ||
            !number_parse(part, &v))
            return false;
        sum = sum * 60 + v;
    }
    *out = sum;
    return true;
}

static bool is_digit_or_dot(char c)
{
    return (c >= '0' && c <= '9') || c == '.';
}

static size_t run_of(struct str s, bool digits)
{
    size_t n = 0;

    while (n < s.n && s.p[n] != ' ' && s.p[n] != '\t' && is_digit_or_dot(s.p[n]) == digits)
        n++;
    return n;
}

static bool read_time_unit(struct str word, double *seconds)
{
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        if (str_eq(word, str_c(times[i].word))) {
            *seconds = times[i].seconds;
            return true;
        }
    }
    return false;
}

/* 3m 12s, 2 min */
static bool read_parts(struct str text, double *out)
{
    double sum = 0;

    while (text.n) {
        size_t n = run_of(text, true);
        double v, seconds;

        if (n == 0 || !number_parse(str_take(text, n), &v))
            return false;
        text = str_trim(str_skip(text, n));
        n = run_of(text, false);
        if (!read_time_unit(str_take(text, n), &seconds))
            return false;
        sum += v * seconds;
        text = str_trim(str_skip(text, n));
    }
    *out = sum;
    return true;
}

static bool read_duration(struct str text, double *out)
{
    if (text.n == 0)
        return false;
    if (memchr(text.p, ':', text.n))
        return read_clock(text, out);
    return number_parse(text, out) || read_parts(text, out);
}

bool quantity_read(struct str text, enum quantity_unit unit, double *out)
{
    double v;

    text = str_trim(text);
    if (unit == QUANTITY_DURATION ? !read_duration(text, &v) : !number_parse(text, &v))
        return false;
    v *= scales[unit];
    if (!isfinite(v))
        return false;
    *out = v;
    return true;
}
