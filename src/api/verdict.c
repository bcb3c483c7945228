#include "api/verdict.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#define TOLD_MAX 3

void verdict_add(struct verdict *v, enum verdict_level level, const char *fmt, ...)
{
    struct verdict_cause *cause = v->kept < VERDICT_CAUSES_MAX ? &v->causes[v->kept++] : NULL;
    va_list args;

    v->n++;
    v->urgent += level == VERDICT_CRITICAL;
    if (!cause)
        return;
    cause->level = level;
    va_start(args, fmt);
    (void)vsnprintf(cause->text, sizeof cause->text, fmt, args);
    va_end(args);
}

enum verdict_level verdict_level(const struct verdict *v)
{
    return v->urgent ? VERDICT_CRITICAL : v->n ? VERDICT_WARNING : VERDICT_OK;
}

const char *verdict_word(enum verdict_level level)
{
    static const char *const words[] = {"ok", "warning", "critical"};

    return words[level];
}

static const char *count_word(size_t n, bool first, char out[VERDICT_NUMBER_MAX])
{
    static const char *const words[] = {"none",  "one",   "two",  "three", "four",   "five",  "six",
                                        "seven", "eight", "nine", "ten",   "eleven", "twelve"};

    (void)snprintf(out, VERDICT_NUMBER_MAX, "%zu", n);
    if (n < sizeof words / sizeof *words) {
        (void)snprintf(out, VERDICT_NUMBER_MAX, "%s", words[n]);
        if (first)
            out[0] = (char)(out[0] - 'a' + 'A');
    }
    return out;
}

static void add_head(const struct verdict *v, struct buf *out)
{
    char number[VERDICT_NUMBER_MAX];

    buf_addf(out, "%s %s a look", count_word(v->n, true, number),
             v->n == 1 ? "thing needs" : "things need");
    if (v->n == 1 && v->urgent)
        buf_adds(out, ", it is urgent");
    else if (v->urgent == v->n)
        buf_adds(out, v->n == 2 ? ", both are urgent" : ", all are urgent");
    else if (v->urgent)
        buf_addf(out, ", %s %s urgent", count_word(v->urgent, false, number),
                 v->urgent == 1 ? "is" : "are");
    buf_addc(out, '.');
}

static size_t tell(const struct verdict *v, enum verdict_level level, size_t told, struct buf *out)
{
    for (size_t i = 0; i < v->kept && told < TOLD_MAX; i++) {
        const char *text = v->causes[i].text;
        size_t length = strlen(text);

        if (v->causes[i].level != level)
            continue;
        buf_addc(out, ' ');
        buf_adds(out, text);
        if (length && text[length - 1] != '.')
            buf_addc(out, '.');
        told++;
    }
    return told;
}

void verdict_sentence(const struct verdict *v, struct buf *out)
{
    size_t told;
    char number[VERDICT_NUMBER_MAX];

    if (!v->n) {
        buf_adds(out, "Everything is fine.");
        return;
    }
    add_head(v, out);
    told = tell(v, VERDICT_CRITICAL, 0, out);
    told = tell(v, VERDICT_WARNING, told, out);
    if (v->n > told)
        buf_addf(out, " And %s more.", count_word(v->n - told, false, number));
}

/* Three significant digits, no zeros behind the point: 18, 1.2, 4.05, 999. */
static void digits(double v, const char *unit, char out[VERDICT_NUMBER_MAX])
{
    int decimals = v < 9.995 ? 2 : v < 99.95 ? 1 : 0;
    int n = snprintf(out, VERDICT_NUMBER_MAX, "%.*f", decimals, v);

    while (decimals && out[n - 1] == '0') {
        n--;
        decimals--;
    }
    if (out[n - 1] == '.')
        n--;
    (void)snprintf(out + n, (size_t)(VERDICT_NUMBER_MAX - n), " %s", unit);
}

const char *verdict_bytes(double bytes, char out[VERDICT_NUMBER_MAX])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    size_t unit = 0;

    for (; bytes >= 999.5 && unit + 1 < sizeof units / sizeof *units; unit++)
        bytes /= 1000;
    digits(bytes, units[unit], out);
    return out;
}

const char *verdict_memory(double bytes, char out[VERDICT_NUMBER_MAX])
{
    double gb = bytes / (1 << 30);

    if (gb < 1)
        digits(bytes / (1 << 20), "MB", out);
    else
        digits(gb, "GB", out);
    return out;
}

const char *verdict_duration(double seconds, char out[VERDICT_NUMBER_MAX])
{
    static const struct {
        double seconds;
        const char *name;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    size_t u = 0;
    double whole, rest;
    int n;

    while (u < 3 && seconds < units[u].seconds)
        u++;
    whole = floor(seconds / units[u].seconds);
    rest = u < 3 ? floor((seconds - whole * units[u].seconds) / units[u + 1].seconds) : 0;
    n = snprintf(out, VERDICT_NUMBER_MAX, "%.0f %s", whole, units[u].name);
    if (rest >= 1 && whole < 10)
        (void)snprintf(out + n, (size_t)(VERDICT_NUMBER_MAX - n), " %.0f %s", rest,
                       units[u + 1].name);
    return out;
}
