/* times: points in time as a person writes them on the command line. */
#ifndef CLI_TIMES_H
#define CLI_TIMES_H

#include "base/attr.h"

struct err;

/* Seconds since 1970. */
double times_now(void);
/* Seconds since 1970, RFC 3339 ("2026-11-21T22:59:00Z"; without Z in local time), or so long before
 * `now`: "-1h", "1 hour ago". `flag` is for the message. */
MUST_USE int times_read(const char *flag, const char *text, double now, double *out,
                        struct err *err);

#endif
