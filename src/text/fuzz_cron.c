/* Whatever stands in a crontab, it is refused or has a next time that it allows. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/err.h"
#include "text/cron.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const int64_t now = 1767225599 + (int64_t)size * 86400;
    struct cron c;
    struct tm tm;
    time_t shown;
    int64_t t;

    if (cron_parse((struct str){(const char *)data, size}, &c, NULL) < 0)
        return 0;
    t = cron_next(&c, now);
    assert(t == -1 || t > now);
    shown = (time_t)t;
    if (t > 0 && localtime_r(&shown, &tm))
        assert(c.months >> (tm.tm_mon + 1) & 1);
    return 0;
}
