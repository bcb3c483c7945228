#include "text/iso_time.h"

struct reader {
    struct str left;
};

static char peek(const struct reader *r)
{
    return r->left.n ? r->left.p[0] : '\0';
}

static bool take_char(struct reader *r, char c)
{
    if (peek(r) != c || r->left.n == 0)
        return false;
    r->left = str_skip(r->left, 1);
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* So many digits. */
static bool take_number(struct reader *r, size_t digits, int32_t max, int32_t *out)
{
    int32_t v = 0;

    if (r->left.n < digits)
        return false;
    for (size_t i = 0; i < digits; i++) {
        if (!is_digit(r->left.p[i]))
            return false;
        v = v * 10 + (r->left.p[i] - '0');
    }
    r->left = str_skip(r->left, digits);
    *out = v;
    return v <= max;
}

/* Digits past the ninth do not count. */
static bool take_fraction(struct reader *r, int32_t *nanos)
{
    int32_t unit = 100000000;

    if (!is_digit(peek(r)))
        return false;
    for (; is_digit(peek(r)); r->left = str_skip(r->left, 1)) {
        *nanos += unit * (peek(r) - '0');
        unit /= 10;
    }
    return true;
}

static bool take_zone(struct reader *r, struct iso_time *out)
{
    int32_t hours, minutes = 0;
    bool west = peek(r) == '-';

    if (take_char(r, 'Z') || take_char(r, 'z')) {
        out->has_zone = true;
        return true;
    }
    if (!take_char(r, '+') && !take_char(r, '-'))
        return true;
    if (!take_number(r, 2, 23, &hours))
        return false;
    if ((take_char(r, ':') || r->left.n > 0) && !take_number(r, 2, 59, &minutes))
        return false;
    out->has_zone = true;
    out->offset = (west ? -1 : 1) * (hours * 3600 + minutes * 60);
    return true;
}

static bool take_clock(struct reader *r, struct iso_time *out)
{
    int32_t hour, minute, second = 0;

    if (!take_number(r, 2, 23, &hour) || !take_char(r, ':') || !take_number(r, 2, 59, &minute))
        return false;
    if (take_char(r, ':') && !take_number(r, 2, 60, &second))
        return false;
    if ((take_char(r, '.') || take_char(r, ',')) && !take_fraction(r, &out->nanos))
        return false;
    out->seconds += hour * 3600 + minute * 60 + second;
    (void)take_char(r, ' '); /* "2024-01-16 03:00:15 +0100" */
    return take_zone(r, out);
}

int64_t iso_days(int64_t year, int64_t month, int64_t day)
{
    int64_t months = year * 12 + month - 1 - 2; /* a year begins in March: its leap day ends it */
    int64_t y = months >= 0 ? months / 12 : -((11 - months) / 12), m = months - y * 12;
    int64_t era = y >= 0 ? y / 400 : -((399 - y) / 400), of_era = y - era * 400;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * m + 2) / 5 + day - 1 -
           719468;
}

static int32_t days_of_month(int32_t year, int32_t month)
{
    return (int32_t)(iso_days(year, month + 1, 1) - iso_days(year, month, 1));
}

bool iso_time_parse(struct str text, struct iso_time *out)
{
    struct reader r = {text};
    struct iso_time t = {.seconds = 0};
    int32_t year, month, day;

    if (!take_number(&r, 4, 9999, &year) || !take_char(&r, '-') ||
        !take_number(&r, 2, 12, &month) || !take_char(&r, '-') || !take_number(&r, 2, 31, &day) ||
        month < 1 || day < 1 || day > days_of_month(year, month))
        return false;
    t.seconds = iso_days(year, month, day) * 86400;
    if (r.left.n > 0 && ((!take_char(&r, 'T') && !take_char(&r, 't') && !take_char(&r, ' ')) ||
                         !take_clock(&r, &t)))
        return false;
    if (r.left.n > 0)
        return false;
    *out = t;
    return true;
}
