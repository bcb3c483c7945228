#include "collect/logs/when.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "text/iso_time.h"
#include "text/number.h"
#include "text/zone.h"

#define TEXT_MAX 64
#define DAY_S    86400
/* A clock that is a little ahead of ours is not one of the year before. */
#define AHEAD_S 3600
/* Zones are quarters of an hour apart; a line is written this near to the time that it says. */
#define ZONE_STEP_MS INT64_C(900000)
#define ZONE_MAX_MS  INT64_C(50400000)
#define APART_MS     5000

void when_begin(struct when *w, int64_t now_ms)
{
    w->now_ms = now_ms;
    w->known = false; /* the zone may have got another rule */
}

/* Of a time on the zone's clock, seconds east of UTC. */
static int64_t offset_at(struct when *w, int64_t seconds)
{
    int64_t quarter = seconds / 900;
    time_t as_utc = (time_t)seconds;
    struct tm tm;

    if (w->known && w->quarter == quarter)
        return w->offset;
    if (!gmtime_r(&as_utc, &tm))
        return 0;
    tm.tm_isdst = -1;
    w->offset = seconds - (w->zone ? zone_to_unix(w->zone, seconds) : (int64_t)mktime(&tm));
    w->quarter = quarter;
    w->known = true;
    return w->offset;
}

/* 2025/03/04 - 08:00:01 as 2025-03-04 08:00:01 */
static struct str as_iso(struct str text, char out[TEXT_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < text.n && n < TEXT_MAX; i++) {
        if (i == 4 || i == 7)
            out[n++] = text.p[i] == '/' ? '-' : text.p[i];
        else if (i > 10 && i < 14 && (text.p[i] == '-' || text.p[i] == ' ') && out[n - 1] == ' ')
            continue;
        else
            out[n++] = text.p[i];
    }
    return (struct str){out, n};
}

static bool read_iso(struct when *w, struct str text, int64_t *out)
{
    char copy[TEXT_MAX];
    struct iso_time t;

    text = as_iso(text, copy);
    if (str_ends(text, STR(" UTC")) || str_ends(text, STR(" GMT"))) {
        copy[text.n - 4] = 'Z';
        text = str_take(text, text.n - 3);
    }
    if (!iso_time_parse(text, &t))
        return false;
    w->zoned = t.has_zone;
    *out =
        (t.seconds - (t.has_zone ? t.offset : offset_at(w, t.seconds))) * 1000 + t.nanos / 1000000;
    return true;
}

/* From 1973 on in seconds; what is a thousand times larger is in ms, and so on. */
static bool read_number(struct when *w, struct str text, int64_t *out)
{
    double v;

    if (!number_parse(text, &v) || !(v >= 1e8) || !(v < 1e20))
        return false;
    if (v < 1e11)
        v *= 1e3;
    else if (v >= 1e17)
        v /= 1e6;
    else if (v >= 1e14)
        v /= 1e3;
    *out = (int64_t)v;
    w->zoned = true;
    return true;
}

/* ---- times in parts ---- */

static bool take_number(struct str *s, int64_t *out)
{
    size_t n = 0;

    *out = 0;
    while (n < s->n && n < 9 && s->p[n] >= '0' && s->p[n] <= '9')
        *out = *out * 10 + (s->p[n++] - '0');
    *s = str_skip(*s, n);
    return n > 0;
}

/* 08:00:01,204, in milliseconds of the day */
static bool take_clock(struct str *s, int64_t *out)
{
    int64_t hours, minutes, seconds = 0, part = 0, scale = 100;

    if (!take_number(s, &hours) || !s->n || s->p[0] != ':')
        return false;
    *s = str_skip(*s, 1);
    if (!take_number(s, &minutes))
        return false;
    if (s->n && s->p[0] == ':') {
        *s = str_skip(*s, 1);
        if (!take_number(s, &seconds))
            return false;
    }
    if (s->n && (s->p[0] == '.' || s->p[0] == ',')) {
        for (*s = str_skip(*s, 1); s->n && s->p[0] >= '0' && s->p[0] <= '9'; *s = str_skip(*s, 1)) {
            part += (s->p[0] - '0') * scale;
            scale /= 10;
        }
    }
    *out = ((hours * 60 + minutes) * 60 + seconds) * 1000 + part;
    return hours < 24 && minutes < 60 && seconds <= 60;
}

static bool take_month(struct str *s, int64_t *out)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

    for (size_t i = 0; i < 12 && s->n > 3; i++) {
        if (memcmp(s->p, names + 3 * i, 3) == 0) {
            *s = str_trim(str_skip(*s, 3));
            *out = (int64_t)i + 1;
            return true;
        }
    }
    return false;
}

/* Of the zone's clock in milliseconds. */
static int64_t to_unix(struct when *w, int64_t day, int64_t clock_ms)
{
    int64_t seconds = day * DAY_S + clock_ms / 1000;

    return (seconds - offset_at(w, seconds)) * 1000 + clock_ms % 1000;
}

static int64_t today(struct when *w)
{
    int64_t now = w->now_ms / 1000;

    return (now + offset_at(w, now)) / DAY_S;
}

/* The last such day. */
static void without_year(struct when *w, int64_t month, int64_t day, int64_t clock_ms, int64_t *out)
{
    int64_t year = 1970 + today(w) * 400 / 146097;

    for (year++; year > 1970; year--) {
        *out = to_unix(w, iso_days(year, month, day), clock_ms);
        if (*out <= w->now_ms + AHEAD_S * 1000)
            break;
    }
}

static bool read_month(struct when *w, struct str text, int64_t *out)
{
    int64_t month, day, clock_ms, year;
    struct str rest = text;

    if (!take_month(&rest, &month)) {
        rest = str_trim(str_skip(text, 3)); /* Tue */
        if (!take_month(&rest, &month))
            return false;
    }
    if (!take_number(&rest, &day))
        return false;
    rest = str_trim(rest);
    if (!take_clock(&rest, &clock_ms))
        return false;
    rest = str_trim(rest);
    if (take_number(&rest, &year)) {
        *out = to_unix(w, iso_days(year, month, day), clock_ms);
        return true;
    }
    without_year(w, month, day, clock_ms, out);
    return true;
}

/* 03-04 08:00:01, 0304 08:00:01 */
static bool read_day(struct when *w, struct str text, int64_t *out)
{
    int64_t month, day, clock_ms;
    struct str first = str_take(text, 2), rest = str_skip(text, 2);

    if (rest.n && rest.p[0] == '-')
        rest = str_skip(rest, 1);
    if (!take_number(&first, &month) || first.n || month < 1 || month > 12 ||
        !take_number(&rest, &day) || day < 1 || day > 31 || !rest.n || rest.p[0] != ' ')
        return false;
    rest = str_trim(rest);
    if (!take_clock(&rest, &clock_ms) || rest.n)
        return false;
    without_year(w, month, day, clock_ms, out);
    return true;
}

/* 04/Mar/2025:08:00:01 +0100 */
static bool read_access(struct when *w, struct str text, int64_t *out)
{
    struct str rest = str_skip(text, 3);
    char iso[TEXT_MAX];
    int64_t month;

    if (text.n < 20 || text.p[2] != '/' || !take_month(&rest, &month) || text.p[11] != ':')
        return false;
    (void)snprintf(iso, sizeof iso, "%.4s-%02d-%.2s %.*s", text.p + 7, (int)month, text.p,
                   STR_ARGS(str_skip(text, 12)));
    return read_iso(w, str_c(iso), out);
}

static bool read_clock(struct when *w, struct str text, int64_t *out)
{
    int64_t clock_ms;

    if (!take_clock(&text, &clock_ms) || text.n)
        return false;
    *out = to_unix(w, today(w), clock_ms);
    if (*out > w->now_ms + AHEAD_S * 1000)
        *out = to_unix(w, today(w) - 1, clock_ms);
    return true;
}

static bool read_any(struct when *w, struct str text, int64_t *out)
{
    text = str_trim(text);
    w->zoned = false;
    return text.n && text.n < TEXT_MAX &&
           (read_iso(w, text, out) || read_number(w, text, out) || read_month(w, text, out) ||
            read_clock(w, text, out) || read_access(w, text, out) || read_day(w, text, out));
}

int64_t when_read(struct when *w, struct str text)
{
    int64_t out = w->now_ms;

    return read_any(w, text, &out) ? out : w->now_ms;
}

static bool is_zone_apart(int64_t ms)
{
    int64_t off = llabs(ms), rest = (off + APART_MS) % ZONE_STEP_MS;

    return off > ZONE_STEP_MS && off <= ZONE_MAX_MS + APART_MS && rest <= 2 * APART_MS;
}

int64_t when_of(struct when *w, int64_t given_ms, struct str text)
{
    int64_t at = w->now_ms;

    if (!read_any(w, text, &at))
        return given_ms ? given_ms : w->now_ms;
    return given_ms && !w->zone && !w->zoned && is_zone_apart(at - given_ms) ? given_ms : at;
}

int64_t when_read_nearest(struct when *w, struct str text)
{
    int64_t year = 1970 + today(w) * 400 / 146097, best = when_read(w, text), at;
    char dated[TEXT_MAX];

    if (text.n > TEXT_MAX / 2)
        return best;
    for (int64_t y = year - 1; y <= year + 1; y++) {
        (void)snprintf(dated, sizeof dated, "%.*s %" PRId64, STR_ARGS(text), y);
        at = when_read(w, str_c(dated));
        if (llabs(at - w->now_ms) < llabs(best - w->now_ms))
            best = at;
    }
    return best;
}
