#include "text/duration.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/err.h"
#include "text/number.h"

struct unit {
    const char *name;
    int64_t ms;
};

/* In the order they must be written; a year is 365 days, as in Prometheus. */
static const struct unit units[] = {
    {"y", INT64_C(365) * 86400000},
    {"w", INT64_C(7) * 86400000},
    {"d", 86400000},
    {"h", 3600000},
    {"m", 60000},
    {"s", 1000},
    {"ms", 1},
};

static size_t digits_at(struct str s)
{
    size_t n = 0;

    while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
        n++;
    return n;
}

/* Index of the unit that the letters at the start of `s` spell, ARRAY_LEN(units) when none. */
static size_t unit_at(struct str s, size_t *letters)
{
    size_t n = 0;

    while (n < s.n && ((s.p[n] >= 'a' && s.p[n] <= 'z') || (s.p[n] >= 'A' && s.p[n] <= 'Z')))
        n++;
    *letters = n;
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (str_eq(str_take(s, n), str_c(units[i].name)))
            return i;
    }
    return ARRAY_LEN(units);
}

static int not_a_duration(struct str s, struct err *err)
{
    return err_set(err, ERR_SYNTAX,
                   "\"%.*s\" is not a duration (write 30s, 5m, 1h30m; units: "
                   "y w d h m s ms, largest first)",
                   STR_ARGS(str_take(s, 60)));
}

int duration_parse(struct str s, int64_t *out_ms, struct err *err)
{
    struct str rest = s;
    size_t next = 0; /* units before this one are used up */
    int64_t total = 0;

    if (str_eq(s, STR("0"))) {
        *out_ms = 0;
        return 0;
    }
    if (s.n == 0)
        return err_set(err, ERR_SYNTAX, "empty duration (write 30s, 5m, 1h30m)");
    while (rest.n > 0) {
        size_t digits = digits_at(rest), letters, unit;
        int64_t count, ms;

        if (digits == 0)
            return not_a_duration(s, err);
        if (digits == rest.n)
            return err_set(err, ERR_SYNTAX, "\"%.*s\" has no unit (write %.*ss or %.*sm)",
                           STR_ARGS(str_take(s, 60)), STR_ARGS(str_take(rest, 20)),
                           STR_ARGS(str_take(rest, 20)));
        unit = unit_at(str_skip(rest, digits), &letters);
        if (unit == ARRAY_LEN(units) || unit < next)
            return not_a_duration(s, err);
        if (!number_parse_i64(str_take(rest, digits), &count) ||
            __builtin_mul_overflow(count, units[unit].ms, &ms) ||
            __builtin_add_overflow(total, ms, &total) || total > INT64_MAX / 1000000)
            return err_set(err, ERR_LIMIT, "\"%.*s\" is too long a duration (at most 292 years)",
                           STR_ARGS(str_take(s, 60)));
        next = unit + 1;
        rest = str_skip(rest, digits + letters);
    }
    *out_ms = total;
    return 0;
}

const char *duration_print(int64_t ms, char *out)
{
    char *p = out;
    uint64_t left = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;

    if (ms == 0)
        return memcpy(out, "0s", sizeof "0s");
    if (ms < 0)
        *p++ = '-';
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        uint64_t unit_ms = (uint64_t)units[i].ms;
        uint64_t count = left / unit_ms;

        /* Years and weeks only when nothing is left over: 8d, not 1w1d; as Prometheus prints. */
        if (count == 0 || (i < 2 && left % unit_ms != 0))
            continue;
        p += sprintf(p, "%" PRIu64 "%s", count, units[i].name);
        left %= unit_ms;
    }
    return out;
}

const char *duration_print_long(int64_t ms, char *out)
{
    static const struct {
        int64_t big_ms, small_ms;
        const char *big, *small;
    } steps[] = {
        {86400000, 3600000, "d", "h"},
        {3600000, 60000, "h", "min"},
        {60000, 1000, "min", "s"},
    };
    const char *sign = ms < 0 ? "-" : "";
    uint64_t left = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;

    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        uint64_t small_ms = (uint64_t)steps[i].small_ms, big = (uint64_t)steps[i].big_ms;
        uint64_t small = (left + small_ms / 2) / small_ms; /* rounded, so 59.9 s is 1 min */

        if (small * small_ms < big)
            continue;
        if (small * small_ms % big == 0)
            (void)sprintf(out, "%s%" PRIu64 " %s", sign, small * small_ms / big, steps[i].big);
        else
            (void)sprintf(out, "%s%" PRIu64 " %s %" PRIu64 " %s", sign, small * small_ms / big,
                          steps[i].big, small * small_ms % big / small_ms, steps[i].small);
        return out;
    }
    if (left < 1000)
        (void)sprintf(out, "%s%" PRIu64 " ms", sign, left);
    else if (left % 1000 < 50 || left >= 30000)
        (void)sprintf(out, "%s%" PRIu64 " s", sign, (left + 500) / 1000);
    else
        (void)sprintf(out, "%s%.1f s", sign, (double)left / 1000);
    return out;
}

int size_parse(struct str s, uint64_t *out_bytes, struct err *err)
{
    static const struct {
        const char *name;
        unsigned shift;
    } sizes[] = {{"", 0},     {"B", 0},    {"KB", 10},  {"KiB", 10}, {"MB", 20},
                 {"MiB", 20}, {"GB", 30},  {"GiB", 30}, {"TB", 40},  {"TiB", 40},
                 {"PB", 50},  {"PiB", 50}, {"EB", 60},  {"EiB", 60}};
    size_t number_n = digits_at(s);
    struct str unit;
    double count;

    if (number_n < s.n && s.p[number_n] == '.')
        number_n += 1 + digits_at(str_skip(s, number_n + 1));
    unit = str_skip(s, number_n);
    if (number_n > 0 && number_parse(str_take(s, number_n), &count)) {
        for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
            if (!str_eq(unit, str_c(sizes[i].name)))
                continue;
            count *= (double)(UINT64_C(1) << sizes[i].shift);
            if (count >= 0x1p63)
                return err_set(err, ERR_SYNTAX, "\"%.*s\" is too large a size",
                               STR_ARGS(str_take(s, 60)));
            *out_bytes = (uint64_t)count;
            return 0;
        }
    }
    return err_set(
        err, ERR_SYNTAX,
        "\"%.*s\" is not a size (write 512MB or 20GB; units: KB MB GB TB, powers of 1024)",
        STR_ARGS(str_take(s, 60)));
}
