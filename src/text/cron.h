/* cron: when a line of a crontab is due.
 *
 *   minute hour day-of-month month day-of-week     30 3 * * 1-5
 *   @hourly @daily @midnight @weekly @monthly @yearly @annually
 *
 * Each field: *, numbers, a-b, lists by commas, steps by slashes; months and weekdays by their
 * first three letters too; Sunday is 0 and 7. When day of month and day of week are both
 * restricted, either will do, as cron has it.
 *
 * Times are of this machine's zone. Threads: any.
 */
#ifndef TEXT_CRON_H
#define TEXT_CRON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct err;

struct cron {
    uint64_t minutes;               /* bit n: minute n */
    uint32_t hours, days, weekdays; /* weekdays: bit 0 is Sunday */
    uint32_t months;                /* bit 1: January */
    bool any_day, any_weekday;      /* the field begins with '*' */
};

MUST_USE int cron_parse(struct str text, struct cron *out, struct err *err);
/* The first time after `unix_s` that is due; -1: there is none within nine years (30 February). */
int64_t cron_next(const struct cron *c, int64_t unix_s);

#endif
