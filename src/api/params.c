/* Parameters of the API, in Prometheus' words. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "api/internal.h"
#include "text/duration.h"
#include "text/number.h"

int api_params_read(struct http_request *r, struct api_params *out)
{
    struct err err;

    if (http_params(r, &out->items, &out->n, &err) < 0) {
        (void)err_context(&err, "reading the parameters");
        api_reply_status(r, 400, "bad_data", err.text);
        return -1;
    }
    return 0;
}

struct str api_param(const struct api_params *p, const char *name)
{
    struct str wanted = str_c(name);

    for (size_t i = 0; i < p->n; i++)
        if (str_eq(p->items[i].name, wanted))
            return p->items[i].value;
    return (struct str){NULL, 0};
}

/* Digits only, exactly n of them. */
static bool digits(struct str *s, size_t n, int *out)
{
    int v = 0;

    if (s->n < n)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (s->p[i] < '0' || s->p[i] > '9')
            return false;
        v = v * 10 + (s->p[i] - '0');
    }
    *s = str_skip(*s, n);
    *out = v;
    return true;
}

static bool literal(struct str *s, char c)
{
    if (!s->n || (s->p[0] | 0x20) != (c | 0x20))
        return false;
    *s = str_skip(*s, 1);
    return true;
}

/* One digit at least; what is behind the milliseconds is cut off. */
static bool fraction(struct str *s, int64_t *out_ms)
{
    int64_t ms = 0, scale = 100;
    size_t n = 0;

    for (; n < s->n && s->p[n] >= '0' && s->p[n] <= '9'; n++, scale /= 10)
        ms += (s->p[n] - '0') * scale;
    *s = str_skip(*s, n);
    *out_ms = ms;
    return n > 0;
}

static int days_of(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

/* RFC 3339, section 5.6: 2015-07-01T20:10:30.781Z, with an offset instead of Z. */
static bool parse_rfc3339(struct str s, ts_ms *out)
{
    struct tm tm = {0};
    int offset_hours = 0, offset_minutes = 0, sign = 1;
    int64_t seconds, fraction_ms = 0;

    if (!digits(&s, 4, &tm.tm_year) || !literal(&s, '-') || !digits(&s, 2, &tm.tm_mon) ||
        !literal(&s, '-') || !digits(&s, 2, &tm.tm_mday) || !literal(&s, 't') ||
        !digits(&s, 2, &tm.tm_hour) || !literal(&s, ':') || !digits(&s, 2, &tm.tm_min) ||
        !literal(&s, ':') || !digits(&s, 2, &tm.tm_sec))
        return false;
    if (tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 ||
        tm.tm_mday > days_of(tm.tm_year, tm.tm_mon) || tm.tm_hour > 23 || tm.tm_min > 59 ||
        tm.tm_sec > 59)
        return false;
    if (literal(&s, '.') && !fraction(&s, &fraction_ms))
        return false;
    if (!literal(&s, 'z')) {
        if (!s.n || (s.p[0] != '+' && s.p[0] != '-'))
            return false;
        sign = s.p[0] == '-' ? -1 : 1;
        s = str_skip(s, 1);
        if (!digits(&s, 2, &offset_hours) || !literal(&s, ':') || !digits(&s, 2, &offset_minutes))
            return false;
    }
    if (s.n)
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    seconds = timegm(&tm) - sign * (offset_hours * 3600 + offset_minutes * 60);
    *out = seconds * 1000 + fraction_ms;
    return true;
}

/* Go's minimum and maximum times in milliseconds, which Prometheus takes as "no bound". */
#define MIN_TIME_TEXT STR("-292273086-05-16T16:47:06Z")
#define MAX_TIME_TEXT STR("292277025-08-18T07:12:54.999999999Z")

int api_param_time(const struct api_params *p, const char *name, ts_ms *out, struct err *err)
{
    struct str text = api_param(p, name);
    double seconds;

    if (!text.n)
        return 0;
    if (number_parse(text, &seconds)) {
        double whole, part = modf(seconds, &whole); /* rounded apart: sums of them are not exact */

        /* Past all times, or no number at all: the nearest bound, the lower one for NaN. */
        if (seconds > (double)(TS_MS_MAX / 1000))
            *out = TS_MS_MAX;
        else if (seconds >= -(double)(TS_MS_MAX / 1000))
            *out = (ts_ms)whole * 1000 + (ts_ms)round(part * 1000);
        else
            *out = -TS_MS_MAX;
        return 0;
    }
    if (parse_rfc3339(text, out))
        return 0;
    if (str_eq(text, MIN_TIME_TEXT)) {
        *out = -TS_MS_MAX;
        return 0;
    }
    if (str_eq(text, MAX_TIME_TEXT)) {
        *out = TS_MS_MAX;
        return 0;
    }
    return err_set(err, ERR_SYNTAX,
                   "invalid parameter \"%s\": cannot parse \"%.*s\" to a valid timestamp", name,
                   STR_ARGS(str_take(text, 100)));
}

int api_param_bound(const struct api_params *p, const char *name, ts_ms *out, struct err *err)
{
    if (api_param_time(p, name, out, err) == 0)
        return 0;
    return err_set(err, ERR_SYNTAX,
                   "invalid parameter \"%s\": invalid time value for '%s': cannot parse \"%.*s\" "
                   "to a valid timestamp",
                   name, name, STR_ARGS(str_take(api_param(p, name), 100)));
}

int api_param_duration(const struct api_params *p, const char *name, int64_t *out_ms,
                       struct err *err)
{
    struct str text = api_param(p, name);
    double seconds;
    struct err ignored;

    if (!text.n)
        return 0;
    if (number_parse(text, &seconds)) {
        if (!isfinite(seconds) || fabs(seconds) > 9.2e9)
            return err_set(err, ERR_SYNTAX,
                           "invalid parameter \"%s\": cannot parse \"%.*s\" to a valid duration. "
                           "It overflows int64",
                           name, STR_ARGS(str_take(text, 100)));
        *out_ms = (int64_t)(seconds * 1e9) / 1000000; /* cut off, as Go's durations are */
        return 0;
    }
    if (duration_parse(text, out_ms, &ignored) == 0)
        return 0;
    return err_set(err, ERR_SYNTAX,
                   "invalid parameter \"%s\": cannot parse \"%.*s\" to a valid duration", name,
                   STR_ARGS(str_take(text, 100)));
}

/* [+-]digits, which may be past what an integer holds. */
static bool is_integer(struct str s)
{
    size_t sign = s.n && (s.p[0] == '-' || s.p[0] == '+');

    for (size_t i = sign; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.n > sign;
}

const char *api_not_a_number(struct str text)
{
    return is_integer(text) ? "value out of range" : "invalid syntax";
}

int api_param_limit(const struct api_params *p, size_t *out, struct err *err)
{
    struct str text = api_param(p, "limit");
    int64_t v;

    if (!text.n)
        return 0;
    if (!number_parse_i64(text, &v))
        return err_set(err, ERR_SYNTAX,
                       "invalid parameter \"limit\": strconv.Atoi: parsing \"%.*s\": %s",
                       STR_ARGS(str_take(text, 100)), api_not_a_number(text));
    if (v < 0)
        return err_set(err, ERR_SYNTAX, "invalid parameter \"limit\": limit must be non-negative");
    *out = (size_t)v;
    return 0;
}

int api_param_count(const struct api_params *p, const char *name, int64_t *out, struct err *err)
{
    struct str text = api_param(p, name);

    if (!text.n || number_parse_i64(text, out))
        return 0;
    return err_set(err, ERR_SYNTAX, "%s must be a number", name);
}

bool api_param_flag(struct str text, bool *out)
{
    static const char *const yes[] = {"1", "t", "true"}, *const no[] = {"0", "f", "false"};

    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        bool is_yes = text.n == strlen(yes[i]) && strncasecmp(text.p, yes[i], text.n) == 0;

        if (is_yes || (text.n == strlen(no[i]) && strncasecmp(text.p, no[i], text.n) == 0)) {
            *out = is_yes;
            return true;
        }
    }
    return false;
}
