#include "cli/times.h"

#include <math.h>
#include <time.h>

#include "base/err.h"
#include "sys/clock.h"
#include "text/duration.h"
#include "text/number.h"

double times_now(void)
{
    return (double)clock_real()->wall_ms(clock_real()) / 1000;
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
    rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (rest && (*rest == '\0' || strcmp(rest, "Z") == 0)) {
        *out = (double)(*rest ? timegm(&tm) : mktime(&tm));
        return 0;
    }
    return err_set(err, ERR_SYNTAX,
                   "--%s: \"%.60s\" is no time (write seconds, 2026-11-21T22:59:00Z, or -1h)", flag,
                   text);
}
