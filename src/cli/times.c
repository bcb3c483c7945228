#include "cli/times.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "sys/clock.h"
#include "text/duration.h"
#include "text/number.h"

double times_now(void)
{
    return (double)clock_real()->wall_ms(clock_real()) / 1000;
}

/* How many seconds "1 hour ago" or "90 min ago" is, which is what journalctl calls them; else
 * false. */
static bool read_ago(const char *text, double *seconds)
{
    static const struct {
        const char *name;
        double seconds;
    } units[] = {{"second", 1},  {"sec", 1},     {"minute", 60},  {"min", 60},
                 {"hour", 3600}, {"day", 86400}, {"week", 604800}};
    char unit[16], word[4], rest;
    size_t n;

    if (sscanf(text, "%lf %15[a-z] %3[a-z]%c", seconds, unit, word, &rest) != 3 ||
        strcmp(word, "ago") != 0 || !isfinite(*seconds))
        return false;
    n = strlen(unit);
    if (unit[n - 1] == 's')
        unit[n - 1] = '\0';
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(unit, units[i].name) == 0) {
            *seconds *= units[i].seconds;
            return true;
        }
    return false;
}

int times_read(const char *flag, const char *text, double now, double *out, struct err *err)
{
    struct tm tm = {0};
    int64_t ms;
    double seconds;
    char *rest;

    if (number_parse(str_c(text), &seconds) && isfinite(seconds) && fabs(seconds) < 1e12) {
        *out = seconds;
        return 0;
    }
    if (text[0] == '-' && duration_parse(str_c(text + 1), &ms, NULL) == 0) {
        *out = now - (double)ms / 1000;
        return 0;
    }
    if (read_ago(text, &seconds)) {
        *out = now - seconds;
        return 0;
    }
    rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (rest && (*rest == '\0' || strcmp(rest, "Z") == 0)) {
        *out = (double)(*rest ? timegm(&tm) : mktime(&tm));
        return 0;
    }
    return err_set(err, ERR_SYNTAX,
                   "--%s: \"%.60s\" is no time (write seconds, 2026-11-21T22:59:00Z, or -1h)", flag,
                   text);
}
