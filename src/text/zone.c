#include "text/zone.h"

#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/cursor.h"
#include "base/err.h"
#include "text/iso_time.h"

#define HEADER      44
#define DAY         86400
#define OFFSET_MAX  (26 * 3600)  /* as RFC 8536 has it, rounded up */
#define CHANGE_MAX  (168 * 3600) /* a rule may lie days away from its day */
#define CHANGES_MAX 100000

const struct zone zone_utc = {.n = 0};

/* ---- the rule at the end ---- */

static bool take_char(struct str *s, char c)
{
    if (s->n == 0 || s->p[0] != c)
        return false;
    *s = str_skip(*s, 1);
    return true;
}

static bool take_number(struct str *s, int32_t max, int32_t *out)
{
    int32_t v = 0;
    size_t n = 0;

    for (; n < s->n && n < 6 && s->p[n] >= '0' && s->p[n] <= '9'; n++)
        v = v * 10 + (s->p[n] - '0');
    *s = str_skip(*s, n);
    *out = v;
    return n > 0 && v <= max;
}

/* [+-]hh[:mm[:ss]] in seconds */
static bool take_clock(struct str *s, int32_t max, int32_t *out)
{
    bool minus = take_char(s, '-');
    int32_t hours, minutes = 0, seconds = 0;

    if (!minus)
        (void)take_char(s, '+');
    if (!take_number(s, max / 3600, &hours))
        return false;
    if (take_char(s, ':') &&
        (!take_number(s, 59, &minutes) || (take_char(s, ':') && !take_number(s, 59, &seconds))))
        return false;
    *out = (minus ? -1 : 1) * (hours * 3600 + minutes * 60 + seconds);
    return true;
}

/* "CET" or "<+0330>" */
static bool skip_name(struct str *s)
{
    const char *end;
    size_t n = 0;

    if (take_char(s, '<')) {
        end = s->n ? memchr(s->p, '>', s->n) : NULL;
        *s = end ? str_skip(*s, (size_t)(end + 1 - s->p)) : *s;
        return end != NULL;
    }
    while (n < s->n && ((s->p[n] | 32) >= 'a' && (s->p[n] | 32) <= 'z'))
        n++;
    *s = str_skip(*s, n);
    return n >= 3;
}

/* ",M3.5.0/2", ",J60" or ",59" */
static bool take_change(struct str *s, struct zone_change *out)
{
    *out = (struct zone_change){.kind = ZONE_DAY, .second = 2 * 3600};
    if (!take_char(s, ','))
        return false;
    if (take_char(s, 'M')) {
        out->kind = ZONE_WEEKDAY;
        if (!take_number(s, 12, &out->month) || !take_char(s, '.') ||
            !take_number(s, 5, &out->week) || !take_char(s, '.') || !take_number(s, 6, &out->day) ||
            out->month < 1 || out->week < 1)
            return false;
    } else if (take_char(s, 'J')) {
        out->kind = ZONE_DAY_NO_LEAP;
        if (!take_number(s, 365, &out->day) || out->day < 1)
            return false;
    } else if (!take_number(s, 365, &out->day)) {
        return false;
    }
    return !take_char(s, '/') || take_clock(s, CHANGE_MAX, &out->second);
}

/* "CET-1CEST,M3.5.0,M10.5.0/3": offsets count west of UTC here. */
static bool parse_rule(struct str s, struct zone *z)
{
    z->has_rule = s.n > 0;
    if (!z->has_rule)
        return true;
    if (!skip_name(&s) || !take_clock(&s, OFFSET_MAX, &z->standard))
        return false;
    z->standard = -z->standard;
    z->has_summer = s.n > 0;
    if (!z->has_summer)
        return true;
    if (!skip_name(&s))
        return false;
    z->summer = z->standard + 3600;
    if (s.n > 0 && s.p[0] != ',') {
        if (!take_clock(&s, OFFSET_MAX, &z->summer))
            return false;
        z->summer = -z->summer;
    }
    return take_change(&s, &z->begins) && take_change(&s, &z->ends) && s.n == 0;
}

/* Days from 1970-01-01 to that of the change. */
static int64_t day_of(const struct zone_change *c, int64_t year)
{
    int64_t first, day;

    if (c->kind == ZONE_DAY)
        return iso_days(year, 1, 1) + c->day;
    if (c->kind == ZONE_DAY_NO_LEAP)
        return c->day < 60 ? iso_days(year, 1, c->day) : iso_days(year, 3, c->day - 59);
    first = iso_days(year, c->month, 1);
    day = first + (c->day - (first + 4) % 7 + 7) % 7 + 7 * (c->week - 1); /* day 0: a Thursday */
    return day >= iso_days(year, c->month + 1, 1) ? day - 7 : day;
}

static int32_t offset_by_rule(const struct zone *z, int64_t t)
{
    time_t local = (time_t)(t + z->standard);
    int64_t begins, ends;
    struct tm tm;

    if (!z->has_summer || !gmtime_r(&local, &tm))
        return z->standard;
    begins = day_of(&z->begins, tm.tm_year + INT64_C(1900)) * DAY + z->begins.second - z->standard;
    ends = day_of(&z->ends, tm.tm_year + INT64_C(1900)) * DAY + z->ends.second - z->summer;
    if (begins <= ends)
        return t >= begins && t < ends ? z->summer : z->standard;
    return t >= begins || t < ends ? z->summer : z->standard; /* south of the equator */
}

/* ---- the file ---- */

struct counts {
    uint32_t is_ut, is_standard, leaps, times, types, chars;
};

static uint32_t big32(struct cursor *c)
{
    return __builtin_bswap32(cursor_u32(c));
}

static bool read_header(struct cursor *c, uint8_t *version, struct counts *out)
{
    struct str magic = cursor_bytes(c, 4);

    *version = cursor_u8(c);
    cursor_skip(c, 15);
    out->is_ut = big32(c);
    out->is_standard = big32(c);
    out->leaps = big32(c);
    out->times = big32(c);
    out->types = big32(c);
    out->chars = big32(c);
    return !c->failed && str_eq(magic, STR("TZif")) && out->times <= CHANGES_MAX &&
           out->types >= 1 && out->types <= 256 && out->chars <= 4096 && out->leaps <= 4096 &&
           out->is_ut <= 256 && out->is_standard <= 256;
}

/* What lies behind the types. */
static size_t rest_of(const struct counts *n, size_t time_bytes)
{
    return n->chars + n->leaps * (time_bytes + 4) + n->is_standard + n->is_ut;
}

static int corrupt(struct err *err)
{
    return err_set(err, ERR_CORRUPT, "not a file of the tz database");
}

static int read_block(struct cursor *c, const struct counts *n, size_t time_bytes,
                      struct arena *arena, struct zone *z, struct err *err)
{
    int64_t *at = arena_new_array(arena, int64_t, n->times + 1, err);
    int32_t *offsets = arena_new_array(arena, int32_t, n->times + 1, err);
    int32_t types[256] = {0}; /* at least one: read_header */
    struct str which;

    if (!at || !offsets)
        return -1;
    for (uint32_t i = 0; i < n->times; i++)
        at[i] = time_bytes == 8 ? (int64_t)__builtin_bswap64(cursor_u64(c)) : (int32_t)big32(c);
    which = cursor_bytes(c, n->times);
    for (uint32_t i = 0; i < n->types; i++) {
        types[i] = (int32_t)big32(c);
        cursor_skip(c, 2); /* is it summer time, and its name */
        if (types[i] < -OFFSET_MAX || types[i] > OFFSET_MAX)
            return corrupt(err);
    }
    cursor_skip(c, rest_of(n, time_bytes));
    if (c->failed)
        return corrupt(err);
    for (uint32_t i = 0; i < n->times; i++) {
        if ((unsigned char)which.p[i] >= n->types || (i > 0 && at[i] <= at[i - 1]))
            return corrupt(err);
        offsets[i] = types[(unsigned char)which.p[i]];
    }
    z->at = at;
    z->offsets = offsets;
    z->n = n->times;
    z->first = types[0];
    return 0;
}

static bool read_rule(struct cursor *c, struct zone *z)
{
    struct str text = cursor_bytes(c, cursor_left(c));

    if (text.n < 2 || text.p[0] != '\n' || text.p[text.n - 1] != '\n')
        return false;
    return parse_rule((struct str){text.p + 1, text.n - 2}, z);
}

int zone_parse(struct arena *arena, struct str bytes, struct zone *out, struct err *err)
{
    struct cursor c = cursor_of(bytes.p, bytes.n);
    struct counts n;
    uint8_t version;

    *out = (struct zone){.n = 0};
    if (!read_header(&c, &version, &n))
        return corrupt(err);
    if (version == 0)
        return read_block(&c, &n, 4, arena, out, err);
    cursor_skip(&c, n.times * 5 + n.types * 6 + rest_of(&n, 4)); /* the same again in 64 bits */
    if (!read_header(&c, &version, &n))
        return corrupt(err);
    if (read_block(&c, &n, 8, arena, out, err) < 0)
        return -1;
    return read_rule(&c, out) ? 0 : corrupt(err);
}

/* ---- asking ---- */

int32_t zone_offset(const struct zone *z, int64_t unix_seconds)
{
    size_t low = 0, high = z->n; /* the changes before `low` have happened */

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (z->at[middle] <= unix_seconds)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == z->n && z->has_rule)
        return offset_by_rule(z, unix_seconds);
    return low == 0 ? z->first : z->offsets[low - 1];
}

int64_t zone_to_unix(const struct zone *z, int64_t clock_seconds)
{
    int32_t before = zone_offset(z, clock_seconds - DAY),
            after = zone_offset(z, clock_seconds + DAY);

    if (zone_offset(z, clock_seconds - before) != before &&
        zone_offset(z, clock_seconds - after) == after)
        return clock_seconds - after;
    return clock_seconds - before;
}
